"""A sweep for paper and slides: the same four figures in matplotlib, each with its legend."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from advmi_core.figures.style import Style
from advmi_core.figures.sweep.labels import Label, Stroke, beside
from advmi_core.figures.sweep.screen import ASR, EPS, MI, labels
from advmi_core.figures.sweep.series import Point, bins, lines, shares, styles

_SIZE = (5.4, 3.9)


def plane(points: Sequence[Point]) -> Figure:
    """MI over ASR with both intervals; ε beside each point, or once beside points in one place."""
    figure, axis = _figure(ASR, MI)
    axis.margins(0.09)
    said: list[Label] = []
    strokes: list[Stroke] = []
    for style, mine in _drawn(points):
        seen = [point for point in mine if math.isfinite(point.summary.mi.mean)]
        x, y = [100 * p.summary.asr for p in seen], [p.summary.mi.mean for p in seen]
        axis.errorbar(x, y, xerr=_asr_bars(seen), yerr=_mi_bars(seen), **_look(style))
        said += [Label(*each, style.ink) for each in zip(labels(seen), x, y, strict=True) if each[0]]
        strokes += [(one, other) for one, other in pairwise(zip(x, y, strict=True))]
        strokes += [end for point in seen for end in _whiskers(point)]
    _finish(figure, axis)
    beside(figure, axis, said, strokes)
    return figure


def _whiskers(point: Point) -> list[Stroke]:
    """Both intervals of a point in the plane."""
    across, up, far = 100 * point.summary.asr, point.summary.mi.mean, point.summary.asr_interval
    low, high = point.mi_interval.low, point.mi_interval.high
    return [((100 * far.low, up), (100 * far.high, up)), ((across, low), (across, high))]


def asr(points: Sequence[Point]) -> Figure:
    """ASR over ε with Wilson's intervals."""
    figure, axis = _figure(EPS, ASR)
    for style, mine in _drawn(points):
        seen = [point for point in mine if math.isfinite(point.summary.asr)]
        x, y = [p.eps for p in seen], [100 * p.summary.asr for p in seen]
        low, high = ([100 * getattr(p.summary.asr_interval, side) for p in seen] for side in ("low", "high"))
        axis.fill_between(x, low, high, color=style.ink, alpha=0.16, linewidth=0)
        axis.errorbar(x, y, yerr=_asr_bars(seen), **_look(style))
    axis.set_ylim(-3, 104)
    return _finish(figure, axis)


def mi(points: Sequence[Point]) -> Figure:
    """Mean MI over ε with its intervals."""
    figure, axis = _figure(EPS, MI)
    for style, mine in _drawn(points):
        seen = [point for point in mine if math.isfinite(point.summary.mi.mean)]
        x = [p.eps for p in seen]
        low, high = ([getattr(p.mi_interval, side) for p in seen] for side in ("low", "high"))
        axis.fill_between(x, low, high, color=style.ink, alpha=0.16, linewidth=0)
        axis.errorbar(x, [p.summary.mi.mean for p in seen], yerr=_mi_bars(seen), **_look(style))
    return _finish(figure, axis)


def histogram(points: Sequence[Point]) -> Figure:
    """How the MI of the images lies; the mark is the mean."""
    figure, axis = _figure(MI, "% of images")
    edges = bins(points)
    looks = styles(point.method for point in points)
    for point in points:
        style = looks[point.method]
        axis.stairs(shares(point, edges), edges, color=style.ink, alpha=0.16, fill=True)
        axis.stairs(shares(point, edges), edges, color=style.ink, linestyle=style.line, linewidth=1.6)
        axis.plot(
            [point.summary.mi.mean], [0], color=style.ink, linestyle=style.line, marker=style.marker,
            clip_on=False, label=f"{style.title}, ε {point.eps:g}",
        )  # fmt: skip
    axis.set_ylim(bottom=0)
    return _finish(figure, axis)


FIGURES: dict[str, Callable[[Sequence[Point]], Figure]] = {
    "plane": plane,
    "asr": asr,
    "mi": mi,
    "histogram": histogram,
}


def _drawn(points: Sequence[Point]) -> list[tuple[Style, list[Point]]]:
    looks = styles(point.method for point in points)
    return [(looks[method], mine) for method, mine in lines(points).items()]


def _look(style: Style) -> dict[str, Any]:
    return {
        "color": style.ink, "linestyle": style.line, "marker": style.marker, "markersize": 5,
        "linewidth": 1.6, "elinewidth": 1, "capsize": 2, "label": style.title,
    }  # fmt: skip


def _asr_bars(seen: Sequence[Point]) -> NDArray[np.float64]:
    rates = np.array([p.summary.asr for p in seen])
    low, high = (np.array([getattr(p.summary.asr_interval, side) for p in seen]) for side in ("low", "high"))
    ends: NDArray[np.float64] = np.stack([rates - low, high - rates])
    return 100 * np.maximum(0, ends)


def _mi_bars(seen: Sequence[Point]) -> list[float]:
    return [0.0 if math.isnan(p.mi_interval.high) else p.mi_interval.high - p.summary.mi.mean for p in seen]


def _figure(across: str, up: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=_SIZE, layout="constrained", facecolor="white")
    axis = figure.subplots()
    axis.set_xlabel(across)
    axis.set_ylabel(up)
    axis.grid(alpha=0.25)
    return figure, axis


def _finish(figure: Figure, axis: Axes) -> Figure:
    if axis.get_legend_handles_labels()[0]:
        figure.legend(loc="outside upper center", ncols=2, frameon=False, fontsize=8, handlelength=4)
    return figure
