"""Search for the strength of the UAEs: every setting that was tried on held-out training images."""

from __future__ import annotations

import streamlit as st

from advmi_core.figures.autoencoders import search_table
from advmi_core.ui.widgets import callout, tables
from advmi_core.ui.widgets.state import PageState

COMMAND = "python benchmarks/uae_search.py"


def draw(state: PageState) -> None:
    """What was tried, what was kept, and what the intervals allow to say."""
    table = tables.read("uae-search", search_table.KEYS)
    if table is None or not search_table.fits(table):
        tables.missing("No search here yet", COMMAND)
        return
    searches = search_table.searches(table)
    name = st.segmented_control(
        "Search", list(searches), default=next(iter(searches)), required=True, key=state.key("search"),
        label_visibility="collapsed",
    )  # fmt: skip
    lines = searches[str(name)]
    callout.box("note", *search_table.said(lines))
    with st.container(key=state.key("table-search")):
        st.table(search_table.rows(lines), border="horizontal", hide_index=True)
    st.caption(search_table.caption(table, lines))
