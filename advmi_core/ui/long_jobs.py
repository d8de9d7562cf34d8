"""Long jobs by what they compute: another session, or the same one after a reload, finds a job again."""

from __future__ import annotations

import threading
from collections.abc import Callable

from advmi_core.jobs import Snapshot, shared
from advmi_core.ui import work

# Content key → job, of the whole process.
_JOBS: dict[str, str] = {}
_LOCK = threading.Lock()
ALL_STEPS = 1_000_000  # none of a study's records may be thinned away: each ends another part


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
