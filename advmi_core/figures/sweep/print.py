"""A sweep for paper and slides: the same figures in matplotlib, each with its legend."""

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
from advmi_core.figures.sweep.screen import ASR, EPS, labels
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

_SIZE = (5.4, 3.9)


def plane(points: Sequence[Point], measure: Measure = KEPT) -> Figure:
    """A measure over ASR with both intervals; ε beside each point, or once beside points in one place."""
    figure, (axis,) = _figure(ASR, up=measure.axis)
    axis.margins(0.09)
    said: list[Label] = []
    strokes: list[Stroke] = []
    for style, mine in _drawn(points):
        seen = [point for point in mine if math.isfinite(point.mean(measure))]
        x, y = [100 * p.summary.asr for p in seen], [p.mean(measure) for p in seen]
        axis.errorbar(x, y, xerr=_asr_bars(seen), yerr=_bars(seen, measure), **_look(style))
        said += [Label(*each, style.ink) for each in zip(labels(seen, measure), x, y, strict=True) if each[0]]
        strokes += [(one, other) for one, other in pairwise(zip(x, y, strict=True))]
        strokes += [end for point in seen for end in _whiskers(point, measure)]
    _finish(figure, axis)
    beside(figure, axis, said, strokes)
    return figure


def _whiskers(point: Point, measure: Measure) -> list[Stroke]:
    """Both intervals of a point in the plane."""
    across, up, far = 100 * point.summary.asr, point.mean(measure), point.summary.asr_interval
    low, high = point.interval(measure).low, point.interval(measure).high
    return [((100 * far.low, up), (100 * far.high, up)), ((across, low), (across, high))]


def asr(points: Sequence[Point], measure: Measure = KEPT) -> Figure:
    """ASR over ε with Wilson's intervals; the measure plays no part."""
    figure, (axis,) = _figure(EPS, up=ASR)
    for style, mine in _drawn(points):
        x, seen = by_budget([point for point in mine if math.isfinite(point.summary.asr)], points)
        y = [100 * p.summary.asr for p in seen]
        low, high = ([100 * getattr(p.summary.asr_interval, side) for p in seen] for side in ("low", "high"))
        axis.fill_between(x, low, high, color=style.ink, alpha=0.16, linewidth=0)
        axis.errorbar(x, y, yerr=_asr_bars(seen), **_look(style))
    axis.set_ylim(-3, 104)
    return _finish(figure, axis)


def mi(points: Sequence[Point], measure: Measure = KEPT) -> Figure:
    """The mean of a measure over ε with its intervals."""
    figure, (axis,) = _figure(EPS, up=measure.axis)
    for style, mine in _drawn(points):
        x, seen = by_budget([point for point in mine if math.isfinite(point.mean(measure))], points)
        low, high = ([getattr(p.interval(measure), side) for p in seen] for side in ("low", "high"))
        axis.fill_between(x, low, high, color=style.ink, alpha=0.16, linewidth=0)
        axis.errorbar(x, [p.mean(measure) for p in seen], yerr=_bars(seen, measure), **_look(style))
    return _finish(figure, axis)


def distances(points: Sequence[Point], measure: Measure = KEPT) -> Figure:
    """A measure over L2 and over SSIM, with both intervals."""
    figure, axes = _figure(L2.axis, SSIM.axis, up=measure.axis)
    for axis, across in zip(axes, (L2, SSIM), strict=True):
        for style, mine in _drawn(points):
            seen = [point for point in mine if math.isfinite(point.mean(measure))]
            look = _look(style) if axis is axes[0] else _look(style) | {"label": ""}  # one legend for both
            axis.errorbar(
                [p.mean(across) for p in seen], [p.mean(measure) for p in seen],
                xerr=_bars(seen, across), yerr=_bars(seen, measure), **look,
            )  # fmt: skip
    return _finish(figure, axes[0])


def histogram(points: Sequence[Point], measure: Measure = KEPT) -> Figure:
    """How a measure lies over the images; the mark is the mean."""
    figure, (axis,) = _figure(measure.axis, up="% of images")
    edges = bins(points, measure)
    looks = styles(point.method for point in points)
    for point in points:
        style, heights = looks[point.method], shares(point, measure, edges)
        axis.stairs(heights, edges, color=style.ink, alpha=0.16, fill=True)
        axis.stairs(heights, edges, color=style.ink, linestyle=style.line, linewidth=1.6)
        axis.plot(
            [point.mean(measure)], [0], color=style.ink, linestyle=style.line, marker=style.marker,
            clip_on=False, label=f"{style.title}, {point.place}",
        )  # fmt: skip
    axis.set_ylim(bottom=0)
    return _finish(figure, axis)


FIGURES: dict[str, Callable[[Sequence[Point], Measure], Figure]] = {
    "plane": plane,
    "asr": asr,
    "mi": mi,
    "distances": distances,
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


def _bars(seen: Sequence[Point], measure: Measure) -> list[float]:
    """Half of each interval; 0 where there is none."""
    halves = [p.interval(measure).high - p.mean(measure) for p in seen]
    return [0.0 if math.isnan(half) else half for half in halves]


def _figure(*across: str, up: str) -> tuple[Figure, list[Axes]]:
    width, height = _SIZE
    figure = Figure(figsize=(width * len(across) ** 0.6, height), layout="constrained", facecolor="white")
    axes = list(figure.subplots(1, len(across), squeeze=False, sharey=True)[0])
    for axis, name in zip(axes, across, strict=True):
        axis.set_xlabel(name)
        axis.grid(alpha=0.25)
    axes[0].set_ylabel(up)
    return figure, axes


def _finish(figure: Figure, axis: Axes) -> Figure:
    if axis.get_legend_handles_labels()[0]:
        figure.legend(loc="outside upper center", ncols=3, frameon=False, fontsize=8, handlelength=4)
    return figure
