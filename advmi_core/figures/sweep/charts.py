"""Charts of a sweep: what x̃ keeps over ASR, ε, L2 and SSIM, and how that lies over the images."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from advmi_core.evaluation import Interval
from advmi_core.figures.chart import (
    Axis,
    Chart,
    Drawing,
    Element,
    Ends,
    Floats,
    Grid,
    Line,
    Outline,
    Points,
)
from advmi_core.figures.style import RING, Style
from advmi_core.figures.sweep.series import (
    KEPT,
    L2,
    SSIM,
    Measure,
    Point,
    bins,
    by_budget,
    lines,
    shares,
    styles,
)
from advmi_core.figures.text import number

ASR, EPS = "attack success rate, %", "budget ε"


def plane(points: Sequence[Point], measure: Measure = KEPT, chosen: str = "") -> Chart:
    """A measure over ASR: each method a line through its ε; what lies up and to the right is better.

    Both error bars are 95 % intervals: Wilson's of the ASR, Student's of the mean over images. Cells
    without a success have no mean and so no point.

    Args:
        points: of the sweep so far.
        measure: what stands on the upright axis.
        chosen: id of the point to ring; only the points of its line say their ε; "": all lines do.
    """
    written = {point.method for point in points if point.id == chosen or not chosen}
    drawn: list[Element] = []
    for style, mine in _drawn(points):
        seen = _measured(mine, measure)
        x, y = [100 * p.summary.asr for p in seen], [p.mean(measure) for p in seen]
        said = labels(seen, measure) if any(point.method in written for point in seen) else ()
        tips = f"{{name}}: ASR {{x:.1f}} %, {_written(measure, 'y')}"
        drawn += _line(
            style, seen, x, y, chosen, x_ends=_asr_ends(seen), y_ends=_ends(seen, measure), labels=said,
            label_side="top left", tips=tips,
        )  # fmt: skip
    return Chart(elements=drawn, across=Axis(title=ASR), up=Axis(title=measure.axis))


def labels(seen: Sequence[Point], measure: Measure) -> list[str]:
    """ε of the points of one line; where the next point lies in the same place it speaks for both."""
    said: list[str] = []
    waiting: list[str] = []
    for at, point in enumerate(seen):
        waiting.append(point.budget)
        if at + 1 < len(seen) and _together(point, seen[at + 1], measure):
            said.append("")
        elif not point.bounded:
            said.append(point.place)
            waiting = []
        else:
            # Radii that follow one another are a range: a long list would run into the next line.
            said.append(f"ε {', '.join(waiting) if len(waiting) < 3 else f'{waiting[0]}–{waiting[-1]}'}")
            waiting = []
    return said


def _together(a: Point, b: Point, measure: Measure) -> bool:
    near = abs(a.mean(measure) - b.mean(measure)) < measure.near
    return abs(a.summary.asr - b.summary.asr) < 0.02 and near


def asr(points: Sequence[Point], _measure: Measure = KEPT, chosen: str = "") -> Chart:
    """ASR over ε with Wilson's 95 % intervals, as bars and as bands; arguments as of :func:`plane`."""
    drawn: list[Element] = []
    for style, mine in _drawn(points):
        x, seen = by_budget([point for point in mine if math.isfinite(point.summary.asr)], points)
        y, ends = [100 * p.summary.asr for p in seen], _asr_ends(seen)
        drawn += _line(style, seen, x, y, chosen, y_ends=ends, band=ends, tips="{name}: {y:.1f} %")
    return Chart(elements=drawn, across=_from_zero(points), up=Axis(title=ASR, range=(-4, 108)))


def mi(points: Sequence[Point], measure: Measure = KEPT, chosen: str = "") -> Chart:
    """The mean of a measure over ε with its 95 % intervals, as bars and as bands; arguments as above."""
    drawn: list[Element] = []
    for style, mine in _drawn(points):
        x, seen = by_budget(_measured(mine, measure), points)
        y, ends = [p.mean(measure) for p in seen], _ends(seen, measure)
        tips = f"{{name}}: {_written(measure, 'y')}"
        drawn += _line(style, seen, x, y, chosen, y_ends=ends, band=ends, tips=tips)
    return Chart(elements=drawn, across=_from_zero(points), up=Axis(title=measure.axis))


