"""Attacks, all of them generators of ``Step`` records. A new one is a file here and a line in ``ATTACKS``."""

from advmi_core.attacks.base import Attack
from advmi_core.attacks.minmax import MinMax
from advmi_core.attacks.penalty import Penalty
from advmi_core.attacks.pgd import PGD
from advmi_core.attacks.records import AttackResult, Step

ATTACKS: dict[str, type[Attack]] = {attack.name: attack for attack in (MinMax, Penalty, PGD)}

__all__ = ["ATTACKS", "PGD", "Attack", "AttackResult", "MinMax", "Penalty", "Step"]
