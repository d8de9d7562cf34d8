"""The cells of a sweep as points, which of them is looked at, and how two compare image by image."""

from __future__ import annotations

import math
from typing import Any

import streamlit as st

from advmi_core.evaluation import Comparison, Paired, compare
from advmi_core.figures.sweep.series import Point, title
from advmi_core.figures.text import fixed, number, signed
from advmi_core.studies.sweep import SweepResult
from advmi_core.ui.widgets import callout
from advmi_core.ui.widgets.state import PageState

_METHOD, _EPS, _AGAINST = "cell-method", "cell-eps", "cell-against"


def points(result: SweepResult) -> list[Point]:
    """Every cell of which something was measured, in the sweep's order."""
    return [
        Point(
            id=cell.id, method=cell.method, eps=cell.eps, summary=summary, table=result.tables[cell],
            seconds=result.seconds.get(cell, math.nan),
        )
        for cell, summary in result.table()
    ]  # fmt: skip


def chosen(state: PageState, shown: list[Point]) -> Point:
    """The cell that is looked at: as clicked or chosen, else the first method at its middle ε."""
    methods = list(dict.fromkeys(point.method for point in shown))
    method = valid(state, _METHOD, methods, methods[0])
    mine = [point for point in shown if point.method == method]
    eps = [_written(point.eps) for point in mine]
    return mine[eps.index(valid(state, _EPS, eps, eps[len(eps) // 2]))]


def click(state: PageState, chart: str, shown: list[Point]) -> None:
    """Callback of a chart: look at the cell whose point was clicked; other clicks change nothing.

    Args:
        state: of the page.
        chart: key of the chart.
        shown: its points.
    """
    event: Any = st.session_state.get(chart)
    picked = event["selection"]["points"] if event else []
    name = next((item["customdata"] for item in picked if item.get("customdata")), None)
    name = name[0] if isinstance(name, list) else name
    for point in shown:
        if point.id == name:
            state.set(_METHOD, point.method)
            state.set(_EPS, _written(point.eps))


def choose(state: PageState, shown: list[Point]) -> Point | None:
    """The choosers of the cell and of the method it is compared with; returns that method's cell, if any."""
    now = chosen(state, shown)
    methods = list(dict.fromkeys(point.method for point in shown))
    others = [method for method in methods if method != now.method]
    left, middle, right = st.columns([1.2, 1.4, 1.2], gap="small")
    left.selectbox("Method", **state.held_choice(_METHOD, methods), format_func=title)
    budgets = {_written(point.eps): point.budget for point in shown if point.method == now.method}
    middle.segmented_control(
        "ε", **state.held_pick(_EPS, list(budgets)), format_func=lambda eps: budgets.get(eps, eps),
        required=True, width="stretch",
    )  # fmt: skip
    if not others:
        return None
    cells = {method: _beside(now, [p for p in shown if p.method == method]) for method in others}
    valid(state, _AGAINST, others, next((name for name in reversed(others) if cells[name]), others[-1]))
    right.selectbox("compared with", **state.held_choice(_AGAINST, others), format_func=title)
    rival = str(state.value(_AGAINST))
    if cells[rival] is None:
        st.caption(f"{title(rival)} was not measured at {now.place}.")
    return cells[rival]


def _beside(now: Point, rival: list[Point]) -> Point | None:
    """The rival's cell at the same ε; where one of the two has no ε, its only one."""
    return next((p for p in rival if p.eps == now.eps or not (p.bounded and now.bounded)), None)


def valid(state: PageState, name: str, allowed: list[str], otherwise: str) -> str:
    """A widget's value, put right where the run has no such choice.

    While a sweep has no shard its widgets are not drawn, and Streamlit forgets their values.
    """
    if st.session_state.get(state.key(name)) not in allowed:
        state.set(name, otherwise)
    return str(state.value(name))


def _written(eps: float) -> str:
    return f"{eps:g}"


def say(a: Point, b: Point) -> None:
    """The comparison of two cells in one sentence."""
    found = compare(a.table, b.table)
    callout.box("note", headline(a, b, found.kept), detail(found))


def headline(a: Point, b: Point, kept: Paired) -> str:
    """Who keeps more of the information, as far as the interval can tell."""
    first, second = title(a.method), title(b.method)
    where = (a if a.bounded else b).place
    if not math.isfinite(kept.low):
        return f"{where}: too few images that both fooled"
    if kept.low <= 0 <= kept.high:
        return f"{where}: no clear difference between {first} and {second}"
    points, more = fixed(100 * abs(kept.mean)), "more" if kept.mean > 0 else "less"
    return f"{where}: {first} keeps {points} % points {more} of the information than {second}"


def detail(found: Comparison) -> str:
    """The numbers behind the headline."""
    if not math.isfinite(found.kept.low):
        return f"{found.images} images that both fooled; an interval needs two."
    kept, mi, l2, ssim = found.kept, found.mi, found.l2, found.ssim
    text = (
        f"Mean difference over {kept.n} images that both fooled, 95 % interval "
        f"{fixed(100 * kept.low)} to {fixed(100 * kept.high)} % points. MI by InfoNCE: "
        f"{signed(mi.mean, 3)} nats, 95 % {signed(mi.low, 3)} to {signed(mi.high, 3)}."
    )
    if math.isfinite(l2.mean):
        text += f" L2 of its change: {number(abs(l2.mean))} {'larger' if l2.mean > 0 else 'smaller'}."
    if math.isfinite(ssim.mean):
        text += f" SSIM: {number(abs(ssim.mean))} {'higher' if ssim.mean > 0 else 'lower'}."
    return text
