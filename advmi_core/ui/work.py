"""A page's job: start, replace, cancel, follow."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import streamlit as st
import torch

from advmi_core.device import tune_cpu
from advmi_core.figures.text import duration
from advmi_core.jobs import Kin, Lane, Snapshot, shared
from advmi_core.jobs.job import MakeRun
from advmi_core.ui.pace import SOON, repeat_after, seconds_between
from advmi_core.ui.visitors import is_here, of_another, this_visitor
from advmi_core.ui.widgets import absent

LINGER_SECONDS = 0.25
FEW = 8  # images that are fastest on one core
FEW_JOBS = 3  # until there are more, a page may wait a moment for its job
STUDIES_EACH = 2
# Two queues on one machine: an attack of seconds never waits for a study of minutes. Studies keep their
# order: each has memory of its own for minutes or hours.
ATTACKS, STUDIES = Lane("attacks"), Lane("studies", abreast=1)
_FOREIGN = "It was started in another tab, which is still open."
JOB = "job"  # in the session, and in the page's link
_CLAIM = 5.0  # seconds in which a page that a link opened takes over a job whose owner has left
_PATIENCE = 3.0  # seconds for which everybody else leaves it alone: a reload takes less


def submit(
    page: str,
    make_run: MakeRun,
    *,
    label: str,
    about: Any,
    rows: int,
    keep: int = 240,
    lane: Lane = ATTACKS,
    interactive: bool = True,
    kin: Kin | None = None,
    live: bool = False,
) -> str:
    """Start a job for ``page`` and return its id; an earlier one of this visitor and page makes room.

    Args:
        page: the page's name.
        make_run: builds the run.
        label, about, keep, kin, live: see ``JobManager.submit``.
        rows: images of the job: few of them are fastest on one core, which leaves the others to the app.
        lane: the queue it waits in, ``ATTACKS`` or ``STUDIES``.
        interactive: cancelled when its tab was closed; another job goes on without its page, and an earlier
            one makes no room for it.

    Raises:
        ValueError: a visitor may have ``STUDIES_EACH`` jobs that go on without their page, not more.
    """
    earlier = st.session_state.get(f"{page}.{JOB}")
    if earlier is not None and interactive:
        _replace(earlier)

    def prepare() -> None:
        tune_cpu()  # flushing denormal numbers is a setting of the thread that computes
        alone = rows >= FEW and shared().count()[0] == 1
        torch.set_num_threads(os.cpu_count() or 1 if alone else 1)

    visitor = this_visitor()
    job = shared().submit(
        make_run, label=label, about=about, keep=keep, lane=lane, interactive=interactive, kin=kin, live=live,
        prepare=prepare, owner=visitor, page=page,
        present=lambda: is_here(visitor), at_most=None if interactive else STUDIES_EACH,
    )  # fmt: skip
    attach(page, job)
    return job


def attach(page: str, job: str) -> None:
    """Let ``page`` follow a job, whoever started it."""
    st.session_state[f"{page}.{JOB}"] = job


def join(page: str, job: str) -> bool:
    """Let ``page`` follow a job that a link names; False where that job is not known, or of another page.

    The link of a page that was reloaded names the job that it showed. Somebody else who is given the link
    sees the job too, and cannot cancel it while its owner is here.
    """
    now = shared().get(job)
    if now is None or now.page != page:
        return False
    attach(page, job)
    st.session_state[f"{job}.opened"] = time.monotonic()
    return True


def current(page: str) -> Snapshot | None:
    """The page's job, if there is one and it is still known."""
    job = st.session_state.get(f"{page}.{JOB}")
    return None if job is None else _seen(job)


def forget(page: str) -> None:
    """Drop the page's job, so that it shows its idle state."""
    job = st.session_state.pop(f"{page}.{JOB}", None)
    if job is not None and not of_another(shared().get(job)):
        shared().discard(job)


def _replace(job: str) -> None:
    snapshot = shared().get(job)
    if snapshot is not None and snapshot.active and not of_another(snapshot):
        shared().discard(job)


def _seen(job: str) -> Snapshot | None:
    """The job now. Who looks at one whose owner has left becomes its owner: the same tab after a reload."""
    shared().touch(job)
    now, visitor = shared().get(job), this_visitor()
    if now is not None and now.active and now.owner != visitor and _is_free(now):
        shared().hand_over(job, visitor, lambda: is_here(visitor))
    return now


