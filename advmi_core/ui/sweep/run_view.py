"""A sweep on its page: while it is computed, and as its folder holds it."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from advmi_core.experiments.store import Info
from advmi_core.figures.sweep.series import place, title
from advmi_core.figures.text import duration
from advmi_core.jobs import Snapshot
from advmi_core.studies.sweep import Sweep, SweepResult, run_store
from advmi_core.ui import work
from advmi_core.ui.sweep import (
    cells,
    charts,
    files,
    form,
    gallery,
    jobs,
)
from advmi_core.ui.sweep.jobs import Begun
from advmi_core.ui.widgets import absent, callout
from advmi_core.ui.widgets.state import PageState

TRASHED = "runs.trashed"  # what the page Runs can bring back
_KNOWN = "known-run"
_EVERY = 1.0  # seconds between two pictures of a sweep: four charts are worth more than a blink


def live(state: PageState, folder: Path) -> bool:
    """Follow the job that computes the run; False if there is none."""
    job = jobs.of(folder)
    if job is None or not job.active:
        return False
    work.attach(state.page, job.id)
    work.follow(state.page, lambda now: _moving(state, folder, now), every=_EVERY)
    return True


def said_of_job(folder: Path) -> None:
    """Why the run's last job of this process failed, if it did."""
    job = jobs.of(folder)
    if job is not None and job.state == "failed":
        st.error(job.error, icon=":material/error:")


def _moving(state: PageState, folder: Path, now: Snapshot) -> None:
    work.progress_of_parts(state.page, now, where(now), "shard")
    if now.so_far is not None:
        _body(state, folder, now.so_far)


def where(now: Snapshot) -> str:
    """Where the job of a sweep stands, in words."""
    if now.state == "queued" or not now.records:
        return work.said(now)
    last = now.records[-1]
    left = duration(last.left)
    cell = f"{title(last.cell.method)}, {place(last.cell.eps)}"
    return f"Shard {last.step} of {last.total}: {cell}" + (f" · {left} left" if left else "")


def still(state: PageState, info: Info, found: SweepResult) -> None:
    """What the folder holds; an interrupted run can go on, a finished one be measured again."""
    if not found.complete:
        _offer_more(state, info)
    elif st.session_state.get(state.key(_KNOWN)) == info.key:
        _offer_again(state, info)
    _body(state, info.folder, found)


def show(state: PageState, begun: Begun) -> None:
    """Look at the run that Start led to."""
    state.set("run", begun.run)
    state.set(_KNOWN, begun.run if begun.known else "")


def _offer_more(state: PageState, info: Info) -> None:
    said, button = st.columns([5, 1], vertical_alignment="center")
    with said:
        callout.box(
            "note", "Partial run",
            f"{info.done} of {info.total} shards are measured; the intervals say how far that carries.",
        )  # fmt: skip
    if not info.shipped:
        button.button(
            "Go on", key=state.key("go-on"), on_click=_begin, args=(state, info), width="stretch",
            icon=":material/play_arrow:", help="Measures the missing shards.",
        )  # fmt: skip


def _offer_again(state: PageState, info: Info) -> None:
    said, button = st.columns([4, 1], vertical_alignment="center")
    source = "The result came with AdvMI" if info.shipped else "The result was measured here before"
    with said:
        callout.box("note", "Already measured", f"{source}: these settings, images and weights.")
    kept = (
        "As a run of your own; the shipped one stays."
        if info.shipped
        else "The present result goes to the trash for a day: Undo on the page Runs."
    )
    button.button(
        "Measure again", key=state.key("again"), on_click=_again, args=(state, info), width="stretch",
        icon=":material/restart_alt:", help=kept,
    )  # fmt: skip


def _again(state: PageState, info: Info) -> None:
    if not info.shipped:
        try:
            st.session_state[TRASHED] = run_store().delete(info.folder)
        except ValueError as error:
            st.toast(str(error), icon=":material/error:")
            return
    _begin(state, info)


def _begin(state: PageState, info: Info) -> None:
    try:
        workers = int(state.value(form.WORKERS))
        begun = jobs.begin(state.page, Sweep.from_spec(info.spec), workers, again=True)
    except absent.PROBLEMS as error:
        st.toast(absent.sentence(error)[0], icon=":material/error:")
        return
    show(state, begun)  # another run if data, weights or version have changed since


def _body(state: PageState, folder: Path, found: SweepResult) -> None:
    points = cells.points(found)
    if not points:
        callout.box("note", "No shard is finished yet", "The first points appear with the first shard.")
        return
    charts.draw(state, points)
    other = cells.choose(state, points)
    cell = cells.chosen(state, points)
    if other is not None:
        cells.say(cell, other)
    gallery.draw(folder, cell)
    charts.table(state, points)
    if found.folder is not None:
        files.offer(state, found, points, cell.eps, charts.measure_of(state))
