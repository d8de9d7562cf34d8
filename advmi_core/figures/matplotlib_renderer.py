"""Charts as matplotlib figures for papers and slides; without pyplot, so safe in any thread."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from textwrap import fill
from typing import Any, Literal

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator, NullLocator

from advmi_core.figures.chart import (
    Axis,
    Bars,
    Chart,
    Drawing,
    Grid,
    Line,
    Named,
    Outline,
    Points,
    Radar,
    Rule,
    Violin,
    Words,
    above,
    charts_of,
    end_labels,
    error_sizes,
    named,
    within_reach,
)
from advmi_core.figures.labels import Label, Stroke, beside
from advmi_core.figures.style import Dash, Style

Kind = Literal["png", "svg", "pdf"]
KINDS: dict[Kind, str] = {"png": "image/png", "svg": "image/svg+xml", "pdf": "application/pdf"}
"""Kind of file → its MIME type."""
matplotlib.rcParams["svg.hashsalt"] = "advmi"  # SVG's names of parts are random otherwise
_MARKS = {
    "circle": "o", "square": "s", "diamond": "D", "triangle-up": "^", "triangle-down": "v", "x": "X",
    "cross": "P", "star": "*", "pentagon": "p", "hexagram": "h",
}  # fmt: skip
_PIXEL = 0.7  # points of print for a pixel of the screen
_DARK = "#444444"
_LETTERS = 13  # of a tick's text, an inch


def figure(drawing: Drawing) -> Figure:
    """The chart or grid, with a legend of its own."""
    charts = charts_of(drawing)
    grid = drawing if isinstance(drawing, Grid) else Grid(charts=charts, columns=1)
    rows = -(-len(charts) // grid.columns)
    width, height = charts[0].size
    made = Figure(
        figsize=(width * grid.columns**0.75, height * rows**0.75), layout="constrained", facecolor="white"
    )
    axes = made.subplots(
        rows, grid.columns, squeeze=False, sharex=grid.share_across, sharey=grid.share_up,
        subplot_kw={"projection": "polar"} if charts[0].spokes else {},
    ).ravel()  # fmt: skip
    for at, (axis, chart) in enumerate(zip(axes, charts, strict=True)):
        _draw(axis, chart)
        if grid.share_up and at % grid.columns:
            axis.set_ylabel("")
    if not any(chart.ends for chart in charts):
        _legend(made, grid, side=charts[0].legend == "right")
    for axis, chart in zip(axes, charts, strict=True):
        if labels := _labels(chart):
            beside(made, axis, labels, _strokes(chart))
    return made


def save(drawing: Drawing | Figure, kind: Kind) -> bytes:
    """The figure as a file; figures made alike give the same bytes."""
    buffer = io.BytesIO()
    undated: dict[str, dict[str, Any]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
    made = drawing if isinstance(drawing, Figure) else figure(drawing)
    made.savefig(buffer, format=kind, dpi=200, metadata=undated.get(kind, {}))
    return buffer.getvalue()


def _draw(axis: Axes, chart: Chart) -> None:
    axis.set_axisbelow(True)
    if _labels(chart):
        axis.margins(0.09)
    if chart.title:
        axis.set_title(chart.title, loc="left", fontsize=10, pad=18 if above(chart) else None)
    right = None
    if chart.right is not None:
        right = axis.twinx()
        right.set_ylabel(chart.right.title, fontsize=9)
    for element in chart.elements:
        place = right if right is not None and isinstance(element, Line) and element.right else axis
        _DRAW[type(element)](place, element, chart)
    if chart.spokes:
        _polar(axis, chart)
        return
    _scale(axis.xaxis, axis.set_xlim, axis.set_xscale, chart.across, chart)
    _scale(axis.yaxis, axis.set_ylim, axis.set_yscale, chart.up, chart)
    axis.set_xlabel(chart.across.title)
    axis.set_ylabel(chart.up.title)
    if chart.message:
        axis.text(0.5, 0.5, chart.message, ha="center", va="center", transform=axis.transAxes)
    for text, at, ink in end_labels(chart) if chart.ends else ():
        axis.annotate(
            text, (1.02, at), xycoords=("axes fraction", "data"), color=ink, fontsize=9, va="center",
            annotation_clip=False,
        )  # fmt: skip


def _scale(
    axis: Any, limits: Callable[..., Any], scale: Callable[[str], Any], told: Axis, chart: Chart
) -> None:
    if told.log:
        scale("log")
    if told.ticks:
        texts = [text for _, text in told.ticks]
        if axis.axis_name == "x":
            letters = int(_LETTERS * chart.size[0] / len(texts))
            texts = [text if "\n" in text else fill(text, max(8, letters)) for text in texts]
        axis.set_ticks([at for at, _ in told.ticks], labels=texts)
        axis.set_minor_locator(NullLocator())
        axis.set_tick_params(labelsize=9 if max(map(len, texts)) > 6 else 10)
    elif not told.log:
        axis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    if told.range is not None:
        limits(told.range)
    elif told.from_zero:
        limits(0, None)
    if told.zero_line:
        (axis.axes.axvline if axis.axis_name == "x" else axis.axes.axhline)(0, color=_DARK, linewidth=0.8)
    if told.grid:
        axis.grid(alpha=0.25)
    if not told.labelled:
        axis.set_ticks([])


def _polar(axis: Any, chart: Chart) -> None:
    axis.set_theta_zero_location("N")
    axis.set_theta_direction(-1)
    axis.set_xticks(_turns(chart), list(chart.spokes))
    axis.tick_params(axis="x", pad=10)
    axis.set_rlim(*(chart.up.range or (0, None)))
    axis.set_yticks([at for at, _ in chart.up.ticks], [text for _, text in chart.up.ticks], fontsize=7)
    axis.set_rlabel_position(180 / max(1, len(chart.spokes)))
    axis.grid(alpha=0.25)


def _turns(chart: Chart) -> Any:
    return np.linspace(0, 2 * math.pi, len(chart.spokes), endpoint=False)


def _points(axis: Axes, points: Points, chart: Chart) -> None:
    style, line = points.style, points if isinstance(points, Line) else None
    y = within_reach(points.y, chart.up)
    look: dict[str, Any] = {"color": style.ink, "linewidth": 0, **_mark(style, points.size)}
    if line is not None:
        if line.band is not None:
            low, high = (within_reach(edge, chart.up) for edge in line.band)
            axis.fill_between(np.asarray(line.x), low, high, color=style.ink, alpha=0.16, linewidth=0)
        look |= {"linewidth": _PIXEL * line.width, "linestyle": _dash(style.dash)}
        look |= {"markevery": max(1, -(-len(line.x) // line.marks))} if line.marks else {"marker": ""}
    axis.plot(
        np.asarray(points.x), y, alpha=points.opacity, clip_on=line is not None,
        zorder=3 if points.named else 2, **look,
    )  # fmt: skip
    _whiskers(axis, points, style.ink)


def _whiskers(axis: Axes, element: Points | Bars, ink: str) -> None:
    across = element.x_ends if isinstance(element, Points) else None
    if across is not None or element.y_ends is not None:
        axis.errorbar(
            np.asarray(element.x), np.asarray(element.y),
            xerr=None if across is None else np.stack(error_sizes(element.x, across)),
            yerr=None if element.y_ends is None else np.stack(error_sizes(element.y, element.y_ends)),
            fmt="none", ecolor=ink, elinewidth=1, capsize=2,
        )  # fmt: skip


def _bars(axis: Axes, bars: Bars, chart: Chart) -> None:
    draw, size, start = (axis.barh, "height", "left") if bars.lying else (axis.bar, "width", "bottom")
    shape: Any = {size: bars.width, start: 0 if bars.base is None else np.asarray(bars.base)}
    draw(np.asarray(bars.x), np.asarray(bars.y), **shape, alpha=bars.opacity, **_fill(bars.style))
    _whiskers(axis, bars, "#333333")
    _words(axis, Words(x=bars.x, y=bars.tops, texts=bars.labels, size=9), chart)


def _outline(axis: Axes, outline: Outline, _chart: Chart) -> None:
    ink = outline.style.ink
    axis.stairs(outline.heights, outline.edges, color=ink, alpha=0.16, fill=True)
    axis.stairs(
        outline.heights, outline.edges, color=ink, linestyle=_dash(outline.style.dash), linewidth=1.6
    )  # fmt: skip


def _violin(axis: Axes, violin: Violin, _chart: Chart) -> None:
    if len(violin.values) > 1:
        drawn = axis.violinplot([violin.values], [violin.x], widths=0.8, showextrema=False)
        for body in drawn["bodies"]:  # type: ignore[attr-defined]  # matplotlib's stub: one collection
            body.set(facecolor=violin.style.ink, edgecolor=violin.style.ink, alpha=0.45)
        axis.boxplot(
            [violin.values], positions=[violin.x], widths=0.12, flierprops={"markersize": 2},
            medianprops={"color": "black"}, manage_ticks=False,
        )  # fmt: skip
    if violin.said:
        axis.text(violin.x, 1.01, violin.said, ha="center", fontsize=9, transform=axis.get_xaxis_transform())


def _radar(axis: Axes, radar: Radar, chart: Chart) -> None:
    values, turns = np.asarray(radar.values, np.float64), _turns(chart)
    known = np.isfinite(values)
    ring = [*np.flatnonzero(known), *([0] if known.all() else [])]
    style = radar.style
    axis.plot(
        turns[ring], values[ring], color=style.ink, linestyle=_dash(style.dash), linewidth=1.6,
        **_mark(style, 7),
    )  # fmt: skip


def _rule(axis: Axes, rule: Rule, chart: Chart) -> None:
    look: dict[str, Any] = {"color": rule.ink, "linestyle": _dash(rule.dash)}
    look["linewidth"] = _PIXEL * rule.width
    if rule.x is not None:
        axis.axvline(rule.x, **look, zorder=1.5)
        if rule.label:
            after = above(chart)[::-1].index(rule)  # each label above the one that comes after it
            right = chart.across.range is not None and rule.x > sum(chart.across.range) / 2
            axis.annotate(
                rule.label, (rule.x, 1), (0, 2 + 11 * after), xycoords=("data", "axes fraction"),
                textcoords="offset points", fontsize=8, ha="right" if right else "left",
            )  # fmt: skip
        return
    assert rule.y is not None
    if rule.span is None:
        axis.axhline(rule.y, **look, zorder=1.5)
    else:
        axis.hlines(rule.y, *rule.span, **look)
    if rule.label:
        across = (rule.span[1], "right", "data") if rule.span else (0.01, "left", "axes fraction")
        axis.annotate(
            rule.label, (across[0], rule.y), (0, 2), xycoords=(across[2], "data"),
            textcoords="offset points", fontsize=8, ha=across[1],
        )  # fmt: skip


def _words(axis: Axes, words: Words, chart: Chart) -> None:
    size = min(_PIXEL * words.size, 6 if len(words.texts) > chart.size[0] else 9)
    for x, y, text in zip(words.x, words.y, words.texts, strict=False):
        axis.annotate(text, (x, y), (0, 2), textcoords="offset points", ha="center", fontsize=size)


_DRAW: dict[type, Callable[[Any, Any, Chart], None]] = {
    Points: _points, Line: _points, Bars: _bars, Outline: _outline, Violin: _violin, Radar: _radar,
    Rule: _rule, Words: _words,
}  # fmt: skip


def _mark(style: Style, size: float) -> dict[str, Any]:
    inner = {"markerfacecolor": "none"} if style.mark.endswith("-open") else {}
    mark = _MARKS[style.mark.removesuffix("-open")]
    return {"marker": mark, "markersize": 0.64 * size, "markeredgewidth": 1, **inner}


def _dash(dash: Dash) -> Any:
    return (0, tuple(length / 2.2 for length in dash)) if dash else "-"


def _fill(style: Style) -> dict[str, Any]:
    return {
        "facecolor": "white" if style.hatch else style.ink, "edgecolor": style.ink, "hatch": 2 * style.hatch
    }  # fmt: skip


def _legend(made: Figure, grid: Grid, *, side: bool) -> None:
    entries = named([grid])
    if not entries:
        return
    handles, longest = [_handle(entry) for entry in entries], max(len(e.style.title) for e in entries)
    look: dict[str, Any] = {"frameon": False, "fontsize": 8, "handlelength": 4}
    if side:
        made.legend(handles=handles, loc="outside right upper", **look)
        return
    fitting = int(72 * made.get_figwidth() / (4.6 * longest + 52))
    made.legend(handles=handles, loc="outside upper center", ncols=max(1, min(fitting, len(handles))), **look)


def _handle(entry: Named) -> Any:
    style = entry.style
    if isinstance(entry, Bars):
        return Patch(label=style.title, **_fill(style))
    joined = not (isinstance(entry, Points) and not isinstance(entry, Line))
    mark = _mark(style, 8) if not (isinstance(entry, Line) and entry.marks == 0) else {}
    return Line2D(
        [], [], color=style.ink, linewidth=1.6 if joined else 0, linestyle=_dash(style.dash),
        label=style.title, **mark,
    )  # fmt: skip


def _labels(chart: Chart) -> Sequence[Label]:
    """Words beside points, which must not lie on one another."""
    return [
        Label(text, float(x), float(y), points.style.ink)
        for points in chart.elements if isinstance(points, Points)
        for text, x, y in zip(points.labels, points.x, points.y, strict=False) if text
    ]  # fmt: skip


def _strokes(chart: Chart) -> list[Stroke]:
    """All lines and whiskers of the points."""
    found: list[Stroke] = []
    for points in (each for each in chart.elements if isinstance(each, Points)):
        places = [(float(x), float(y)) for x, y in zip(points.x, points.y, strict=True)]
        found += list(pairwise(places)) if isinstance(points, Line) else [(place, place) for place in places]
        for at, (x, y) in enumerate(places):
            found += [((float(e[0][at]), y), (float(e[1][at]), y)) for e in [points.x_ends] if e is not None]
            found += [((x, float(e[0][at])), (x, float(e[1][at]))) for e in [points.y_ends] if e is not None]
    return found
