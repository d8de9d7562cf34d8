"""Trainings that were started on other pages: how far they came, and the way back to them."""

from __future__ import annotations

from datetime import datetime

import streamlit as st

from advmi_core.jobs import journal
from advmi_core.jobs.journal import Entry
from advmi_core.ui import long_jobs
from advmi_core.ui.state import PageState

PAGES = {"autoencoders": "pages/measure/autoencoders.py", "defence": "pages/defend/defence.py"}


def draw(state: PageState) -> None:
    """A line each, with the buttons that open it or take it off the list."""
    known = [(entry, when) for entry, when in journal.entries() if entry.page in PAGES]
    if not known:
        return
    st.subheader("Trainings", anchor=False)
    for entry, when in known:
        _line(state, entry, when)
    st.caption("What a training has kept stays on the disk when it is taken off the list.")


def _line(state: PageState, entry: Entry, when: datetime) -> None:
    job = long_jobs.of(entry.key)
    active = job is not None and job.active
    said, opened, gone = st.columns([6, 1, 1.4], vertical_alignment="center")
    how = "complete" if entry.ended else f"running, {entry.where}" if active else f"stopped in {entry.where}"
    said.markdown(f"**{entry.title}** · {how} · {when.astimezone():%d %b %H:%M}")
    if opened.button("Open", key=state.key(f"open-{entry.key}"), width="stretch"):
        for name, value in entry.form.items():
            st.session_state[f"{entry.page}.{name}"] = value
        st.switch_page(PAGES[entry.page])
    gone.button(
        "Take off", key=state.key(f"forget-{entry.key}"), on_click=journal.forget, args=(entry.key,),
        disabled=active, width="stretch",
        help="It is being computed; cancel it first." if active else "Deletes the line, nothing else.",
    )  # fmt: skip
