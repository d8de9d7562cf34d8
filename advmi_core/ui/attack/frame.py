"""The common frame of the two attack pages: images and form at the left, what happens at the right."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from advmi_core.attacks import PublishedMinMax
from advmi_core.figures.attack.charts import curves
from advmi_core.jobs import Snapshot
from advmi_core.ui import work
from advmi_core.ui.attack import downloads, gallery, results, settings, views
from advmi_core.ui.attack.fields import parameters
from advmi_core.ui.attack.tasks import Task
from advmi_core.ui.widgets import charts, components
from advmi_core.ui.widgets.plain import plain
from advmi_core.ui.widgets.state import PageState

_FRAMES = 120  # as many as a browser takes in at once


def launch(page: str, build: Callable[[], Task]) -> None:
    """Start what the form says, or say in one sentence why not."""
    try:
        task = build()
        task.objective()
    except ValueError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    work.submit(
        page,
        task.make_run,
        label=f"{page}: {len(task.images)} × {task.total}",
        about=task,
        rows=len(task.images),
        keep=_FRAMES,
        kin=task.kin(),
    )


def as_published(state: PageState, paper: Mapping[str, Any]) -> None:
    """Choose MinMax as published; ``paper``: the paper's numbers, where they are not the defaults."""
    state.set("attack-name", PublishedMinMax.name)
    for parameter in parameters(PublishedMinMax):
        state.set(parameter.name, paper.get(parameter.name, parameter.default), PublishedMinMax.name)


def shown(page: str, waiting: Task | None) -> Task | None:
    """What the page is about: its job, else what Start would compute."""
    snapshot = work.current(page)
    return waiting if snapshot is None else snapshot.about


def outcome(page: str, waiting: Task | None) -> None:
    """The page's job, or the chosen image while there is none.

    Args:
        page: the page's name.
        waiting: what Start would compute now.
    """
    snapshot = work.current(page)
    if snapshot is not None:
        if waiting is not None:
            settings.mark(snapshot.about, waiting)
        work.follow(page, lambda now: show(page, now))
    else:
        if waiting is not None:
            components.stage(views.idle(waiting), key=f"{page}.stage")
        st.caption("Choose an image and settings, then press Start.")


def show(page: str, snapshot: Snapshot) -> None:
    """One moment of a job."""
    if snapshot.active:
        work.progress(page, snapshot)
        components.stage(views.live(snapshot), key=f"{page}.stage")
    elif not work.ended_with_nothing(snapshot):
        _finished(page)


@st.fragment
def _finished(page: str) -> None:
    snapshot = work.current(page)
    if snapshot is None or snapshot.result is None:
        return
    row = gallery.pick(page, snapshot)
    results.say(snapshot, row)
    components.stage(views.finished(snapshot, row), key=f"{page}.stage")
    results.numbers(snapshot, row)
    downloads.offer(page, snapshot, row)
    zoom = st.expander(
        "Zoom into the curves", icon=":material/zoom_in:", key=f"{page}.zooms", on_change="rerun"
    )
    if zoom.open:  # a figure that few look at costs as much as the rest of the page
        with zoom:
            charts.draw(
                PageState(page), "zoom", curves(views.walked(snapshot, row)),
                "Criterion, dual variable, information kept and proximal gap over the iterations",
            )  # fmt: skip
