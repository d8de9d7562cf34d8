"""Names at the right ends of curves: readable without a legend, none covering another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from advmi_core.figures.text import number

Floats = NDArray[np.float64]
TRUTH = "#888888"
_GAP = 0.06  # between two labels, in parts of the axis


@dataclass(frozen=True)
class End:
    """A curve's name, last value and ink."""

    name: str
    value: float
    ink: str


def label_ends(figure: go.Figure, ends: Sequence[End], low: float, high: float) -> None:
    """Name and value at the right of the picture; an arrow where the curve left the axis [low, high]."""
    for end, at in zip(ends, spread_out([end.value for end in ends], low, high), strict=True):
        gone = " ↓" if end.value < low else " ↑" if end.value > high else ""
        figure.add_annotation(
            xref="paper", x=1.01, xanchor="left", y=at, yanchor="middle", showarrow=False,
            text=f"{end.name} {number(end.value)}{gone}", font={"size": 13, "color": end.ink},
        )  # fmt: skip


def spread_out(wanted: Sequence[float], low: float, high: float) -> list[float]:
    """Positions near the wanted ones, in their order, a label's height apart, inside [low, high]."""
    gap = _GAP * (high - low)
    order = sorted(range(len(wanted)), key=wanted.__getitem__)
    placed: list[float] = []
    for index in order:
        least = placed[-1] + gap if placed else low
        placed.append(max(min(wanted[index], high), least))
    for at in range(len(placed) - 1, -1, -1):
        placed[at] = min(placed[at], placed[at + 1] - gap if at + 1 < len(placed) else high)
    return [place for _, place in sorted(zip(order, placed, strict=True))]


def faint(ink: str) -> str:
    """The ink of a band around a curve."""
    red, green, blue = (int(ink[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.16)"


def tame(values: Floats, axis: tuple[float, float]) -> Floats:
    """Values far outside the axis, brought to twice its length beyond it: a browser cannot draw 10⁹."""
    reach = 2 * (axis[1] - axis[0])
    return np.clip(values, axis[0] - reach, axis[1] + reach)
