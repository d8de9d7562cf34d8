"""The left column of MI vs ASR: a preset or an own grid, and Start."""

from __future__ import annotations

import os

import streamlit as st

from advmi_core.attacks import variants
from advmi_core.figures.sweep.series import title
from advmi_core.studies.sweep import PRESETS
from advmi_core.ui.sweep import grid, jobs
from advmi_core.ui.sweep.jobs import Begun
from advmi_core.ui.widgets import absent
from advmi_core.ui.widgets.state import PageState

WORKERS, LOST = "workers", "lost"
MOST_WORKERS = 64


def draw(state: PageState) -> Begun | None:
    """Draw the form; returns what Start led to where it was just pressed."""
    st.selectbox(
        "Measure",
        **state.held_choice("plan", grid.PLANS),
        format_func=grid.PLANS.__getitem__,
    )
    plan = str(state.value("plan"))
    with st.form(state.key("form"), border=True, enter_to_submit=False):
        pressed = st.form_submit_button(
            "Start", type="primary", icon=":material/play_arrow:", width="stretch",
            help="What was measured before is shown at once; an interrupted run goes on.",
        )  # fmt: skip
        if plan == grid.OWN:
            _grid(state)
            if lost := st.session_state.get(state.key(LOST)):
                st.caption(f":material/info: Differs from that run: {'; '.join(lost)}.")
        else:
            st.caption(grid.said(PRESETS[plan]))
        _processes(state, plan)
    return _start(state) if pressed else None


def _grid(state: PageState) -> None:
    st.pills(
        "Methods", selection_mode="multi", **state.held_pick("grid-methods", variants()), format_func=title,
    )  # fmt: skip
    st.text_input(
        "Budgets ε: ‖δ‖∞ ≤ ε", **state.held("grid-eps"), max_chars=120,
        help="Separated by commas.",
    )  # fmt: skip
    left, right = st.columns(2)
    left.number_input("Images N", 1, grid.LARGEST, step=50, **state.held("grid-n"))
    right.number_input(
        "Iterations", 1, 2000, step=50, **state.held("grid-steps"),
        help="Of every method that has an ε; the penalty's search takes as many for each of its c.",
    )  # fmt: skip
    st.selectbox(
        "Data, model",
        **state.held_choice("grid-victim", grid.victims()),
        format_func=grid.victim_title,
    )


def _processes(state: PageState, plan: str) -> None:
    place = st.container()
    if plan == grid.OWN:
        left, place = st.columns(2)
        left.number_input("Seed", 0, 2**31 - 1, **state.held("grid-seed"))
    place.number_input(
        "Processes", 1, MOST_WORKERS, **state.held(WORKERS),
        help=f"Shards computed side by side; this machine has {os.cpu_count()} cores. "
        "The results do not depend on it.",
    )  # fmt: skip


def _start(state: PageState) -> Begun | None:
    try:
        values = {option.name: state.value(option.name) for option in grid.options()}
        return jobs.begin(state.page, grid.sweep(values), int(state.value(WORKERS)))
    except absent.PROBLEMS as error:
        absent.say(error)
        return None
