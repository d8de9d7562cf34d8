"""A sweep on the screen: what x̃ keeps over ASR, ε, L2 and SSIM, and how that lies over the images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from advmi_core.evaluation import Interval
from advmi_core.figures.ends import faint
from advmi_core.figures.style import Style
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

HEIGHT = 300
ASR, EPS = "attack success rate, %", "budget ε"
_RING = {"symbol": "circle-open", "size": 19, "color": "#888888", "line": {"width": 3}}


def plane(
    points: Sequence[Point], measure: Measure = KEPT, chosen: str = "", height: int = HEIGHT
) -> go.Figure:
    """A measure over ASR: each method a line through its ε; what lies up and to the right is better.

    Both error bars are 95 % intervals: Wilson's of the ASR, Student's of the mean over images. Cells
    without a success have no mean and so no point.

    Args:
        points: of the sweep so far.
        measure: what stands on the upright axis.
        chosen: id of the point to ring; only the points of its line (else of the first) say their ε.
        height: pixels.
    """
    figure = _figure(height, ASR, measure.axis)
    written = next(
        (point.method for point in points if point.id == chosen), points[0].method if points else ""
    )
    for style, mine in _drawn(points):
        seen = [point for point in mine if math.isfinite(point.mean(measure))]
        said = any(point.method == written for point in seen)
        figure.add_scatter(
            x=[100 * p.summary.asr for p in seen], y=[p.mean(measure) for p in seen],
            error_x=_asr_bars(seen), error_y=_bars_of(seen, measure), text=labels(seen, measure),
            mode="lines+markers+text" if said else "lines+markers", textposition="top left",
            hovertext=[p.place for p in seen],
            hovertemplate=f"%{{hovertext}}: ASR %{{x:.1f}} %, {_written(measure, 'y')}", **_look(style, seen),
        )  # fmt: skip
        _ring(figure, chosen)
    return figure


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


def asr(
    points: Sequence[Point], measure: Measure = KEPT, chosen: str = "", height: int = HEIGHT
) -> go.Figure:
    """ASR over ε with Wilson's 95 % intervals, as bars and as bands; arguments as of :func:`plane`."""
    figure = _figure(height, EPS, ASR)
    for style, mine in _drawn(points):
        seen = [point for point in mine if math.isfinite(point.summary.asr)]
        x, seen = by_budget(seen, points)
        low, high = ([100 * getattr(p.summary.asr_interval, side) for p in seen] for side in ("low", "high"))
        _band(figure, x, low, high, style)
        figure.add_scatter(
            x=x, y=[100 * p.summary.asr for p in seen], error_y=_asr_bars(seen), mode="lines+markers",
            hovertext=[p.place for p in seen], hovertemplate="%{hovertext}: %{y:.1f} %", **_look(style, seen),
        )  # fmt: skip
        _ring(figure, chosen)
    figure.update_yaxes(range=[-4, 108])
    _from_zero(figure, points)
    return figure


def mi(points: Sequence[Point], measure: Measure = KEPT, chosen: str = "", height: int = HEIGHT) -> go.Figure:
    """The mean of a measure over ε with its 95 % intervals, as bars and as bands; arguments as above."""
    figure = _figure(height, EPS, measure.axis)
    for style, mine in _drawn(points):
        x, seen = by_budget([point for point in mine if math.isfinite(point.mean(measure))], points)
        bands = [
            (at, ends)
            for at, p in zip(x, seen, strict=True)
            if math.isfinite((ends := p.interval(measure)).low)
        ]
        _band(figure, [at for at, _ in bands], [e.low for _, e in bands], [e.high for _, e in bands], style)
        figure.add_scatter(
            x=x, y=[p.mean(measure) for p in seen], error_y=_bars_of(seen, measure), mode="lines+markers",
            hovertext=[p.place for p in seen], hovertemplate=f"%{{hovertext}}: {_written(measure, 'y')}",
            **_look(style, seen),
        )  # fmt: skip
        _ring(figure, chosen)
    _from_zero(figure, points)
    return figure


def distances(
    points: Sequence[Point], measure: Measure = KEPT, chosen: str = "", height: int = HEIGHT
) -> go.Figure:
    """A measure over L2 and over SSIM: what keeps much with a short, hardly visible change lies up and left,
    up and right. Means over the same images, with 95 % intervals both ways; arguments as of :func:`plane`.
    """
    figure = make_subplots(1, 2, shared_yaxes=True, horizontal_spacing=0.03)
    figure.update_layout(_layout(height))
    for column, across in enumerate((L2, SSIM), start=1):
        for style, mine in _drawn(points):
            seen = [point for point in mine if math.isfinite(point.mean(measure))]
            figure.add_scatter(
                x=[p.mean(across) for p in seen], y=[p.mean(measure) for p in seen],
                error_x=_bars_of(seen, across), error_y=_bars_of(seen, measure), mode="lines+markers",
                hovertext=[p.place for p in seen], row=1, col=column,
                hovertemplate=f"%{{hovertext}}: {across.title} %{{x:.3f}}, {_written(measure, 'y')}",
                **_look(style, seen),
            )  # fmt: skip
            _ring(figure, chosen, row=1, col=column)
        figure.update_xaxes(title=across.axis, zeroline=False, row=1, col=column)
    figure.update_yaxes(zeroline=False)
    figure.update_yaxes(title=measure.axis, row=1, col=1)
    return figure


