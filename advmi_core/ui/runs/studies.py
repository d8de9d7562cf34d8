"""Trainings, samplings and tables, begun on a page or by a command: how far they came, and where they are."""

from __future__ import annotations

from datetime import datetime

import streamlit as st

from advmi_core.jobs import journal
from advmi_core.jobs.journal import Entry
from advmi_core.ui import long_jobs
from advmi_core.ui.widgets.plain import plain
from advmi_core.ui.widgets.state import PageState

PAGES = {
    "autoencoders": "pages/measure/autoencoders.py",
    "defence": "pages/defend/defence.py",
    "mutual-information": "pages/measure/mutual_information.py",
}


def draw(state: PageState) -> None:
    """A line each, with the buttons that open it or take it off the list."""
    known = journal.entries()
    if not known:
        return
    st.header("Trainings and studies", anchor=False)
    for entry, when in known:
        _line(state, entry, when)
    st.caption("What was kept of one stays on the disk when it is taken off the list.")


def _line(state: PageState, entry: Entry, when: datetime) -> None:
    job = long_jobs.of(entry.key)
    active = job is not None and job.active
    said, opened, gone = st.columns([6, 1, 1.4], vertical_alignment="center")
    said.markdown(f"**{entry.title}** · {_how(entry, active)} · {when.astimezone():%d %b %H:%M}")
    if entry.page not in PAGES:
        said.caption(f"Of the command line; its parts lie in {plain(entry.folder)}")
    elif opened.button("Open", key=state.key(f"open-{entry.key}"), width="stretch"):
        for name, value in entry.form.items():
            st.session_state[f"{entry.page}.{name}"] = value
        st.switch_page(PAGES[entry.page])
    gone.button(
        "Take off", key=state.key(f"forget-{entry.key}"), on_click=journal.forget, args=(entry.key,),
        disabled=active, width="stretch",
        help="It is being computed; cancel it first." if active else "Deletes the line, nothing else.",
    )  # fmt: skip


def _how(entry: Entry, active: bool) -> str:
    """How far it came, in words. Whether a command still computes, nobody here knows."""
    if entry.ended:
        return "complete"
    if active:
        return f"running, {entry.where}"
    return f"came to {entry.where}" if entry.folder else f"stopped in {entry.where}"
