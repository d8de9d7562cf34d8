"""One legend for the charts of a page: ink, dash and mark (or hatch) of every series beside its name."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from html import escape

from advmi_core.figures.chart import Bars, Drawing, Line, Named, Points, named
from advmi_core.figures.style import Style

_MARKS = {
    "circle": '<circle cx="24" cy="8" r="4.6"/>',
    "square": '<rect x="19.8" y="3.8" width="8.4" height="8.4"/>',
    "diamond": '<path d="M24 2.2 29.8 8 24 13.8 18.2 8Z"/>',
    "triangle-up": '<path d="M24 2.4 29.6 12.6H18.4Z"/>',
    "x": '<path d="M19.5 3.5 28.5 12.5M28.5 3.5 19.5 12.5" stroke-width="3.4"/>',
    "triangle-down": '<path d="M24 13.6 29.6 3.4H18.4Z"/>',
    "cross": '<path d="M22 3H26V6H29V10H26V13H22V10H19V6H22Z"/>',
    "pentagon": '<path d="M24 2.6 29.4 6.6 27.4 13H20.6L18.6 6.6Z"/>',
    "star": '<path d="M24 1.8 25.5 6.3H30.2L26.4 9 27.9 13.6 24 10.8 20.1 13.6 21.6 9 17.8 6.3H22.5Z"/>',
}
_BOX = '<rect x="12" y="2.5" width="24" height="11"'
_HATCHES = {
    "/": "M12 13.5 19 2.5M17 13.5 24 2.5M22 13.5 29 2.5M27 13.5 34 2.5",
    "\\": "M12 2.5 19 13.5M17 2.5 24 13.5M22 2.5 29 13.5M27 2.5 34 13.5",
    "x": "M12 13.5 19 2.5M20 13.5 27 2.5M28 13.5 35 2.5M12 2.5 19 13.5M20 2.5 27 13.5M28 2.5 35 13.5",
    "-": "M12 5.5H36M12 8H36M12 10.5H36",
    "|": "M16 2.5V13.5M20 2.5V13.5M24 2.5V13.5M28 2.5V13.5M32 2.5V13.5",
    "+": "M12 8H36M18 2.5V13.5M24 2.5V13.5M30 2.5V13.5",
    ".": "M15 6H17M20 6H22M25 6H27M30 6H32M15 10H17M20 10H22M25 10H27M30 10H32",
}


def html(drawings: Iterable[Drawing]) -> str:
    """A row of samples with the names of all series, every one once; nothing for no series."""
    items = [
        f"<span>{_sample(entry)} {escape(entry.style.title)}</span>" for entry in named(list(drawings))
    ]  # fmt: skip
    return f'<div class="chart-legend">{"".join(items)}</div>' if items else ""


def _sample(entry: Named) -> str:
    style = entry.style
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="38" height="16" viewBox="5 0 38 16">'
        f'<g fill="{style.ink}" stroke="{style.ink}">'
        f"{_bar(style) if isinstance(entry, Bars) else _stroke(entry)}</g></svg>"
    )
    source = base64.b64encode(svg.encode()).decode("ascii")
    return f'<img alt="" width="38" height="16" src="data:image/svg+xml;base64,{source}">'


def _bar(style: Style) -> str:
    if not style.hatch:
        return f"{_BOX}/>"
    return f'{_BOX} fill="none"/><path d="{_HATCHES[style.hatch]}" fill="none" stroke-width="1.2"/>'


def _stroke(entry: Named) -> str:
    style, dash = entry.style, " ".join(map(str, entry.style.dash))
    joined = isinstance(entry, Line) or not isinstance(entry, Points)
    line = f'<path d="M0 8H48" fill="none" stroke-width="2.2" stroke-dasharray="{dash}"/>' if joined else ""
    name, hollow = style.mark.removesuffix("-open"), style.mark.endswith("-open")
    mark = "" if isinstance(entry, Line) and entry.marks == 0 else _MARKS[name]
    return line + (f'<g fill="none" stroke-width="2">{mark}</g>' if hollow else mark)
