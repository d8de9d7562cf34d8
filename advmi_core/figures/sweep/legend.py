"""One legend for all figures of a sweep: ink, dash and mark of every method beside its name."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape

from advmi_core.figures.style import Style
from advmi_core.figures.sweep.series import styles

MARKS = {
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


def html(methods: Sequence[str]) -> str:
    """A row of samples with names; nothing for no methods."""
    return samples(styles(methods).values())


def samples(looks: Iterable[Style]) -> str:
    """The same for looks from elsewhere."""
    items = [f"<span>{_sample(style)} {escape(style.title)}</span>" for style in looks]
    return f'<div class="sweep-legend">{"".join(items)}</div>' if items else ""


def _sample(style: Style) -> str:
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="38" height="16" viewBox="5 0 38 16">'
        f'<g fill="{style.ink}" stroke="{style.ink}">'
        f'<path d="M0 8H48" fill="none" stroke-width="2.2" stroke-dasharray="{style.pattern}"/>'
        f"{_mark(style)}</g></svg>"
    )
    source = base64.b64encode(svg.encode()).decode("ascii")
    return f'<img alt="" width="38" height="16" src="data:image/svg+xml;base64,{source}">'


def _mark(style: Style) -> str:
    name, hollow = style.mark.removesuffix("-open"), style.mark.endswith("-open")
    return f'<g fill="none" stroke-width="2">{MARKS[name]}</g>' if hollow else MARKS[name]
