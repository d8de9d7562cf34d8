"""A chart on a page, and the legend of several."""

from __future__ import annotations

from typing import Any

import streamlit as st

from advmi_core.figures import legend as samples
from advmi_core.figures.chart import Drawing
from advmi_core.figures.plotly_renderer import figure
from advmi_core.ui.widgets.state import PageState


def draw(
    state: PageState, name: str, drawing: Drawing, alt: str, height: int | None = None, **selection: Any
) -> None:
    """The chart with what a screen reader says of it.

    Args:
        state: of the page.
        name: of the chart on the page.
        drawing: what it shows.
        alt: what is said of it.
        height: pixels; default: the chart's.
        selection: of ``st.plotly_chart``, for a chart that is clicked.
    """
    st.plotly_chart(
        figure(drawing, height), key=state.key(f"chart-{name}"), config={"displayModeBar": False}, alt=alt,
        **selection,
    )  # fmt: skip


def legend(*drawings: Drawing, width: Any = "stretch") -> None:
    """A sample and the name of every series of these charts."""
    if text := samples.html(drawings):
        st.html(text, width=width)
