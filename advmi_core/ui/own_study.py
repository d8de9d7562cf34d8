"""A study of the visitor's own on its page: started, or found again after a reload."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import streamlit as st

from advmi_core.experiments.progress import StudyRun
from advmi_core.experiments.store import Store
from advmi_core.ui import long_jobs, work
from advmi_core.ui.widgets.plain import plain
from advmi_core.ui.widgets.state import PageState

SOURCE, RUN = "source", "run"
"""The page's parameter that says what is shown, and its value for a run of one's own."""


class Study(Protocol):
    """What such a page computes."""

    @property
    def title(self) -> str: ...
    def spec(self) -> dict[str, Any]: ...
    def run(self, directory: Path, /) -> StudyRun[Any, Any]: ...


def start_or_find(
    state: PageState, describe: Callable[[PageState], Study], kind: str, root: Path, *, pressed: bool
) -> None:
    """Start the study that the form describes if that was asked for; else find its job, or what is kept.

    Args:
        state: of the page.
        describe: makes the study, or raises a ValueError that says what is wrong.
        kind: of the study's folder.
        root: where that lies.
        pressed: Start was pressed.
    """
    try:
        study = describe(state)
    except ValueError as error:
        if pressed:
            st.error(plain(str(error)), icon=":material/error:")
        return
    key = repr(study)

    def start() -> None:
        state.set(SOURCE, RUN)
        form = state.values()
        # One thread, which makes the same bytes on every machine: the other core draws.
        long_jobs.start(
            state.page, key,
            lambda: work.submit(
                state.page, lambda: study.run(root).announce(state.page, form), label=study.title,
                about=study, rows=1, lane=work.STUDIES, live=True,
            ),
        )  # fmt: skip

    if pressed:
        start()
    # The device is known when it begins.
    wanted = {name: value for name, value in study.spec().items() if name != "device"}
    long_jobs.find_again(state, state.page, key, start, lambda: Store(root).newest(kind, wanted))
