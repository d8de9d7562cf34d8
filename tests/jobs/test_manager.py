"""The job manager without any user interface: order, cancelling, isolation, memory."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from advmi_core.data import DataNotFoundError
from advmi_core.jobs import JobManager, Lane, Snapshot
from advmi_core.run import Run


@dataclass(frozen=True)
class Tick:
    step: int
    payload: np.ndarray | None = None


class Work:
    """A run whose steps the test releases one by one."""

    def __init__(self, steps: int = 5, *, gated: bool = True, payload: int = 0) -> None:
        self.steps, self.gated, self.payload = steps, gated, payload
        self.gate = threading.Semaphore(0)
        self.started = threading.Event()
        self.done = 0

    def make(self) -> Run[Tick, int]:
        return Run(self._records(), lambda: self.done, total=self.steps)

    def _records(self) -> Iterator[Tick]:
        self.started.set()
        for step in range(1, self.steps + 1):
            if self.gated:
                self.gate.acquire(timeout=5)
            self.done = step
            yield Tick(step, np.zeros(self.payload, np.uint8) if self.payload else None)

    def release(self, steps: int) -> None:
        for _ in range(steps):
            self.gate.release()


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def manager(clock: Clock) -> Iterator[JobManager]:
    before = threading.active_count()
    made = JobManager(clock=clock)
    yield made
    made.shutdown()
    assert threading.active_count() == before, "a worker thread outlived its manager"


def wait(manager: JobManager, job: str, until: Callable[[Snapshot], bool]) -> Snapshot:
    for _ in range(500):
        snapshot = manager.get(job)
        assert snapshot is not None
        if until(snapshot):
            return snapshot
        threading.Event().wait(0.01)
    raise AssertionError(f"gave up waiting, last seen: {snapshot}")


def finished(snapshot: Snapshot) -> bool:
    return not snapshot.active


def test_a_job_runs_to_its_end(manager: JobManager) -> None:
    job = manager.submit(Work(4, gated=False).make, label="four steps", about={"row": 3})
    end = wait(manager, job, finished)
    assert (end.state, end.result, end.progress, end.error) == ("done", 4, 1.0, "")
    assert [record.step for record in end.records] == [1, 2, 3, 4]
    assert (end.label, end.about) == ("four steps", {"row": 3})


def test_a_lane_of_one_serves_in_order_with_visible_positions(manager: JobManager) -> None:
    lane = Lane("studies", abreast=1)
    first, second, third = Work(1), Work(1), Work(1)
    jobs = [manager.submit(work.make, lane=lane) for work in (first, second, third)]
    first.started.wait(5)
    snapshots = [manager.get(job) for job in jobs]
    assert [s.state for s in snapshots if s] == ["running", "queued", "queued"]
    assert [s.position for s in snapshots if s] == [0, 1, 2]
    first.release(1)
    second.started.wait(5)
    assert not third.started.is_set()
    second.release(1)
    third.release(1)
    assert wait(manager, jobs[2], finished).state == "done"


def test_devices_have_queues_of_their_own(manager: JobManager) -> None:
    slow, quick = Work(1), Work(1, gated=False)
    manager.submit(slow.make)
    job = manager.submit(quick.make, lane=Lane("cuda"))
    assert wait(manager, job, finished).state == "done"
    slow.release(1)


def test_a_live_job_tells_its_result_so_far_made_by_its_worker_when_somebody_looked(
    manager: JobManager,
) -> None:
    work, makers = Work(steps=6), set()

    def make() -> Run[Tick, int]:
        run = work.make()
        so_far = run.so_far
        run.so_far = lambda: makers.add(threading.current_thread().name) or so_far()  # type: ignore[method-assign]
        return run

    job = manager.submit(make, live=True)
    work.started.wait(5)
    work.release(1)
    assert wait(manager, job, lambda now: len(now.records) == 1).so_far == 1, "the first is there unasked"
    work.release(2)
    assert wait(manager, job, lambda now: len(now.records) == 3).so_far in (2, 3)
    work.release(1)
    assert wait(manager, job, lambda now: len(now.records) == 4).so_far == 4, (
        "it was looked at after the third"
    )
    work.release(2)
    ended = wait(manager, job, lambda now: not now.active)
    assert (ended.result, ended.so_far) == (6, None)
    assert makers == {"advmi-cpu"}


def test_other_jobs_make_no_result_on_the_way(manager: JobManager) -> None:
    work = Work(steps=2)
    job = manager.submit(work.make)
    work.release(1)
    assert wait(manager, job, lambda now: len(now.records) == 1).so_far is None
    work.release(1)
    assert wait(manager, job, lambda now: not now.active).result == 2


def test_cancel_keeps_the_partial_result(manager: JobManager) -> None:
    work = Work(10)
    job = manager.submit(work.make)
    work.release(3)
    wait(manager, job, lambda s: len(s.records) == 3)
    manager.cancel(job)
    work.release(1)
    end = wait(manager, job, finished)
    assert (end.state, end.result) == ("cancelled", 4)
    assert end.progress == pytest.approx(0.4)


def test_cancel_takes_a_waiting_job_out_of_the_queue(manager: JobManager) -> None:
    busy, waiting, last = Work(1), Work(1), Work(1, gated=False)
    lane = Lane("studies", abreast=1)
    manager.submit(busy.make, lane=lane)
    busy.started.wait(5)
    job, after = manager.submit(waiting.make, lane=lane), manager.submit(last.make, lane=lane)
    manager.cancel(job)
    end = manager.get(job)
    assert end is not None
    assert (end.state, end.result) == ("cancelled", None)
    assert manager.get(after).position == 1  # type: ignore[union-attr]
    busy.release(1)
    assert wait(manager, after, finished).state == "done"
    assert not waiting.started.is_set()


def test_discard_forgets_the_job(manager: JobManager) -> None:
    work = Work(10)
    job = manager.submit(work.make)
    work.started.wait(5)
    manager.discard(job)
    assert manager.get(job) is None
    work.release(1)
    follower = manager.submit(Work(1, gated=False).make)
    assert wait(manager, follower, finished).state == "done"
    assert work.done == 1


def test_an_abandoned_job_is_cancelled_running_or_queued(manager: JobManager, clock: Clock) -> None:
    work, waiting = Work(10), Work(1)
    lane = Lane("studies", abreast=1)
    running, queued = manager.submit(work.make, lane=lane), manager.submit(waiting.make, lane=lane)
    work.started.wait(5)
    clock.now = 59.0
    manager.touch(running)
    clock.now = 61.0
    assert manager.get(queued).state == "cancelled"  # type: ignore[union-attr]
    assert "nobody looked" in manager.get(queued).error  # type: ignore[union-attr]
    assert manager.get(running).state == "running"  # type: ignore[union-attr]
    clock.now = 120.0
    work.release(1)  # no caller asks: the worker itself notices
    assert wait(manager, running, finished).state == "cancelled"


def test_a_job_of_its_own_is_never_abandoned(manager: JobManager, clock: Clock) -> None:
    work = Work(2)
    job = manager.submit(work.make, interactive=False)
    work.started.wait(5)
    clock.now = 1e6
    work.release(2)
    assert wait(manager, job, finished).state == "done"


def test_a_failure_is_one_sentence_and_harms_nobody(manager: JobManager) -> None:
    def refuses() -> Run[Tick, int]:
        raise ValueError("eps must be ≥ 0, got -1")

    def breaks() -> Run[Tick, int]:
        raise RuntimeError("inner detail\nwith many lines")

    first, second = manager.submit(refuses), manager.submit(breaks)
    third = manager.submit(Work(2, gated=False).make)
    refused, broke = wait(manager, first, finished), wait(manager, second, finished)
    assert (refused.state, refused.error) == ("failed", "eps must be ≥ 0, got -1")
    assert broke.state == "failed"
    assert "RuntimeError" in broke.error
    assert "inner detail" not in broke.error
    assert wait(manager, third, finished).state == "done"


def test_missing_data_says_what_to_do(manager: JobManager) -> None:
    def lacks() -> Run[Tick, int]:
        raise DataNotFoundError("svhn was not found. Get it with `advmi data get svhn`.")

    job = manager.submit(lacks)
    assert wait(manager, job, finished).error.endswith("`advmi data get svhn`.")


def test_records_are_thinned_evenly_and_the_latest_is_there(manager: JobManager) -> None:
    job = manager.submit(Work(1001, gated=False).make, keep=100)
    steps = [record.step for record in wait(manager, job, finished).records]
    assert len(steps) <= 101
    assert (steps[0], steps[-1]) == (1, 1001)
    gaps = {b - a for a, b in itertools.pairwise(steps)}
    assert len(gaps - {steps[-1] - steps[-2]}) == 1


def test_records_are_bounded_in_memory(manager: JobManager) -> None:
    job = manager.submit(Work(40, gated=False, payload=8 << 20).make)
    records = wait(manager, job, finished).records
    assert sum(record.payload.nbytes for record in records) <= 64 << 20


def test_old_finished_jobs_are_pruned(clock: Clock) -> None:
    manager = JobManager(clock=clock, max_finished=2)
    try:
        jobs = []
        for number in range(4):
            clock.now = float(number)
            jobs.append(manager.submit(Work(1, gated=False).make))
            wait(manager, jobs[-1], finished)
        assert [manager.get(job) is None for job in jobs] == [True, True, False, False]
    finally:
        manager.shutdown()


def test_time_left_follows_the_clock_from_the_first_record_on(manager: JobManager, clock: Clock) -> None:
    work = Work(4)
    job = manager.submit(work.make)
    work.started.wait(5)
    clock.now = 50.0  # loading, preparing: no sign of what a step takes
    work.release(1)
    wait(manager, job, lambda s: len(s.records) == 1)
    assert manager.get(job).eta is None  # type: ignore[union-attr]
    clock.now = 52.0
    work.release(1)
    snapshot = wait(manager, job, lambda s: len(s.records) == 2)
    assert (snapshot.elapsed, snapshot.eta) == (52.0, pytest.approx(4.0))
    work.release(2)
    wait(manager, job, finished)


def test_many_threads_may_submit_at_once(manager: JobManager) -> None:
    jobs: list[str] = []
    threads = [
        threading.Thread(target=lambda: jobs.append(manager.submit(Work(3, gated=False).make)))
        for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(jobs)) == 20
    assert {wait(manager, job, finished).result for job in jobs} == {3}


def test_after_shutdown_nothing_is_accepted() -> None:
    manager = JobManager()
    manager.shutdown()
    with pytest.raises(RuntimeError, match="shut down"):
        manager.submit(Work(1).make)
