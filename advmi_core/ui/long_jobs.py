"""Long jobs by what they compute: another session, or the same one after a reload, finds a job again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import streamlit as st

from advmi_core.experiments.progress import StudyRun
from advmi_core.experiments.store import Info, Store
from advmi_core.jobs import Snapshot, shared
from advmi_core.ui import work
from advmi_core.ui.widgets import callout
from advmi_core.ui.widgets.plain import plain
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


class Study(Protocol):
    """What a page computes in the background."""

    @property
    def title(self) -> str: ...
    def spec(self) -> dict[str, Any]: ...
    def run(self, directory: Path, /) -> StudyRun[Any, Any]: ...


def start_or_find(
    state: PageState,
    describe: Callable[[PageState], Study],
    kind: str,
    root: Path,
    *,
    pressed: bool,
    page: str = "",
    rows: int = 1,
    begun: Callable[[], None] = lambda: None,
) -> None:
    """Start the study that the form describes if that was asked for; else find its job, or what is kept.

    Args:
        state: of the page.
        describe: makes the study, or raises a ValueError that says what is wrong.
        kind: of the study's folder.
        root: where that lies.
        pressed: Start was pressed.
        page: what follows the job, the page itself or a section of it.
        rows: see ``work.submit``; by default one thread, which leaves the other cores to the app.
        begun: called where it is started.
    """
    try:
        study = describe(state)
    except ValueError as error:
        if pressed:
            st.error(plain(str(error)), icon=":material/error:")
        return
    page, key = page or state.page, repr(study)

    def go() -> None:
        begun()
        form = state.values()
        start(
            page, key,
            lambda: work.submit(
                page, lambda: study.run(root).announce(state.page, form), label=study.title, about=study,
                rows=rows, lane=work.STUDIES, live=True,
            ),
        )  # fmt: skip

    if pressed:
        go()
    elif work.current(page) is not None:
        return
    elif (now := of(key)) is not None:
        work.attach(page, now.id)
    else:  # the device is known when it begins
        wanted = {name: value for name, value in study.spec().items() if name != "device"}
        if (info := Store(root).newest(kind, wanted)) is not None:
            _offer(state, go, info)


def _offer(state: PageState, go_on: Callable[[], None], info: Info) -> None:
    """What the disk has of the study, and the button that shows it or goes on."""
    said, button = st.columns([5, 1], vertical_alignment="center")
    with said:
        if info.complete:
            callout.box("note", "Already computed", "These settings have a stored result.")
        else:
            where = f"after {info.done:,} of {info.total:,} parts" if info.done else "before its first part"
            text = f"It stopped {where}. What was finished is kept: Start goes on from there."
            callout.box("note", "Interrupted", text)
    button.button(
        "Show" if info.complete else "Go on", key=state.key("find-again"), on_click=go_on, width="stretch",
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