def distances(points: Sequence[Point], measure: Measure = KEPT, chosen: str = "") -> Grid:
    """A measure over L2 and over SSIM: what keeps much with a short, hardly visible change lies up and left,
    up and right. Means over the same images, with 95 % intervals both ways; arguments as of :func:`plane`.
    """
    charts: list[Chart] = []
    for across in (L2, SSIM):
        drawn: list[Element] = []
        for style, mine in _drawn(points):
            seen = _measured(mine, measure)
            x, y = [p.mean(across) for p in seen], [p.mean(measure) for p in seen]
            tips = f"{{name}}: {across.title} {{x:.3f}}, {_written(measure, 'y')}"
            drawn += _line(
                style, seen, x, y, chosen, x_ends=_ends(seen, across), y_ends=_ends(seen, measure), tips=tips
            )
        up = Axis(title="" if charts else measure.axis)
        charts.append(Chart(elements=drawn, across=Axis(title=across.axis), up=up))
    return Grid(charts=charts, columns=2, share_up=True)


def histogram(points: Sequence[Point], measure: Measure = KEPT, _chosen: str = "") -> Chart:
    """How a measure lies over the images, one outline a cell over common bins, its mark at the mean.

    Args:
        points: the cells to show.
        measure: of the images.
    """
    radii = {point.budget for point in points if point.bounded}
    edges, looks = bins(points, measure), styles(point.method for point in points)
    drawn: list[Element] = []
    for point in points:
        look, heights = looks[point.method], shares(point, measure, edges)
        style = Style(f"{look.title}, {point.place}", look.ink, look.dash, look.mark)
        tip = f"from {_written(measure, 'x')}: {{y:.1f}} %"
        tips = [tip.format(x=at, y=up) for at, up in zip(edges, [*heights, heights[-1]], strict=True)]
        drawn.append(Outline(style=style, edges=edges, heights=heights, tips=tips))
        if math.isfinite(mean := point.mean(measure)):
            tip = f"mean {number(mean)} {measure.unit}"
            drawn.append(Points(style=style, x=[mean], y=[0], size=11, named=False, tips=[tip]))
    said = f"% of images, ε = {radii.pop()}" if len(radii) == 1 else "% of images"
    return Chart(elements=drawn, across=Axis(title=measure.axis), up=Axis(title=said, from_zero=True))


CHARTS: dict[str, Callable[[Sequence[Point], Measure, str], Drawing]] = {
    "plane": plane,
    "asr": asr,
    "mi": mi,
    "histogram": histogram,
    "distances": distances,
}
"""Name of a figure → what draws it of points, a measure and the chosen one's id."""


def _measured(mine: Sequence[Point], measure: Measure) -> list[Point]:
    return [point for point in mine if math.isfinite(point.mean(measure))]


def _written(measure: Measure, axis: str) -> str:
    return f"{{{axis}:.{1 if measure.scale > 1 else 3}f}} {measure.unit}"


def _from_zero(points: Sequence[Point]) -> Axis:
    """The axis of ε, also with one ε only."""
    last = max((p.eps for p in points if p.bounded), default=1.0) or 1.0
    return Axis(title=EPS, range=(-0.02 * last, 1.08 * last))


def _drawn(points: Sequence[Point]) -> list[tuple[Style, list[Point]]]:
    looks = styles(point.method for point in points)
    return [(looks[method], mine) for method, mine in lines(points).items()]


def _line(
    style: Style, seen: Sequence[Point], x: list[float], y: list[float], chosen: str, **more: Any
) -> list[Element]:
    """A method's line, and a ring around the chosen point if the line has it."""
    ids = [point.id for point in seen]
    drawn: list[Element] = [
        Line(style=style, x=x, y=y, size=9, ids=ids, names=[p.place for p in seen], **more)
    ]
    if chosen in ids:
        at = ids.index(chosen)
        drawn.append(Points(style=RING, x=[x[at]], y=[y[at]], size=19, named=False))
    return drawn


def _asr_ends(seen: Sequence[Point]) -> Ends:
    return _both([p.summary.asr_interval for p in seen], 100)


def _ends(seen: Sequence[Point], measure: Measure) -> Ends:
    return _both([p.interval(measure) for p in seen], 1)


def _both(intervals: Sequence[Interval], scale: float) -> tuple[Floats, Floats]:
    low, high = (np.array([getattr(each, end) for each in intervals]) for end in ("low", "high"))
    return scale * low, scale * high
