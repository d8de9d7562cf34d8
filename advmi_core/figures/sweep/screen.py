"""A sweep on the screen: the MI–ASR plane, both quantities over ε, and how the MI of single images lies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from advmi_core.figures.ends import faint
from advmi_core.figures.style import Style
from advmi_core.figures.sweep.series import Point, bins, lines, shares, styles
from advmi_core.figures.words import number

HEIGHT = 300
ASR, MI, EPS = "attack success rate, %", "MI(x; x̃), nats", "budget ε"
_NEAR = 0.05  # nats
_RING = {"symbol": "circle-open", "size": 19, "color": "#888888", "line": {"width": 3}}


def plane(points: Sequence[Point], chosen: str = "", height: int = HEIGHT) -> go.Figure:
    """MI over ASR: each method a line through its ε; what lies up and to the right is better.

    Both error bars are 95 % intervals: Wilson's of the ASR, Student's of the mean MI over images. Cells
    without a success have no MI and so no point.

    Args:
        points: of the sweep so far.
        chosen: id of the point to ring; only the points of its line (else of the first) say their ε.
        height: pixels.
    """
    figure = _figure(height, ASR, MI)
    written = next(
        (point.method for point in points if point.id == chosen), points[0].method if points else ""
    )
    for style, mine in _drawn(points):
        seen = [point for point in mine if math.isfinite(point.summary.mi.mean)]
        said = any(point.method == written for point in seen)
        figure.add_scatter(
            x=[100 * p.summary.asr for p in seen], y=[p.summary.mi.mean for p in seen],
            error_x=_asr_bars(seen), error_y=_mi_bars(seen), text=labels(seen),
            mode="lines+markers+text" if said else "lines+markers", textposition="top left",
            hovertext=[f"ε {p.eps:g}" for p in seen],
            hovertemplate="%{hovertext}: ASR %{x:.1f} %, MI %{y:.3f} nats", **_look(style, seen),
        )  # fmt: skip
        _ring(figure, chosen)
    return figure


def labels(seen: Sequence[Point]) -> list[str]:
    """ε of the points of one line; where the next point lies in the same place it speaks for both."""
    said: list[str] = []
    waiting: list[str] = []
    for at, point in enumerate(seen):
        waiting.append(f"{point.eps:g}")
        if at + 1 < len(seen) and _together(point, seen[at + 1]):
            said.append("")
        else:
            # Radii that follow one another are a range: a long list would run into the next line.
            said.append(f"ε {', '.join(waiting) if len(waiting) < 3 else f'{waiting[0]}–{waiting[-1]}'}")
            waiting = []
    return said


def _together(a: Point, b: Point) -> bool:
    return abs(a.summary.asr - b.summary.asr) < 0.02 and abs(a.summary.mi.mean - b.summary.mi.mean) < _NEAR


def asr(points: Sequence[Point], chosen: str = "", height: int = HEIGHT) -> go.Figure:
    """ASR over ε with Wilson's 95 % intervals, as bars and as bands; arguments as of :func:`plane`."""
    figure = _figure(height, EPS, ASR)
    for style, mine in _drawn(points):
        seen = [point for point in mine if math.isfinite(point.summary.asr)]
        low, high = ([100 * getattr(p.summary.asr_interval, side) for p in seen] for side in ("low", "high"))
        _band(figure, [p.eps for p in seen], low, high, style)
        figure.add_scatter(
            x=[p.eps for p in seen], y=[100 * p.summary.asr for p in seen], error_y=_asr_bars(seen),
            mode="lines+markers", hovertemplate="ε %{x:g}: %{y:.1f} %", **_look(style, seen),
        )  # fmt: skip
        _ring(figure, chosen)
    figure.update_yaxes(range=[-4, 108])
    _from_zero(figure, points)
    return figure


