"""Parts of a computation, each found on disk or computed once and kept, whoever else is at it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Generic, TypeVar

from filelock import FileLock, Timeout

from advmi_core.experiments.artefact import Arrays, Artefact
from advmi_core.experiments.executors.executor import Call, Executor, Outcome

_POLL = 0.2  # seconds between looks at what other processes do
KeyT = TypeVar("KeyT")
RecordT = TypeVar("RecordT")
FoundT = TypeVar("FoundT")


@dataclass(frozen=True, eq=False)
class Part(Generic[KeyT]):
    """A finished part: ``seconds`` it took, whenever that was (NaN unknown); ``reused``: found on disk."""

    key: KeyT
    arrays: Arrays
    seconds: float
    reused: bool


@dataclass(frozen=True, eq=False)
class Task(Generic[KeyT]):
    """One part.

    Attributes:
        key: what the part is to its study.
        artefact, name: where it is kept.
        good: whether arrays that were read are this part.
        call: what a worker is asked, made when it is the task's turn.
    """

    key: KeyT
    artefact: Artefact
    name: str
    good: Callable[[Arrays], bool]
    call: Callable[[], Call]

    def read(self) -> Part[KeyT] | None:
        """The part on disk; None if it is missing or damaged."""
        arrays = self.artefact.get(self.name)
        if arrays is None or not self.good(arrays):
            return None
        return Part(self.key, arrays, self.artefact.seconds(self.name), reused=True)


def compute(
    tasks: Iterable[Task[KeyT]], executor: Callable[[], Executor]
) -> Generator[Part[KeyT], None, None]:
    """Yield every part: first what is on disk, then what has to be computed, as it is finished.

    Several processes may do so at once: each takes tasks that no other is at, and reads what they finish.
    Closing the generator keeps what is finished and gives up what is on its way.

    Args:
        tasks: the parts, in the order in which they are wanted.
        executor: makes what computes them; called if there is anything to compute.

    Raises:
        WriteError: a part cannot be written; those before it are kept.
        Exception: what a task ended in.
    """
    missing: deque[Task[KeyT]] = deque()
    for task in tasks:
        if (kept := task.read()) is None:
            missing.append(task)
        else:
            yield kept
    if missing:
        yield from _Driver(missing, executor()).parts()


class _Driver(Generic[KeyT]):
    """Claims tasks, hands them out and keeps what they make."""

    def __init__(self, missing: deque[Task[KeyT]], executor: Executor) -> None:
        self._missing, self._executor = missing, executor
        self._claims: dict[Task[KeyT], FileLock] = {}

    def parts(self) -> Generator[Part[KeyT], None, None]:
        new: list[Part[KeyT]] = []
        try:
            while self._missing or self._claims:
                new += self._hand_out()
                yield from new  # while the workers are at work
                new = []
                if self._claims:
                    new = self._keep(self._executor.finished(_POLL))
                elif self._missing:  # all of them claimed by other processes
                    time.sleep(_POLL)
            yield from new
        finally:
            try:
                self._keep(self._executor.close())
            finally:
                for claim in self._claims.values():
                    claim.release()
                self._claims.clear()

    def _hand_out(self) -> list[Part[KeyT]]:
        """Give the workers work; what other processes finished in the meantime is taken from the disk."""
        found = []
        for _ in range(len(self._missing)):
            if len(self._claims) == self._executor.workers:
                break
            task = self._missing.popleft()
            claim = task.artefact.claim(task.name)
            try:
                claim.acquire(timeout=0)
            except Timeout:
                self._missing.append(task)
                continue
            kept = task.read()
            if kept is None:
                self._claims[task] = claim
                self._executor.submit(task, task.call())
            else:
                claim.release()
                found.append(kept)
        return found

    def _keep(self, outcomes: list[tuple[Task[KeyT], Outcome]]) -> list[Part[KeyT]]:
        kept = []
        for task, found in outcomes:
            task.artefact.put(task.name, found.arrays, found.seconds, found.device)
            self._claims.pop(task).release()
            kept.append(Part(task.key, found.arrays, found.seconds, reused=False))
        return kept


def compute_one(
    artefact: Artefact,
    name: str,
    good: Callable[[Arrays], bool],
    make: Callable[[], Generator[RecordT, None, Arrays]],
    waiting: RecordT,
) -> Generator[RecordT, None, Part[str]]:
    """One part that says how far it is while it is computed here: found, or waited for, or computed and kept.

    Args:
        artefact, name: where it is kept.
        good: whether arrays that were read are this part.
        make: computes it, yields records and returns the arrays.
        waiting: the record to be yielded while another process computes it.

    Returns:
        The part, with ``name`` as its key.
    """
    task = Task(name, artefact, name, good, Call)

    def kept() -> Generator[RecordT, None, Part[str]]:
        began = time.perf_counter()
        arrays = yield from make()
        seconds = time.perf_counter() - began
        artefact.put(name, arrays, seconds)
        return Part(name, arrays, seconds, reused=False)

    return (yield from once(lambda: artefact.claim(name).acquire(timeout=0), task.read, kept, waiting))


def once(
    claim: Callable[[], AbstractContextManager[object]],
    read: Callable[[], FoundT | None],
    make: Callable[[], Generator[RecordT, None, FoundT]],
    waiting: RecordT,
) -> Generator[RecordT, None, FoundT]:
    """What is found; where that is nothing, it is made, here or by whoever is at it.

    Args:
        claim: acquires the right to make it, or raises a Timeout at once.
        read: looks for it.
        make: makes it, yields records and returns it.
        waiting: the record to be yielded, about five times a second, while another process is at it.
    """
    while (found := read()) is None:
        try:
            held = claim()
        except Timeout:
            yield waiting
            time.sleep(_POLL)
            continue
        with held:  # somebody may have finished it since it was looked for
            return found if (found := read()) is not None else (yield from make())
    return found
