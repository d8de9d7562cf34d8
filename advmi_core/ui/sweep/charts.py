"""The figures and the table of a sweep."""

from __future__ import annotations

import streamlit as st

from advmi_core.figures.sweep import charts as sweep_charts
from advmi_core.figures.sweep import table as sweep_table
from advmi_core.figures.sweep.series import KEPT, MEASURES, MI, Measure, Point, title
from advmi_core.figures.text import number, percent
from advmi_core.ui.sweep import cells as sweep_cells
from advmi_core.ui.widgets import charts
from advmi_core.ui.widgets.state import PageState

VIEWS = {
    "all": "All", "plane": "MI–ASR", "asr": "ε–ASR", "mi": "ε–MI", "histogram": "Images",
    "distances": "L2, SSIM",
}  # fmt: skip
MEASURE = "measure"
_SMALL, _LARGE = 262, 520


def draw(state: PageState, points: list[Point]) -> None:
    """Legend, measure, view, and the charts of that view; a click on a point looks at its cell."""
    sweep_cells.valid(state, "view", list(VIEWS), "all")
    sweep_cells.valid(state, MEASURE, list(MEASURES), KEPT.name)
    charts.legend(sweep_charts.plane(points))
    left, right = st.columns([1, 1.7], vertical_alignment="center")
    left.segmented_control(
        "Measure", list(MEASURES), key=state.key(MEASURE), required=True, label_visibility="collapsed",
        format_func=lambda name: MEASURES[name].title, width="stretch",
        help="Information kept: in closed form, exact and never above x itself. MI by InfoNCE: fresh "
        "critics, a second opinion with noise.",
    )  # fmt: skip
    right.segmented_control(
        "Charts", list(VIEWS), key=state.key("view"), format_func=VIEWS.__getitem__, required=True,
        label_visibility="collapsed", width="stretch",
    )  # fmt: skip
    view = str(state.value("view"))
    if view != "all":
        _chart(state, view, points, _LARGE)
        return
    names = [name for name in VIEWS if name != "all"]
    places = [*st.columns(2, gap="small"), *st.columns(2, gap="small"), st.container()]
    for name, place in zip(names, places, strict=True):
        with place:
            _chart(state, name, points, _SMALL)


def _chart(state: PageState, name: str, points: list[Point], height: int) -> None:
    chosen, measure = sweep_cells.chosen(state, points), measure_of(state)
    if name == "histogram":
        cells = at(points, chosen.eps)
        said = "; ".join(f"{title(p.method)} {_spread(p)}" for p in cells)
        alt = f"{measure.title} of the images at {chosen.place}: {said}"
        charts.draw(state, name, sweep_charts.histogram(cells, measure), alt, height)
        return
    charts.draw(
        state, name, sweep_charts.CHARTS[name](points, measure, chosen.id), f"{VIEWS[name]}: {_said(points)}",
        height, selection_mode="points",
        on_select=lambda: sweep_cells.click(state, state.key(f"chart-{name}"), points),
    )  # fmt: skip


def measure_of(state: PageState) -> Measure:
    """What the charts show of the images."""
    return MEASURES[str(state.value(MEASURE))]


def at(points: list[Point], eps: float) -> list[Point]:
    """The cells of one ε, and those that have none."""
    return [point for point in points if point.eps == eps or not point.bounded]


def _said(points: list[Point]) -> str:
    return "; ".join(
        f"{title(p.method)}, {p.place}: ASR {sweep_table.rate(p)} %, {_spread(p)}" for p in points
    )


def _spread(point: Point) -> str:
    kept, mi = percent(point.summary.kept.mean), number(point.mean(MI))
    return f"{kept} of the information kept, MI {mi} ± {number(point.summary.mi.std)} nats"


def table(state: PageState, points: list[Point]) -> None:
    """All numbers, one line a cell."""
    with st.container(key=state.key("table")):
        st.table(sweep_table.rows(points), border="horizontal", hide_index=True)
    st.caption(
        "Counted: images that the model gets right. Kept: of the information in x, in closed form; MI: by "
        "InfoNCE; both measured afterwards, alike for every method. They, distances and queries are means "
        "over the images attacked with success, ± standard deviation. CW and DDN seek the shortest "
        "perturbation and have no ε."
    )
