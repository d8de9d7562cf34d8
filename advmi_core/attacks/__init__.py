"""Attacks, all of them generators of ``Step`` records. A new one is a file here and a line in ``ATTACKS``."""

from advmi_core.attacks.autoattack.attack import AutoAttack
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
    attack.name: attack for attack in (MinMax, PublishedMinMax, Penalty, PGD, CW, DDN, TIDIM, FWA, AutoAttack)
}

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
]