def mi(points: Sequence[Point], chosen: str = "", height: int = HEIGHT) -> go.Figure:
    """Mean MI over ε with its 95 % intervals, as bars and as bands; arguments as of :func:`plane`."""
    figure = _figure(height, EPS, MI)
    for style, mine in _drawn(points):
        seen = [point for point in mine if math.isfinite(point.summary.mi.mean)]
        bands = [p for p in seen if math.isfinite(p.mi_interval.low)]
        low, high = ([getattr(p.mi_interval, side) for p in bands] for side in ("low", "high"))
        _band(figure, [p.eps for p in bands], low, high, style)
        figure.add_scatter(
            x=[p.eps for p in seen], y=[p.summary.mi.mean for p in seen], error_y=_mi_bars(seen),
            mode="lines+markers", hovertemplate="ε %{x:g}: %{y:.3f} nats", **_look(style, seen),
        )  # fmt: skip
        _ring(figure, chosen)
    _from_zero(figure, points)
    return figure


def histogram(points: Sequence[Point], height: int = HEIGHT) -> go.Figure:
    """How the MI of the images lies, one outline a cell over common bins, its mark at the mean.

    Args:
        points: the cells to show.
        height: pixels.
    """
    radii = {f"{point.eps:g}" for point in points}
    figure = _figure(height, MI, f"% of images, ε = {radii.pop()}" if len(radii) == 1 else "% of images")
    edges = bins(points)
    looks = styles(point.method for point in points)
    for point in points:
        style, heights = looks[point.method], shares(point, edges)
        name = f"{style.title}, ε {point.eps:g}"
        figure.add_scatter(
            x=edges, y=np.append(heights, heights[-1]), mode="lines", fill="tozeroy",
            line={"shape": "hv", "color": style.ink, "dash": style.dash, "width": 2},
            fillcolor=faint(style.ink), name=name, hovertemplate="from %{x:.2f} nats: %{y:.1f} %",
        )  # fmt: skip
        if len(point.values):
            figure.add_scatter(
                x=[point.summary.mi.mean], y=[0], mode="markers", name=f"{name}: mean", cliponaxis=False,
                marker={"symbol": style.mark, "size": 11, "color": style.ink},
                hovertemplate=f"{number(point.summary.mi.mean)} nats",
            )  # fmt: skip
    figure.update_yaxes(rangemode="tozero")
    return figure


def _from_zero(figure: go.Figure, points: Sequence[Point]) -> None:
    """The axis of ε, also with one ε only."""
    figure.update_xaxes(range=[0, 1.08 * max((point.eps for point in points), default=1.0) or 1.0])


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


def _ring(figure: go.Figure, chosen: str) -> None:
    """A ring around the chosen point if the line drawn last has it."""
    line = figure.data[-1]
    if chosen in line.customdata:
        at = line.customdata.index(chosen)
        figure.add_scatter(
            x=[line.x[at]], y=[line.y[at]], mode="markers", marker=_RING, hoverinfo="skip", name="chosen"
        )


def _asr_bars(seen: Sequence[Point]) -> dict[str, Any]:
    rates = [p.summary.asr for p in seen]
    intervals = [p.summary.asr_interval for p in seen]
    return _bars(
        [100 * (interval.high - rate) for rate, interval in zip(rates, intervals, strict=True)],
        [100 * (rate - interval.low) for rate, interval in zip(rates, intervals, strict=True)],
    )


def _mi_bars(seen: Sequence[Point]) -> dict[str, Any]:
    halves = [0.0 if math.isnan(p.mi_interval.high) else p.mi_interval.high - p.summary.mi.mean for p in seen]
    return _bars(halves, halves)


def _bars(up: list[float], down: list[float]) -> dict[str, Any]:
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
        height=height,
        showlegend=False,
        hovermode="closest",
        margin={"l": 58, "r": 14, "t": 12, "b": 46},
        xaxis={"title": across, "zeroline": False},
        yaxis={"title": up, "zeroline": False},
    )
    return figure
