"""The seven defences by name: an adversarial loss, and what mutual information adds to it (METHODS §5)."""

from __future__ import annotations

from dataclasses import dataclass

BASES = ("standard", "trades", "mart")
TERMS = ("", "wmim", "namid")


@dataclass(frozen=True)
class Defense:
    """What is minimised.

    Attributes:
        title: its name in tables.
        base: L_adv, one of ``BASES``.
        term: the term of mutual information, one of ``TERMS``.
    """

    title: str
    base: str
    term: str = ""

    @property
    def inner_loss(self) -> str:
        """What x̃ ascends: TRADES its own divergence [Zhang et al. 2019], the others the label's loss."""
        return "kl" if self.base == "trades" else "ce"

    @property
    def needs_clean(self) -> bool:
        """Whether the loss looks at h(x) beside h(x̃)."""
        return self.base != "standard" or self.term == "namid"


DEFENSES: dict[str, Defense] = {
    "standard": Defense("Standard", "standard"),
    "wmim": Defense("WMIM", "standard", "wmim"),
    "namid": Defense("NAMID", "standard", "namid"),
    "trades": Defense("TRADES", "trades"),
    "namid-t": Defense("NAMID_T", "trades", "namid"),
    "mart": Defense("MART", "mart"),
    "namid-m": Defense("NAMID_M", "mart", "namid"),
}
