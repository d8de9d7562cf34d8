"""Long jobs by what they compute: another session, or the same one after a reload, finds a job again."""

from __future__ import annotations

import threading
from collections.abc import Callable

import streamlit as st

from advmi_core.experiments.store import Info
from advmi_core.jobs import Snapshot, shared
from advmi_core.ui import work
from advmi_core.ui.widgets import callout
from advmi_core.ui.widgets.state import PageState

# Content key → job, of the whole process.
_JOBS: dict[str, str] = {}
_LOCK = threading.Lock()


def start(page: str, key: str, submit: Callable[[], str]) -> None:
    """Begin the job of this key, unless it is queued or running: then ``page`` follows that one.

    Args:
        page: follows it from now on.
        key: of all that the result depends on.
        submit: hands the job to the manager and returns its id.
    """
    with _LOCK:
        now = _known(key)
        if now is None or not now.active:
            _JOBS[key] = submit()
        work.attach(page, _JOBS[key])


def find_again(
    state: PageState, page: str, key: str, go_on: Callable[[], None], kept: Callable[[], Info | None]
) -> None:
    """Where this session follows no job: follow the one of this key, or say what is kept of it.

    Args:
        state: of the page.
        page: what follows a job: the page, or a section of it.
        key: of what its form describes.
        go_on: callback that starts it.
        kept: finds what the disk holds of it.
    """
    if work.current(page) is not None:
        return
    if (now := of(key)) is not None:
        work.attach(page, now.id)
    elif (info := kept()) is not None:
        where = f"after {info.done:,} of {info.total:,} parts" if info.done else "before its first part ended"
        _offer(state, go_on, info.complete, where)


def _offer(state: PageState, go_on: Callable[[], None], ended: bool, where: str) -> None:
    said, button = st.columns([5, 1], vertical_alignment="center")
    with said:
        if ended:
            callout.box("note", "Already computed", "These settings have a stored result.")
        else:
            text = f"It stopped {where}. What was finished is kept: Start goes on from there."
            callout.box("note", "Interrupted", text)
    button.button(
        "Show" if ended else "Go on", key=state.key("find-again"), on_click=go_on, width="stretch",
        icon=":material/play_arrow:",
    )  # fmt: skip


def of(key: str) -> Snapshot | None:
    """The last job of this key, if this process still knows it."""
    with _LOCK:
        return _known(key)


def active() -> dict[str, Snapshot]:
    """Key → job of all that are queued or running, in the order in which they were begun."""
    with _LOCK:
        found = {key: now for key in _JOBS if (now := _known(key)) is not None}
    return {key: now for key, now in found.items() if now.active}


def _known(key: str) -> Snapshot | None:
    job = _JOBS.get(key)
    return None if job is None else shared().get(job)
