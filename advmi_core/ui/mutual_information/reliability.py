"""The reliability table: which way of measuring gives the same order of images under two seeds."""

from __future__ import annotations

from typing import Any

import streamlit as st

from advmi_core.figures.mutual_information import reliability_table
from advmi_core.ui.widgets import tables
from advmi_core.ui.widgets.state import PageState

COMMAND = "python benchmarks/reliability.py"
NAMES = {"fashion-mnist": "Fashion-MNIST", "mnist": "MNIST digits"}


def draw(state: PageState) -> None:
    """The table with the command that made it, or how to make it."""
    st.header("From noise to a measurement", anchor=False)
    tables = {name: table for name in NAMES if (table := _read(f"reliability-{name}"))}
    if not tables:
        st.caption(f"There is no table here yet; `{COMMAND}` measures it.")
        return
    name = st.segmented_control(
        "Images", list(tables), format_func=NAMES.__getitem__, default=next(iter(tables)), required=True,
        key=state.key("reliability-data"), label_visibility="collapsed",
    )  # fmt: skip
    table = tables[str(name)]
    st.caption(reliability_table.caption(table))
    st.table(reliability_table.rows(table), border="horizontal", hide_index=True)


def _read(name: str) -> dict[str, Any] | None:
    """The benchmark's file; None if there is none or it is not what the benchmark writes."""
    table = tables.read(name, reliability_table.KEYS)
    return table if table is not None and reliability_table.fits(table) else None
