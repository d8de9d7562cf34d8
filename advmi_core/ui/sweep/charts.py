"""The four figures and the table of a sweep."""

from __future__ import annotations

import streamlit as st

from advmi_core.figures.sweep import (
    legend as sweep_legend,
)
from advmi_core.figures.sweep import (
    screen as sweep_screen,
)
from advmi_core.figures.sweep import (
    table as sweep_table,
)
from advmi_core.figures.sweep.series import Point, title
from advmi_core.figures.words import number
from advmi_core.ui.sweep import cells as sweep_cells
from advmi_core.ui.widgets.state import PageState

VIEWS = {"all": "All", "plane": "MI–ASR", "asr": "ε–ASR", "mi": "ε–MI", "histogram": "Images"}
_SMALL, _LARGE = 262, 520
_BARE = {"displayModeBar": False}


def draw(state: PageState, points: list[Point]) -> None:
    """Legend, choice of the view, and the charts of that view; a click on a point looks at its cell."""
    sweep_cells.valid(state, "view", list(VIEWS), "all")
    left, right = st.columns([1.3, 1], vertical_alignment="center")
    left.html(sweep_legend.html([point.method for point in points]))
    right.segmented_control(
        "Charts", list(VIEWS), key=state.key("view"), format_func=VIEWS.__getitem__, required=True,
        label_visibility="collapsed", width="stretch",
    )  # fmt: skip
    view = str(state.value("view"))
    if view != "all":
        _chart(state, view, points, _LARGE)
        return
    names = [name for name in VIEWS if name != "all"]
    places = [*st.columns(2, gap="small"), *st.columns(2, gap="small")]
    for name, place in zip(names, places, strict=True):
        with place:
            _chart(state, name, points, _SMALL)


def _chart(state: PageState, name: str, points: list[Point], height: int) -> None:
    chosen = sweep_cells.chosen(state, points)
    key = state.key(f"chart-{name}")
    if name == "histogram":
        cells = at(points, chosen.eps)
        st.plotly_chart(
            sweep_screen.histogram(cells, height), key=key, config=_BARE,
            alt=f"MI of the images at ε {chosen.eps:g}: "
            + "; ".join(f"{title(p.method)} {_spread(p)}" for p in cells),
        )  # fmt: skip
        return
    figure = getattr(sweep_screen, name)(points, chosen.id, height)
    st.plotly_chart(
        figure, key=key, config=_BARE, selection_mode="points", alt=f"{VIEWS[name]}: {_said(points)}",
        on_select=lambda: sweep_cells.click(state, key, points),
    )  # fmt: skip


def at(points: list[Point], eps: float) -> list[Point]:
    """The cells of one ε."""
    return [point for point in points if point.eps == eps]


def _said(points: list[Point]) -> str:
    return "; ".join(
        f"{title(p.method)}, ε {p.eps:g}: ASR {sweep_table.rate(p)} %, MI {_spread(p)}" for p in points
    )


def _spread(point: Point) -> str:
    return f"{number(point.summary.mi.mean)} ± {number(point.summary.mi.std)} nats"


def table(state: PageState, points: list[Point]) -> None:
    """All numbers, one line a cell."""
    with st.container(key=state.key("table")):
        st.table(sweep_table.rows(points), border="horizontal", hide_index=True)
    st.caption(
        "Counted: images that the model gets right. MI (measured afterwards, alike for every method), "
        "distances and queries: means over the images attacked with success, ± standard deviation."
    )
