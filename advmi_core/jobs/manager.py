"""The job manager: runs work in worker threads and tells anyone who asks how far it is.

A job wraps a :class:`advmi_core.run.Run`. Callers (pages, sessions) keep nothing but the job's id; the
workers never call back into the user interface. One worker thread a device, first come first served.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from advmi_core.data import DataNotFoundError
from advmi_core.files import system_sentence
from advmi_core.jobs.trace import Trace, memory
from advmi_core.run import Run

State = Literal["queued", "running", "done", "cancelled", "failed"]
MakeRun = Callable[[], Run[Any, Any]]

ACTIVE: tuple[State, ...] = ("queued", "running")
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Snapshot:
    """What is known of a job at one moment; safe to read from any thread.

    Attributes:
        id, label: the job's name for programs and for people.
        state: queued, running, done, cancelled or failed.
        position: jobs ahead of it in its queue (0: it is next, or no longer queued).
        records: thinned records in order; the latest is always the last one.
        progress: 0…1 of the run's steps.
        elapsed: seconds of work so far; ``eta``: seconds left, None while unknown.
        result: the result, also the partial one of a cancelled job; None where there is none.
        error: one sentence if the job failed or was given up, else "".
        about: what the submitter said about it.
    """

    id: str
    label: str
    state: State
    position: int
    records: tuple[Any, ...]
    progress: float
    elapsed: float
    eta: float | None
    result: Any
    error: str
    about: Any

    @property
    def active(self) -> bool:
        """Still queued or running."""
        return self.state in ACTIVE


@dataclass
class _Job:
    id: str
    label: str
    device: str
    make_run: MakeRun | None
    interactive: bool
    trace: Trace
    touched: float
    about: Any
    state: State = "queued"
    stop: bool = False
    discarded: bool = False
    progress: float = 0.0
    started: float | None = None
    ended: float | None = None
    result: Any = None
    error: str = ""


@dataclass
class _Queue:
    jobs: list[_Job] = field(default_factory=list)
    worker: threading.Thread | None = None


class JobManager:
    """Runs jobs one after the other on each device. All methods may be called from any thread.

    Args:
        idle_limit: seconds after which an interactive job that nobody touched is cancelled.
        max_finished, max_bytes: finished jobs kept, by number and by memory; the least recently
            touched go first.
        clock: seconds, increasing (replaceable in tests).
    """

    def __init__(
        self,
        *,
        idle_limit: float = 60.0,
        max_finished: int = 32,
        max_bytes: int = 512 << 20,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._idle_limit, self._clock = idle_limit, clock
        self._max_finished, self._max_bytes = max_finished, max_bytes
        self._changed = threading.Condition()
        self._jobs: dict[str, _Job] = {}
        self._queues: dict[str, _Queue] = {}
        self._ids = itertools.count(1)
        self._closed = False

    def submit(
        self,
        make_run: MakeRun,
        *,
        interactive: bool = True,
        label: str = "",
        device: str = "cpu",
        keep: int = 240,
        about: Any = None,
    ) -> str:
        """Queue ``make_run()`` and return the job's id.

        Args:
            make_run: builds the run inside the worker thread; its records have ``step`` (done so far) and
                may have ``total``.
            interactive: cancelled when nobody touches it for a minute; others run to their end.
            label: what people call it.
            device: the queue it waits in.
            keep: most records kept; memory is bounded as well.
            about: handed back with every snapshot, so that callers need keep nothing but the id.

        Raises:
            RuntimeError: the manager was shut down.
        """
        with self._changed:
            if self._closed:
                raise RuntimeError("the job manager was shut down")
            self._sweep()
            job = _Job(
                f"job-{next(self._ids)}",
                label,
                device,
                make_run,
                interactive,
                Trace(keep),
                self._clock(),
                about,
            )
            self._jobs[job.id] = job
            queue = self._queues.setdefault(device, _Queue())
            queue.jobs.append(job)
            if queue.worker is None:
                name = f"advmi-{device}"
                queue.worker = threading.Thread(target=self._work, args=(queue,), name=name, daemon=True)
                queue.worker.start()
            self._changed.notify_all()
            return job.id

    def get(self, job_id: str) -> Snapshot | None:
        """How the job is doing; None if it is unknown or was pruned."""
        with self._changed:
            self._sweep()
            job = self._jobs.get(job_id)
            return None if job is None else self._snapshot(job)

    def touch(self, job_id: str) -> None:
        """Say that somebody still looks at the job."""
        with self._changed:
            if (job := self._jobs.get(job_id)) is not None:
                job.touched = self._clock()

    def cancel(self, job_id: str) -> None:
        """Stop the job as soon as its current step ends; what it found so far stays readable."""
        with self._changed:
            if (job := self._jobs.get(job_id)) is not None:
                self._stop(job, "")

    def discard(self, job_id: str) -> None:
        """Stop the job and forget it: no partial result is computed, ``get`` returns None."""
        with self._changed:
            if (job := self._jobs.pop(job_id, None)) is not None:
                job.discarded = True
                self._stop(job, "")

    def shutdown(self, timeout: float = 5.0) -> None:
        """Stop everything and end the worker threads; for tests and program exit."""
        with self._changed:
            self._closed = True
            for job in self._jobs.values():
                self._stop(job, "")
            workers = [queue.worker for queue in self._queues.values() if queue.worker]
            self._changed.notify_all()
        for worker in workers:
            worker.join(timeout)

    # --- under the lock -------------------------------------------------------------------------

    def _stop(self, job: _Job, why: str) -> None:
        if job.state not in ACTIVE:
            return
        job.stop = True
        job.error = job.error or why
        if job.state == "queued":
            self._queues[job.device].jobs.remove(job)
            self._finish(job, "cancelled")

    def _finish(self, job: _Job, state: State) -> None:
        job.state, job.ended, job.make_run = state, self._clock(), None
        self._prune()

    def _sweep(self) -> None:
        """Cancel interactive jobs that nobody has looked at for too long."""
        limit = self._clock() - self._idle_limit
        for job in list(self._jobs.values()):
            if job.interactive and job.state in ACTIVE and not job.stop and job.touched < limit:
                self._stop(job, f"Stopped because nobody looked at it for {self._idle_limit:.0f} seconds.")

    def _prune(self) -> None:
        finished = sorted((j for j in self._jobs.values() if j.state not in ACTIVE), key=lambda j: j.touched)
        size = sum(_job_bytes(job) for job in finished)
        while finished[1:] and (len(finished) > self._max_finished or size > self._max_bytes):
            oldest = finished.pop(0)
            size -= _job_bytes(oldest)
            del self._jobs[oldest.id]

    def _snapshot(self, job: _Job) -> Snapshot:
        now = job.ended if job.ended is not None else self._clock()
        elapsed = 0.0 if job.started is None else now - job.started
        known = job.state == "running" and job.progress > 0
        eta = elapsed * (1 - job.progress) / job.progress if known else None
        position = self._position(job) if job.state == "queued" else 0
        return Snapshot(
            id=job.id, label=job.label, state=job.state, position=position, records=job.trace.records(),
            progress=job.progress, elapsed=elapsed, eta=eta, result=job.result, error=job.error,
            about=job.about,
        )  # fmt: skip

    def _position(self, job: _Job) -> int:
        running = any(j.device == job.device and j.state == "running" for j in self._jobs.values())
        return self._queues[job.device].jobs.index(job) + int(running)

    # --- in the worker thread -------------------------------------------------------------------

    def _work(self, queue: _Queue) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or bool(queue.jobs))
                self._sweep()
                if self._closed:
                    return
                if not queue.jobs:
                    continue
                job = queue.jobs.pop(0)
                job.state, job.started = "running", self._clock()
                make_run = job.make_run
            if make_run is not None:
                self._run(job, make_run)

    def _run(self, job: _Job, make_run: MakeRun) -> None:
        try:
            run = make_run()
            self._follow(job, run)
            result = None if job.discarded else run.result
        except Exception as error:
            _LOG.exception("job %s (%s) failed", job.id, job.label)
            with self._changed:
                job.error = sentence(error)
                self._finish(job, "failed")
        else:
            with self._changed:
                job.result = result
                self._finish(job, "cancelled" if job.stop else "done")

    def _follow(self, job: _Job, run: Run[Any, Any]) -> None:
        with run:
            for record in run:
                with self._changed:
                    job.trace.add(record)
                    job.progress = min(1.0, record.step / max(1, getattr(record, "total", run.total)))
                    self._sweep()
                    if job.stop:
                        return


def _job_bytes(job: _Job) -> int:
    return job.trace.bytes + memory(job.result)


def sentence(error: BaseException) -> str:
    """One clear sentence for people: what they can mend speaks for itself, the rest is named by its type."""
    text = str(error).strip()
    if isinstance(error, (ValueError, DataNotFoundError)) and text:
        return text
    if isinstance(error, OSError) and text:
        return system_sentence(error)
    return f"The computation stopped with an unexpected {type(error).__name__}; the log has the details."


_SHARED: list[JobManager] = []
_SHARED_LOCK = threading.Lock()


def shared() -> JobManager:
    """The one manager of this process."""
    with _SHARED_LOCK:
        if not _SHARED:
            _SHARED.append(JobManager())
        return _SHARED[0]