def histogram(points: Sequence[Point], measure: Measure = KEPT, height: int = HEIGHT) -> go.Figure:
    """How a measure lies over the images, one outline a cell over common bins, its mark at the mean.

    Args:
        points: the cells to show.
        measure: of the images.
        height: pixels.
    """
    radii = {point.budget for point in points if point.bounded}
    figure = _figure(
        height, measure.axis, f"% of images, ε = {radii.pop()}" if len(radii) == 1 else "% of images"
    )
    edges = bins(points, measure)
    looks = styles(point.method for point in points)
    for point in points:
        style, heights = looks[point.method], shares(point, measure, edges)
        name = f"{style.title}, {point.place}"
        figure.add_scatter(
            x=edges, y=np.append(heights, heights[-1]), mode="lines", fill="tozeroy",
            line={"shape": "hv", "color": style.ink, "dash": style.dash, "width": 2},
            fillcolor=faint(style.ink), name=name,
            hovertemplate=f"from {_written(measure, 'x')}: %{{y:.1f}} %",
        )  # fmt: skip
        if math.isfinite(mean := point.mean(measure)):
            figure.add_scatter(
                x=[mean], y=[0], mode="markers", name=f"{name}: mean", cliponaxis=False,
                marker={"symbol": style.mark, "size": 11, "color": style.ink},
                hovertemplate=f"{number(mean)} {measure.unit}",
            )  # fmt: skip
    figure.update_yaxes(rangemode="tozero")
    return figure


def _written(measure: Measure, axis: str) -> str:
    return f"%{{{axis}:.{1 if measure.scale > 1 else 3}f}} {measure.unit}"


def _from_zero(figure: go.Figure, points: Sequence[Point]) -> None:
    """The axis of ε, also with one ε only."""
    figure.update_xaxes(range=[0, 1.08 * max((p.eps for p in points if p.bounded), default=1.0) or 1.0])


def _drawn(points: Sequence[Point]) -> list[tuple[Style, list[Point]]]:
    looks = styles(point.method for point in points)
    return [(looks[method], mine) for method, mine in lines(points).items()]


def _look(style: Style, seen: Sequence[Point]) -> dict[str, Any]:
    """A line's ink, dash, mark, name, and the ids that a click hands back."""
    return {
        "name": style.title,
        "customdata": [point.id for point in seen],
        "line": {"color": style.ink, "dash": style.dash, "width": 2.2},
        "marker": {"symbol": style.mark, "size": 9, "color": style.ink},
        "selected": {"marker": {"opacity": 1}},
        "unselected": {"marker": {"opacity": 1}},
    }


def _ring(figure: go.Figure, chosen: str, **place: int) -> None:
    """A ring around the chosen point if the line drawn last has it."""
    line = figure.data[-1]
    if chosen in line.customdata:
        at = line.customdata.index(chosen)
        figure.add_scatter(
            x=[line.x[at]], y=[line.y[at]], mode="markers", marker=_RING, hoverinfo="skip", name="chosen",
            **place,
        )  # fmt: skip


def _asr_bars(seen: Sequence[Point]) -> dict[str, Any]:
    return _bars(
        [100 * p.summary.asr for p in seen],
        [Interval(100 * p.summary.asr_interval.low, 100 * p.summary.asr_interval.high) for p in seen],
    )


def _bars_of(seen: Sequence[Point], measure: Measure) -> dict[str, Any]:
    return _bars([p.mean(measure) for p in seen], [p.interval(measure) for p in seen])


def _bars(means: Sequence[float], ends: Sequence[Interval]) -> dict[str, Any]:
    """Error bars; none where there is no interval."""
    known = [(m, e if math.isfinite(e.low) else Interval(m, m)) for m, e in zip(means, ends, strict=True)]
    up, down = [e.high - m for m, e in known], [m - e.low for m, e in known]
    return {"type": "data", "array": up, "arrayminus": down, "thickness": 1.3, "width": 4}


def _band(figure: go.Figure, x: list[float], low: list[float], high: list[float], style: Style) -> None:
    if len(x) > 1:
        figure.add_scatter(
            x=[*x, *x[::-1]], y=[*high, *low[::-1]], fill="toself", mode="none", hoverinfo="skip",
            fillcolor=faint(style.ink), name=f"{style.title}: 95 % interval",
        )  # fmt: skip


def _figure(height: int, across: str, up: str) -> go.Figure:
    figure = go.Figure()
    figure.update_layout(
        _layout(height),
        xaxis={"title": across, "zeroline": False},
        yaxis={"title": up, "zeroline": False},
    )
    return figure


def _layout(height: int) -> dict[str, Any]:
    return {
        "height": height,
        "showlegend": False,
        "hovermode": "closest",
        "margin": {"l": 58, "r": 14, "t": 12, "b": 46},
    }
