"""Attacks, all of them generators of ``Step`` records. A new one is a file here and a line in ``ATTACKS``."""

from advmi_core.attacks.autoattack.attack import AutoAttack
from advmi_core.attacks.core.about import Variant
from advmi_core.attacks.core.base import Attack
from advmi_core.attacks.core.records import AttackResult, Step
from advmi_core.attacks.cw import CW
from advmi_core.attacks.ddn import DDN
from advmi_core.attacks.fwa import FWA
from advmi_core.attacks.minmax import MinMax
from advmi_core.attacks.minmax_published import PublishedMinMax
from advmi_core.attacks.penalty import Penalty
from advmi_core.attacks.pgd import PGD
from advmi_core.attacks.ti_dim import TIDIM

ATTACKS: dict[str, type[Attack]] = {
    attack.name: attack for attack in (MinMax, PublishedMinMax, PGD, CW, DDN, Penalty, TIDIM, FWA, AutoAttack)
}


def variants() -> dict[str, tuple[type[Attack], Variant]]:
    """The methods that a sweep offers, by name: the first of every attack, then the others."""
    found = [
        (place, name, (attack, variant))
        for attack in ATTACKS.values()
        for place, (name, variant) in enumerate(attack.variants().items())
    ]
    return {name: offered for _, name, offered in sorted(found, key=lambda each: each[0] > 0)}


__all__ = [
    "ATTACKS",
    "CW",
    "DDN",
    "FWA",
    "PGD",
    "TIDIM",
    "Attack",
    "AttackResult",
    "AutoAttack",
    "MinMax",
    "Penalty",
    "PublishedMinMax",
    "Step",
    "variants",
]
