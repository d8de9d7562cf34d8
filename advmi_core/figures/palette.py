"""Colour-blind-safe inks (Okabe–Ito) with the line style and marker that tell the same without colour."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Series:
    """How one quantity of a run is named and drawn everywhere.

    Attributes:
        name: key in ``Trail.curves``.
        title, unit: label parts for an axis.
        ink: colour as #rrggbb, readable on white and on dark grey.
        dash: plotly dash name; ``line``: the same in matplotlib.
        marker: matplotlib marker.
    """

    name: str
    title: str
    unit: str
    ink: str
    dash: str
    line: str
    marker: str


SERIES = (
    Series("criterion", "Criterion f", "≤ 0: adversarial", "#d55e00", "solid", "-", "o"),
    Series("c", "Dual variable c", "weight of f⁺", "#b3689a", "dash", "--", "s"),
    Series("kept", "Information kept", "% of that in x", "#2f8fcb", "solid", "-", "^"),
    Series("gap", "Proximal gap", "0: stationary", "#009e73", "dot", ":", "D"),
)

# What another number in the attack's loop says, beside the measure above; mostly that of a learning critic.
LOOP = Series("loop", "critic in the loop", "nats", "#6f8796", "dash", "--", "")

NEGATIVE, ZERO, POSITIVE = "#0072b2", "#f7f7f7", "#d55e00"
BEFORE, AFTER = "#777777", "#d55e00"
GAINS = (1, 2, 4, 10, 20, 50, 100)


def default_gain(largest_change: float) -> int:
    """The strongest of the offered gains that does not saturate a change of ``largest_change``."""
    fitting = [gain for gain in GAINS if gain * largest_change <= 1]
    return fitting[-1] if fitting else GAINS[0]
