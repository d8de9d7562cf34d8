"""Look of one line or bar, on the screen and in print."""

from __future__ import annotations

from dataclasses import dataclass

Dashes = str | tuple[int, tuple[int, ...]]


@dataclass(frozen=True)
class Style:
    """How a method is named and drawn: dash and mark tell the same as the ink.

    Attributes:
        title: for people.
        ink: #rrggbb, readable on white and on dark grey.
        dash, mark: plotly's names; ``line``, ``marker``: the same in matplotlib.
        pattern: SVG's stroke-dasharray, for the legend.
    """

    title: str
    ink: str
    dash: str
    mark: str
    line: Dashes
    marker: str
    pattern: str
