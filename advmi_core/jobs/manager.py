"""The job manager: runs work in worker threads and tells anyone who asks how far it is.

A job wraps a :class:`advmi_core.run.Run`. Callers (pages, sessions) keep nothing but the job's id; the
workers never call back into the user interface. One worker thread a lane, in which jobs take turns.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable
from typing import Any

from advmi_core.data import DataNotFoundError
from advmi_core.files import system_sentence
from advmi_core.jobs.job import Job, Kin, Lane, MakeRun, Snapshot, State
from advmi_core.jobs.trace import Trace
from advmi_core.jobs.turns import TURN, Batch, Turns

_LOG = logging.getLogger(__name__)
COMMON = Lane("cpu")


class JobManager:
    """Runs the jobs of a lane in turns. All methods may be called from any thread.

    Args:
        idle_limit: seconds after which an interactive job that nobody touched is cancelled, where it is not
            known whether anybody is present.
        gone_limit: seconds after which it is cancelled when its owner is no longer present: a reload, which
            is a new visitor, takes some of them.
        max_finished, max_bytes: finished jobs kept, by number and by memory; the least recently
            touched go first.
        clock: seconds, increasing (replaceable in tests).
    """

    def __init__(
        self,
        *,
        idle_limit: float = 60.0,
        gone_limit: float = 6.0,
        max_finished: int = 32,
        max_bytes: int = 512 << 20,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._idle_limit, self._gone_limit, self._clock = idle_limit, gone_limit, clock
        self._max_finished, self._max_bytes = max_finished, max_bytes
        self._changed = threading.Condition()
        self._jobs: dict[str, Job] = {}
        self._lanes: dict[str, Turns] = {}
        self._workers: list[threading.Thread] = []
        self._closed = False

    def submit(
        self,
        make_run: MakeRun,
        *,
        interactive: bool = True,
        label: str = "",
        lane: Lane = COMMON,
        keep: int = 240,
        about: Any = None,
        owner: str = "",
        page: str = "",
        at_most: int | None = None,
        present: Callable[[], bool] | None = None,
        prepare: Callable[[], None] | None = None,
        kin: Kin | None = None,
        live: bool = False,
    ) -> str:
        """Queue ``make_run()`` and return the job's id, which nobody can guess: who knows it may see the job.

        Args:
            make_run: builds the run inside the worker thread; its records have ``step`` (done so far) and
                may have ``total``.
            interactive: cancelled when its owner is gone or, without ``present``, when nobody touches it
                for a minute; others run to their end.
            label: what people call it.
            lane: the queue it waits in.
            keep: most records kept; memory is bounded as well.
            about: handed back with every snapshot, so that callers need keep nothing but the id.
            owner: who submits it.
            page: where it is shown.
            at_most: active jobs of this owner in this lane, this one included.
            present: whether its owner is still there; asked often, so it must be quick.
            prepare: sets the worker thread up, before every turn.
            kin: with which other waiting jobs it can be computed.
            live: snapshots have the result so far, which its worker makes after the record that follows
                a look at it.

        Raises:
            RuntimeError: the manager was shut down.
            ValueError: the owner has too many jobs already.
        """
        with self._changed:
            if self._closed:
                raise RuntimeError("the job manager was shut down")
            self._sweep()
            self._check_share(owner, lane, at_most)
            now = self._clock()
            job = Job(
                secrets.token_urlsafe(12), label, lane, make_run, interactive, Trace(keep), now, now, about,
                owner, present, prepare, kin, page, live,
            )  # fmt: skip
            self._jobs[job.id] = job
            self._lane(lane).waiting.append(job)
            self._changed.notify_all()
            return job.id

    def get(self, job_id: str) -> Snapshot | None:
        """How the job is doing; None if it is unknown or was pruned."""
        with self._changed:
            self._sweep()
            if (job := self._jobs.get(job_id)) is None:
                return None
            job.asked = True
            return job.snapshot(self._clock(), self._position(job))

    def count(self) -> tuple[int, int]:
        """Jobs that are queued or running, and all that are known."""
        with self._changed:
            self._sweep()
            return sum(job.active for job in self._jobs.values()), len(self._jobs)

    def touch(self, job_id: str) -> None:
        """Say that somebody still looks at the job."""
        with self._changed:
            if (job := self._jobs.get(job_id)) is not None:
                job.touched = self._clock()

    def hand_over(self, job_id: str, owner: str, present: Callable[[], bool]) -> None:
        """Let a job have another owner: an interactive one goes on as long as this one is present."""
        with self._changed:
            job = self._jobs.get(job_id)
            if job is not None and job.active:
                job.owner, job.present = owner, present
                job.seen = self._clock()

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
            for job in list(self._jobs.values()):
                self._stop(job, "")
            self._changed.notify_all()
        for worker in self._workers:
            worker.join(timeout)

    # --- under the lock -------------------------------------------------------------------------

    def _lane(self, lane: Lane) -> Turns:
        turns = self._lanes.get(lane.name)
        if turns is None:
            turns = self._lanes[lane.name] = Turns(lane)
            worker = threading.Thread(
                target=self._work, args=(turns,), name=f"advmi-{lane.name}", daemon=True
            )
            self._workers.append(worker)
            worker.start()
        return turns

    def _check_share(self, owner: str, lane: Lane, at_most: int | None) -> None:
        if at_most is None:
            return
        own = sum(job.active and job.owner == owner and job.lane == lane for job in self._jobs.values())
        if own >= at_most:
            raise ValueError(
                f"You have {own} computations here that run or wait, as many as one visitor may have. Cancel "
                "one, or start this one when one has ended."
            )

    def _stop(self, job: Job, why: str) -> None:
        if not job.active:
            return
        job.stop = True
        job.error = job.error or why
        if job.state == "queued":
            self._lanes[job.lane.name].waiting.remove(job)
            self._finish(job, "cancelled")

    def _finish(self, job: Job, state: State) -> None:
        job.state, job.ended = state, self._clock()
        job.make_run = job.run = job.kin = job.present = job.prepare = job.so_far = None
        self._prune()

    def _sweep(self) -> None:
        """Cancel interactive jobs whose owner is gone, or that nobody has looked at for too long."""
        now = self._clock()
        for job in list(self._jobs.values()):
            if not job.interactive or not job.active or job.stop:
                continue
            if job.present is None:
                limit = self._idle_limit
                if now - job.touched > limit:
                    self._stop(job, f"Stopped because nobody looked at it for {limit:.0f} seconds.")
            elif job.present():
                job.seen = now
            elif now - job.seen > self._gone_limit:
                self._stop(job, "Stopped because its page was closed.")

    def _prune(self) -> None:
        finished = sorted((j for j in self._jobs.values() if not j.active), key=lambda j: j.touched)
        size = sum(job.bytes for job in finished)
        while finished[1:] and (len(finished) > self._max_finished or size > self._max_bytes):
            oldest = finished.pop(0)
            size -= oldest.bytes
            del self._jobs[oldest.id]

    def _position(self, job: Job) -> int:
        return self._lanes[job.lane.name].ahead_of(job) if job.state == "queued" else 0

    # --- in the worker thread -------------------------------------------------------------------

    def _work(self, turns: Turns) -> None:
        while True:
            with self._changed:
                self._sweep()
                if self._closed:
                    return
                now = self._clock()
                for job in turns.admit(now):
                    job.begin(now)
                batch = turns.next()
                if batch is None:
                    self._changed.wait()
                    continue
            began = time.monotonic()
            self._turn(batch, began + TURN)
            with self._changed:
                turns.charge(batch, time.monotonic() - began)

    def _turn(self, batch: Batch, until: float) -> None:
        """A batch's turn: step by step in rotation, so that its jobs stay abreast."""
        try:
            self._open(batch)
        except Exception as error:
            self._fail(batch, error)
            return
        while batch.jobs:
            try:
                self._step(batch)
            except Exception as error:
                self._fail(batch, error)
                return
            if time.monotonic() >= until:
                return

    def _open(self, batch: Batch) -> None:
        """Set the thread up, and make the runs of a batch that begins."""
        first = batch.jobs[0]
        if first.prepare is not None:
            first.prepare()
        if first.run is not None:
            return
        jobs = [job for job in batch.jobs if not job.stop]
        if len(jobs) > 1 and jobs[0].kin is not None:
            runs = jobs[0].kin.make([job.kin.part for job in jobs if job.kin is not None])
            for job, run in zip(jobs, runs, strict=True):
                job.run = run
        elif jobs and jobs[0].make_run is not None:
            jobs[0].run = jobs[0].make_run()

    def _step(self, batch: Batch) -> None:
        """One step of the job in front, which then goes to the back; or its end."""
        job = batch.jobs[0]
        record = None if job.stop or job.run is None else next(job.run, None)
        if record is not None:
            assert job.run is not None
            if job.live and job.asked:  # here, between two records, nobody else changes what was found
                job.asked, job.so_far = False, job.run.so_far()
            with self._changed:
                job.add(record, job.run.total, self._clock())
                self._sweep()
                batch.jobs.rotate(-1)
            return
        if job.run is not None:
            job.run.close()
        result = None if job.discarded or job.run is None else job.run.result
        with self._changed:
            job.result = result
            batch.jobs.popleft()
            self._finish(job, "cancelled" if job.stop else "done")

    def _fail(self, batch: Batch, error: Exception) -> None:
        """A job that fails alone has failed; of several none knows whose fault it is, so each tries alone."""
        jobs = list(batch.jobs)
        for job in jobs:
            if job.run is not None:
                job.run.close()
        _LOG.error("%s failed", ", ".join(f"job {job.id} ({job.label})" for job in jobs), exc_info=error)
        with self._changed:
            batch.jobs.clear()
            if len(jobs) > 1:
                for job in jobs:
                    job.state, job.kin, job.run = "queued", None, None
                self._lanes[jobs[0].lane.name].waiting[:0] = jobs
            else:
                jobs[0].error = sentence(error)
                self._finish(jobs[0], "failed")


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
