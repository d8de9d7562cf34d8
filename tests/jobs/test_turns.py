"""Many visitors at once: turns, batches of one kind, shares, and those who leave."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from advmi_core.jobs import JobManager, Kin, Lane, Snapshot
from advmi_core.run import Run

LANE = Lane("attacks")


@dataclass(frozen=True)
class Tick:
    step: int


def steps(count: int, seconds: float = 0.0, log: list[str] | None = None, name: str = "") -> Run[Tick, int]:
    done = [0]

    def records() -> Iterator[Tick]:
        for step in range(1, count + 1):
            time.sleep(seconds)
            done[0] = step
            if log is not None:
                log.append(name)
            yield Tick(step)

    return Run(records(), lambda: done[0], total=count)


@pytest.fixture
def manager() -> Iterator[JobManager]:
    made = JobManager()
    yield made
    made.shutdown()


def wait(manager: JobManager, job: str, seconds: float = 20) -> Snapshot:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        snapshot = manager.get(job)
        assert snapshot is not None
        if not snapshot.active:
            return snapshot
        time.sleep(0.01)
    raise AssertionError(f"still {snapshot.state}")


@pytest.mark.fault("L1")
def test_all_who_start_at_once_move_long_before_the_first_has_ended(manager: JobManager) -> None:
    log: list[str] = []
    jobs = [
        manager.submit(lambda n=n: steps(200, 0.01, log, str(n)), lane=LANE)  # type: ignore[misc]
        for n in range(5)
    ]
    while not all(len(manager.get(job).records) for job in jobs):  # type: ignore[union-attr]
        time.sleep(0.01)
    assert max(log.count(str(n)) for n in range(5)) < 200
    for job in jobs:
        manager.discard(job)


@pytest.mark.fault("L1b")
def test_a_long_job_does_not_stand_in_front_of_short_ones(manager: JobManager) -> None:
    log: list[str] = []
    long = manager.submit(lambda: steps(100_000, 0.01, log, "long"), lane=LANE)
    time.sleep(0.5)
    before = len(log)
    short = manager.submit(lambda: steps(50, 0.01), lane=LANE)
    assert wait(manager, short, 5).state == "done"
    assert manager.get(long).active  # type: ignore[union-attr]
    assert len(log) - before <= 200  # about as many steps as the short one had, not all of its own
    manager.discard(long)


def _kin(log: list[int], part: str, key: str = "same", fails: bool = False) -> Kin:
    def make(parts: Sequence[Any]) -> list[Run[Tick, int]]:
        log.append(len(parts))
        if fails:
            raise RuntimeError("one of them is broken")
        return [steps(20, 0.002) for _ in parts]

    return Kin(key, 1, part, make)


def _held(manager: JobManager) -> tuple[str, threading.Event]:
    """A job that keeps the worker in its one step, so that others gather."""
    go, begun = threading.Event(), threading.Event()

    def records() -> Iterator[Tick]:
        begun.set()
        go.wait(10)
        yield Tick(1)

    job = manager.submit(lambda: Run(records(), lambda: 0, total=1), lane=LANE)
    assert begun.wait(5)
    return job, go


@pytest.mark.fault("L1")
def test_waiting_jobs_of_one_kind_are_computed_together_and_others_are_not(manager: JobManager) -> None:
    made: list[int] = []
    _, go = _held(manager)
    alike = [manager.submit(lambda: steps(20), lane=LANE, kin=_kin(made, str(n))) for n in range(6)]
    other = manager.submit(lambda: steps(7), lane=LANE, kin=_kin(made, "x", key="another"))
    go.set()
    assert [wait(manager, job).result for job in alike] == [20] * 6
    assert wait(manager, other).result == 7
    assert made == [6]


def test_of_a_batch_one_may_be_cancelled_and_the_rest_goes_on(manager: JobManager) -> None:
    made: list[int] = []
    _, go = _held(manager)
    jobs = [manager.submit(lambda: steps(20), lane=LANE, kin=_kin(made, str(n))) for n in range(3)]
    go.set()
    while not manager.get(jobs[0]).records:  # type: ignore[union-attr]
        time.sleep(0.001)
    manager.cancel(jobs[0])
    ends = [wait(manager, job) for job in jobs]
    assert [end.state for end in ends] == ["cancelled", "done", "done"]
    assert 0 < ends[0].result < 20


def test_a_batch_that_fails_harms_nobody(manager: JobManager) -> None:
    made: list[int] = []
    _, go = _held(manager)

    def breaks() -> Run[Tick, int]:
        raise ValueError("eps must be ≥ 0, got -1")

    good = manager.submit(lambda: steps(5), lane=LANE, kin=_kin(made, "a", fails=True))
    bad = manager.submit(breaks, lane=LANE, kin=_kin(made, "b", fails=True))
    go.set()
    assert wait(manager, good).result == 5
    assert wait(manager, bad).error == "eps must be ≥ 0, got -1"
    assert made == [2]


@pytest.mark.fault("L1b")
def test_the_job_of_a_closed_tab_is_stopped_within_seconds(manager: JobManager) -> None:
    here = [True]
    left = manager.submit(lambda: steps(100_000, 0.01), lane=LANE, present=lambda: here[0])
    stays = manager.submit(lambda: steps(100_000, 0.01), lane=LANE, present=lambda: True)
    time.sleep(0.2)
    here[0] = False
    began = time.monotonic()
    end = wait(manager, left, 10)
    assert (end.state, end.error) == ("cancelled", "Stopped because its page was closed.")
    assert 2 < time.monotonic() - began < 8  # a lost connection has a moment to come back
    assert manager.get(stays).active  # type: ignore[union-attr]
    manager.discard(stays)


@pytest.mark.fault("L1c")
def test_one_visitor_cannot_fill_the_queue_of_studies(manager: JobManager) -> None:
    lane = Lane("studies", abreast=1)

    def study(owner: str) -> str:
        return manager.submit(
            lambda: steps(100_000, 0.01), lane=lane, interactive=False, owner=owner, at_most=2
        )

    first = study("ann")
    study("ann")
    with pytest.raises(ValueError, match="You have 2 computations here that run or wait"):
        study("ann")
    study("bob")
    manager.cancel(first)
    wait(manager, first)
    assert manager.get(study("ann")).owner == "ann"  # type: ignore[union-attr]


@pytest.mark.fault("L1")
def test_the_batch_that_is_nearest_to_its_end_has_most_turns_and_all_move(manager: JobManager) -> None:
    log: list[str] = []
    _, go = _held(manager)
    later = manager.submit(lambda: steps(4000, 0.02, log, "later"), lane=LANE)
    sooner = manager.submit(lambda: steps(100, 0.02, log, "sooner"), lane=LANE)
    go.set()
    assert wait(manager, sooner).result == 100
    assert 0 < log.count("later") < 60  # equal shares would give it as many steps as the other had
    manager.discard(later)
