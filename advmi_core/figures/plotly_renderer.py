"""Charts as plotly figures: zoom, click, and read every value."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from advmi_core.figures.chart import (
    Axis,
    Bars,
    Chart,
    Drawing,
    Element,
    Grid,
    Line,
    Outline,
    Points,
    Radar,
    Rule,
    Values,
    Violin,
    Words,
    above,
    charts_of,
    end_labels,
    error_sizes,
    tips_of,
    within_reach,
)
from advmi_core.figures.style import GREY, Dash, Style

Trace = dict[str, Any]
_CLEAR = "rgba(0,0,0,0)"  # a page that turns dark under a drawn figure would leave it white
_FEW = 400  # points a violin that are all drawn; above, only those far out
_LINE = 15  # pixels, of a label
_LEGEND = _TITLE = 26
_GAP = 0.1  # between the charts of a grid, of the whole; less where they share an axis


def figure(drawing: Drawing, height: int | None = None) -> go.Figure:
    """The chart or grid, ``height`` pixels high; by default as it says."""
    charts = charts_of(drawing)
    height = drawing.height if height is None else height
    if charts[0].spokes:
        return _radar(charts[0], height)
    grid = drawing if isinstance(drawing, Grid) else Grid(charts=charts, columns=1)
    data: list[Trace] = []
    layout = _frame(charts, height)
    seen: set[str] = set()
    for at, (chart, place) in enumerate(zip(charts, _places(grid), strict=True)):
        x, y, right = _names(at, len(charts))
        layout |= {_full(x): _axis(chart.across, place[0], y), _full(y): _axis(chart.up, place[1], x)}
        if at and grid.share_across:
            layout[_full(x)]["matches"] = "x"
        if at and grid.share_up:
            layout[_full(y)] |= {"matches": "y", "showticklabels": False}
        if chart.right is not None:
            layout[_full(right)] = {
                **_axis(chart.right, place[1], x), "overlaying": y, "side": "right", "showgrid": False,
            }  # fmt: skip
        for element in chart.elements:
            for trace in _TRACES[type(element)](element, chart):
                axis = right if isinstance(element, Line) and element.right else y
                name = trace.get("legendgroup", "")
                trace["showlegend"] = trace.pop("named", False) and name not in seen
                seen |= {name} if trace["showlegend"] else set()
                data.append({**trace, "xaxis": x, "yaxis": axis})
        layout["shapes"] += [_shape(rule, x, y) for rule in chart.elements if isinstance(rule, Rule)]
        lift = max(chart.top - 40, _LEGEND if chart.legend == "above" else 0) if len(charts) == 1 else 0
        layout["annotations"] += _notes(chart, x, y, lift)
    return go.Figure({"data": data, "layout": layout})


def _names(at: int, count: int) -> tuple[str, str, str]:
    """Of the axes of one of several charts: across, up, and up at the right."""
    own = "" if at == 0 else str(at + 1)
    return f"x{own}", f"y{own}", f"y{count + at + 1}"


def _full(name: str) -> str:
    return f"{name[0]}axis{name[1:]}"


def _places(grid: Grid) -> Iterator[tuple[list[float], list[float]]]:
    """(across, up) of every chart, in parts of the figure."""
    columns, rows = grid.columns, -(-len(grid.charts) // grid.columns)
    aside, between = (0.03 if grid.share_up else 1.2 * _GAP), 1.6 * _GAP
    width, height = (1 - (columns - 1) * aside) / columns, (1 - (rows - 1) * between) / rows
    for at in range(len(grid.charts)):
        left, low = at % columns * (width + aside), 1 - at // columns * (height + between) - height
        yield [left, left + width], [max(0.0, low), min(1.0, low + height)]


def _frame(charts: Sequence[Chart], height: int) -> Trace:
    first = charts[0]
    shown = next((chart.legend for chart in charts if chart.legend != "page"), "")
    lines = _LINE * len(above(first))
    title = _TITLE if any(chart.title for chart in charts) else 0
    top = max(first.top, 12 + lines + title + (_LEGEND if shown == "above" else 0))
    bottom = 46 if first.across.title else 30
    layout: Trace = {
        "height": height, "hovermode": first.hover, "showlegend": bool(shown), "barmode": "overlay",
        "paper_bgcolor": _CLEAR, "plot_bgcolor": _CLEAR, "violingap": 0.1,
        "margin": {"l": 58, "r": 120 if first.ends else 14, "t": top, "b": bottom},
        "shapes": [], "annotations": [],
    }  # fmt: skip
    if shown == "right":
        layout["legend"] = {"orientation": "v", "x": 1.01, "y": 1}
    elif shown:
        below = lines + 4 + (title if len(charts) > 1 else 0)
        lift = below / max(1, height - top - bottom)
        layout["legend"] = {"orientation": "h", "yanchor": "bottom", "y": 1 + lift, "x": 0}
    if shown and not any(isinstance(element, Line) and element.named for element in first.elements):
        layout["legend"]["itemsizing"] = "constant"  # faint or small marks as well as others
    return layout


def _axis(axis: Axis, domain: list[float], anchor: str) -> Trace:
    shown: Trace = {
        "title": {"text": axis.title.replace("\n", "<br>"), "standoff": 8}, "zeroline": axis.zero_line,
        "domain": domain, "anchor": anchor, "showgrid": axis.grid, "showticklabels": axis.labelled,
        "automargin": True,
    }  # fmt: skip
    if axis.range is not None:
        shown["range"] = [math.log10(end) for end in axis.range] if axis.log else list(axis.range)
    if axis.log:
        shown["type"] = "log"
    if axis.from_zero:
        shown["rangemode"] = "tozero"
    if axis.ticks:
        shown |= {"tickvals": [at for at, _ in axis.ticks]}
        shown |= {"ticktext": [text.replace("\n", "<br>") for _, text in axis.ticks]}
    return shown


def _points(points: Points, chart: Chart) -> Iterator[Trace]:
    style, line = points.style, points if isinstance(points, Line) else None
    if line is not None and line.band is not None:
        yield from _band(line, chart)
    marked = line is None or line.marks > 0
    labelled = any(points.labels)
    parts = (["lines"] if line else []) + (["markers"] if marked else []) + (["text"] if labelled else [])
    trace: Trace = {
        "type": "scatter", "x": points.x, "y": within_reach(points.y, chart.up).tolist(), "name": style.title,
        "mode": "+".join(parts), "legendgroup": style.title, "named": points.named,
        "cliponaxis": line is not None, **_hover(style, tips_of(points)),
        "marker": {
            "symbol": style.mark, "size": points.size, "color": style.ink, "opacity": points.opacity,
            "line": {"width": points.size / 6 if style.mark.endswith("-open") else 0, "color": style.ink},
        },
    }  # fmt: skip
    if line is not None:
        trace["line"] = {"color": style.ink, "dash": _dash(style.dash), "width": line.width}
        if line.marks < len(line.x):
            trace["marker"]["maxdisplayed"] = line.marks
    if labelled:
        trace |= {"text": points.labels, "textposition": points.label_side}
    if points.ids:
        kept = {"marker": {"opacity": points.opacity}}
        trace |= {"customdata": points.ids, "selected": kept, "unselected": kept}
    for name, middle, ends in (("error_x", points.x, points.x_ends), ("error_y", points.y, points.y_ends)):
        if ends is not None:
            trace[name] = _whiskers(middle, ends, style.ink)
    yield trace


def _band(line: Line, chart: Chart) -> Iterator[Trace]:
    assert line.band is not None
    low, high = (within_reach(edge, chart.up) for edge in line.band)
    known = np.isfinite(low) & np.isfinite(high)
    if known.sum() > 1 and np.any(high[known] > low[known]):
        x = np.asarray(line.x)[known]
        yield {
            "type": "scatter", "x": np.concatenate([x, x[::-1]]), "mode": "none", "fill": "toself",
            "y": np.concatenate([high[known], low[known][::-1]]), "fillcolor": faint(line.style.ink),
            "hoverinfo": "skip", "name": f"{line.style.title}: band", "legendgroup": line.style.title,
        }  # fmt: skip


def _bars(bars: Bars, chart: Chart) -> Iterator[Trace]:
    style = bars.style
    trace: Trace = {
        "type": "bar", "x": bars.y if bars.lying else bars.x, "y": bars.x if bars.lying else bars.y,
        "orientation": "h" if bars.lying else "v", "width": bars.width, "name": style.title,
        "legendgroup": style.title, "named": bars.named, "opacity": bars.opacity,
        **_hover(style, tips_of(bars)),
        "marker": {
            "color": style.ink, "line": {"color": style.ink, "width": 1},
            "pattern": {"shape": style.hatch, "fillmode": "replace", "size": 7},
        },
    }  # fmt: skip
    if bars.base is not None:
        trace["base"] = bars.base
    if bars.y_ends is not None:
        trace["error_y"] = _whiskers(bars.y, bars.y_ends, GREY)
    yield trace
    if any(bars.labels):
        size = 12 if len(bars.labels) < 3 else 10
        yield from _words(Words(x=bars.x, y=bars.tops, texts=bars.labels, size=size), chart)


def _outline(outline: Outline, _chart: Chart) -> Iterator[Trace]:
    style = outline.style
    yield {
        "type": "scatter", "x": outline.edges, "y": np.append(outline.heights, outline.heights[-1:]),
        "mode": "lines", "fill": "tozeroy", "fillcolor": faint(style.ink), "name": style.title,
        "line": {"shape": "hv", "color": style.ink, "dash": _dash(style.dash), "width": 2},
        "legendgroup": style.title, "named": outline.named, **_hover(style, outline.tips),
    }  # fmt: skip


def _violin(violin: Violin, _chart: Chart) -> Iterator[Trace]:
    count, all_of_them = len(violin.values), len(violin.values) <= _FEW
    if count > 1:
        yield {
            "type": "violin", "x": np.full(count, violin.x), "y": violin.values, "name": violin.style.title,
            "box": {"visible": True}, "meanline": {"visible": True}, "hoveron": "violins+points",
            "points": "all" if all_of_them else "outliers", "jitter": 0.4,
            "pointpos": -0.9 if all_of_them else 0, "side": "positive" if all_of_them else "both",
            "width": 0.75, "marker": {"size": 3, "opacity": 0.5},
            "line": {"color": violin.style.ink, "width": 1.5}, "legendgroup": violin.style.title,
        }  # fmt: skip


def _words(words: Words, _chart: Chart) -> Iterator[Trace]:
    yield {
        "type": "scatter", "x": words.x, "y": words.y, "text": words.texts, "mode": "text",
        "textposition": "top center", "textfont": {"size": words.size}, "hoverinfo": "skip",
        "cliponaxis": False, "name": "",
    }  # fmt: skip


def _nothing(_element: Element, _chart: Chart) -> Iterator[Trace]:
    yield from ()


_TRACES: dict[type, Callable[[Any, Chart], Iterator[Trace]]] = {
    Points: _points, Line: _points, Bars: _bars, Outline: _outline, Violin: _violin, Words: _words,
    Rule: _nothing,
}  # fmt: skip


def _whiskers(middle: Values, ends: tuple[Values, Values], ink: str) -> Trace:
    down, up = error_sizes(middle, ends)
    return {
        "type": "data", "symmetric": False, "array": up, "arrayminus": down, "color": ink, "thickness": 1.4,
        "width": 4,
    }  # fmt: skip


def _hover(style: Style, tips: Any) -> Trace:
    if not len(tips):
        return {"hoverinfo": "skip"}
    return {"hovertext": tips, "hovertemplate": f"%{{hovertext}}<extra>{style.title}</extra>"}


def _dash(dash: Dash) -> str:
    return ",".join(f"{length}px" for length in dash) or "solid"


def faint(ink: str) -> str:
    """The ink of a band around a curve."""
    red, green, blue = (int(ink[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.16)"


def _shape(rule: Rule, x: str, y: str) -> Trace:
    line = {"color": rule.ink, "dash": _dash(rule.dash), "width": rule.width}
    shape: Trace = {"type": "line", "line": line}
    if rule.x is not None:
        low, high = rule.span or (0, 1)
        shape |= {"x0": rule.x, "x1": rule.x, "y0": low, "y1": high}
        return shape | {"xref": x, "yref": y if rule.span else f"{y} domain"}
    low, high = rule.span or (0, 1)
    shape |= {"y0": rule.y, "y1": rule.y, "x0": low, "x1": high}
    return shape | {"yref": y, "xref": x if rule.span else f"{x} domain"}


def _notes(chart: Chart, x: str, y: str, lift: int) -> Iterator[Trace]:
    """All words of a chart that are no trace; its title stands ``lift`` pixels above the axes."""
    for after, rule in enumerate(reversed(above(chart))):  # each label above the one that comes after it
        middle = sum(chart.across.range) / 2 if chart.across.range else math.inf
        yield _note(
            rule.label, rule.x, 1, x, f"{y} domain", "bottom", "right" if (rule.x or 0) > middle else "left",
            yshift=_LINE * after,
        )  # fmt: skip
    for rule in (e for e in chart.elements if isinstance(e, Rule) and e.label and e.y is not None):
        if rule.span:
            yield _note(rule.label, rule.span[1], rule.y, x, y, "bottom", "right")
        else:
            yield _note(rule.label, 0, rule.y, f"{x} domain", y, "bottom", "left")
    for violin in (e for e in chart.elements if isinstance(e, Violin) and e.said):
        yield _note(violin.said, violin.x, 1, x, f"{y} domain", "bottom", "center")
    if chart.ends:
        for text, at, ink in end_labels(chart):
            yield _note(text, 1.01, at, f"{x} domain", y, "middle", "left", font={"size": 13, "color": ink})
    if chart.title:
        title = f"<b>{chart.title}</b>"
        yield _note(title, 0, 1, f"{x} domain", f"{y} domain", "bottom", "left", yshift=lift)
    if chart.message:
        yield _note(chart.message, 0.5, 0.5, f"{x} domain", f"{y} domain", "middle", "center")


def _note(text: str, x: Any, y: Any, xref: str, yref: str, foot: str, side: str, **more: Any) -> Trace:
    return {
        "text": text, "x": x, "y": y, "xref": xref, "yref": yref, "yanchor": foot, "xanchor": side,
        "showarrow": False, **more,
    }  # fmt: skip


def _radar(chart: Chart, height: int) -> go.Figure:
    labels, axis = list(chart.spokes), chart.up
    data = []
    for element in (each for each in chart.elements if isinstance(each, Radar)):
        style, values = element.style, np.asarray(element.values, np.float64)
        known = [at for at, value in enumerate(values) if math.isfinite(value)]
        ring = [*known, *known[:1]] if len(known) == len(labels) else known
        tips = [element.tips[at] for at in ring] if element.tips else ()
        data.append({
            "type": "scatterpolar", "theta": [labels[at] for at in ring],
            "r": [float(values[at]) for at in ring], "mode": "lines+markers", "name": style.title,
            "line": {"color": style.ink, "dash": _dash(style.dash), "width": 2.2},
            "marker": {"symbol": style.mark, "size": 8, "color": style.ink}, **_hover(style, tips),
        })  # fmt: skip
    polar = {
        "bgcolor": _CLEAR,
        "radialaxis": {
            "range": axis.range, "angle": 90, "tickangle": 90, "tickvals": [at for at, _ in axis.ticks],
            "ticktext": [text for _, text in axis.ticks],
        },
        "angularaxis": {
            "direction": "clockwise", "rotation": 90, "type": "category", "period": len(labels),
            "categoryorder": "array", "categoryarray": labels,
        },
    }  # fmt: skip
    layout = {
        "height": height, "showlegend": False, "margin": {"l": 50, "r": 50, "t": 26, "b": 26},
        "paper_bgcolor": _CLEAR, "polar": polar,
    }  # fmt: skip
    return go.Figure({"data": data, "layout": layout})