def _is_free(job: Snapshot) -> bool:
    """Whether this visitor may take the job over.

    Whoever comes by its link just now, as its owner after a reload does, at once. Those who had looked on
    before wait a little, so that they are not faster than a reload, and for a job that goes on without its
    owner they wait for ever: its owner may come back tomorrow.
    """
    if of_another(job):
        st.session_state.pop(f"{job.id}.left", None)
        return False
    clock = time.monotonic()
    left = float(st.session_state.setdefault(f"{job.id}.left", clock))
    opened = float(st.session_state.get(f"{job.id}.opened", -_CLAIM))
    return clock - opened < _CLAIM or (job.interactive and clock - left >= _PATIENCE)


def follow(page: str, draw: Callable[[Snapshot], None], every: float = SOON) -> None:
    """Draw the page's job, again and again while it is active, once when it is not.

    Args:
        page: the page's name.
        draw: draws one moment of the job.
        every: seconds between two moments, more while the job waits or many of them run.
    """
    snapshot = current(page)
    if snapshot is None:
        return
    if not snapshot.active:
        draw(snapshot)
        return
    job = snapshot.id

    @st.fragment(run_every=seconds_between(snapshot, every))
    def poll() -> None:
        _await_end(job)
        now = _seen(job)
        if now is None or not now.active:
            st.rerun()  # draws the finished state without a timer
        repeat_after(seconds_between(now, every))
        draw(now)

    # Already the first picture of a job that has just begun shall show something moving.
    _linger(job, lambda now: len(now.records) < 3)
    poll()


def _await_end(job: str) -> None:
    """A job whose steps are done is nearly done: its end is worth a moment more than the next poll."""
    _linger(job, lambda now: now.progress >= 1)


def _linger(job: str, worth: Callable[[Snapshot], bool]) -> None:
    if shared().count()[0] > FEW_JOBS:
        return
    deadline = time.monotonic() + LINGER_SECONDS
    while time.monotonic() < deadline:
        now = shared().get(job)
        if now is None or not now.active or not worth(now):
            return
        time.sleep(0.01)


def progress(page: str, snapshot: Snapshot) -> None:
    """Progress bar with time left or place in the queue, and Cancel."""
    bar, button = st.columns([6, 1], vertical_alignment="center")
    foreign = of_another(snapshot)
    bar.progress(snapshot.progress, text=said(snapshot))
    button.button(
        "Cancel", key=f"{page}.cancel", on_click=shared().cancel, args=(snapshot.id,), disabled=foreign,
        width="stretch", icon=":material/stop:", help=_FOREIGN if foreign
        else "Stops after the current step and keeps the best found so far.",
    )  # fmt: skip


def progress_of_parts(page: str, snapshot: Snapshot, text: str, part: str) -> None:
    """Progress bar and Cancel of a job whose steps are whole parts, such as shards, which it ends first.

    Args:
        page: the job's page.
        snapshot: its job.
        text: where it stands.
        part: what its steps are called.
    """
    stopped = f"{page}.stopped"
    stopping = st.session_state.get(stopped) == snapshot.id

    def stop() -> None:
        st.session_state[stopped] = snapshot.id
        shared().cancel(snapshot.id)

    foreign = of_another(snapshot)
    bar, button = st.columns([6, 1], vertical_alignment="center")
    bar.progress(snapshot.progress, text=f"Stopping after the {part} in hand …" if stopping else text)
    button.button(
        "Cancel", key=f"{page}.cancel", on_click=stop, disabled=stopping or foreign, width="stretch",
        icon=":material/stop:", help=_FOREIGN if foreign
        else f"Every finished {part} is kept; Start goes on from there.",
    )  # fmt: skip


def ended_with_nothing(snapshot: Snapshot) -> bool:
    """Say why a finished job has no result, and whether that is so."""
    if snapshot.state == "failed":
        absent.tell(snapshot.error)
    elif not snapshot.active and snapshot.result is None:
        st.info(snapshot.error or "Cancelled before it began.", icon=":material/stop_circle:")
    else:
        return False
    return True


def said(snapshot: Snapshot) -> str:
    """Where the job stands, in words."""
    if snapshot.state == "queued":
        ahead = snapshot.position
        return "Next in the queue" if ahead == 0 else f"Waiting: {ahead} ahead in the queue"
    if snapshot.progress >= 1:
        return "Measuring mutual information of the result …"
    if not snapshot.records:
        return "Preparing …"
    record = snapshot.records[-1]
    left = duration(snapshot.eta)
    return f"Iteration {record.step} of {record.total}" + (f" · {left} left" if left else "")
