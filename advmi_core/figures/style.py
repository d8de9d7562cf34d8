"""Looks: colour-blind-safe inks (Okabe–Ito) with the dash, the mark and the hatch that tell the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

Dash = tuple[int, ...]
SOLID: Dash = ()
DASH: Dash = (8, 5)
DOT: Dash = (2, 4)
DASHDOT: Dash = (8, 4, 2, 4)
LONG: Dash = (13, 4)
LONGDOT: Dash = (13, 4, 2, 4)
SHORT: Dash = (10, 4)
DOTDASH: Dash = (2, 4, 8, 4)

GREY = "#888888"  # of what is no series: a truth, a zero, a ring
NEGATIVE, ZERO, POSITIVE = "#0072b2", "#f7f7f7", "#d55e00"


@dataclass(frozen=True)
class Style:
    """How a series is named and drawn, on the screen and in print.

    Attributes:
        title: for people.
        ink: #rrggbb, readable on white and on dark grey.
        dash: lengths of strokes and gaps in pixels at a width of 2; () is a solid line.
        mark: ``circle``, ``square``, … (see the renderers); ``-open`` behind it for an outline.
        hatch: of bars and areas, one of ``/ \\ - | . x +``; "" fills them.
    """

    title: str
    ink: str
    dash: Dash = SOLID
    mark: str = "circle"
    hatch: str = ""


RING = Style("chosen", GREY, mark="circle-open")
"""Around the mark that was chosen."""
PALETTE = (
    Style("", "#d55e00", SOLID, "circle"),
    Style("", "#2f8fcb", DASH, "square", "/"),
    Style("", "#009e73", DOT, "diamond", "."),
    Style("", "#b3689a", DASHDOT, "triangle-up", "\\"),
    Style("", "#b58100", LONG, "x", "x"),
    Style("", "#7d838c", LONGDOT, "star", "-"),
    Style("", "#6a73d9", SHORT, "triangle-down", "|"),
    Style("", "#b0653a", DOTDASH, "cross", "+"),
    Style("", "#d1477a", (16, 6), "pentagon", "/"),
)


def looks(
    names: Iterable[str], known: Mapping[str, Style], title: Callable[[str], str] = str
) -> dict[str, Style]:
    """A look for every name: its own, or for an unknown one the next of the palette that is left.

    Args:
        names: of the series, in their order.
        known: looks that their names keep in every figure.
        title: of an unknown name.
    """
    wanted = dict.fromkeys(names)
    taken = {known[name].ink for name in wanted if name in known}
    free = [look for look in PALETTE if look.ink not in taken] or list(PALETTE)
    others = [name for name in wanted if name not in known]
    found = {name: replace(free[at % len(free)], title=title(name)) for at, name in enumerate(others)}
    return {name: known[name] if name in known else found[name] for name in wanted}
