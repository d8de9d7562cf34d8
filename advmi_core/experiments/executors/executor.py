"""Executors: hand out calls, gather outcomes; worker pools stand behind threads of the driver."""

from __future__ import annotations

import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

import torch

from advmi_core.device import tune_cpu
from advmi_core.experiments.artefact import Arrays


@dataclass(frozen=True, eq=False)
class Call:
    """What a worker is asked: JSON-serialisable settings and arrays."""

    settings: dict[str, Any] = field(default_factory=dict)
    arrays: Arrays = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a worker answers: arrays, the seconds that they took, and the device's name ("" unknown)."""

    arrays: Arrays
    seconds: float
    device: str = ""


Stopped = Callable[[], bool]
Work = Callable[[Call, Stopped], Outcome | None]
"""Answers a call; may ask from time to time whether it was stopped, and then answers None."""


class Executor(ABC):
    """Computes ``workers`` calls at a time; ``token`` tells one from another."""

    workers: int

    @abstractmethod
    def submit(self, token: Any, call: Call) -> None:
        """Begin a call."""

    @abstractmethod
    def finished(self, timeout: float) -> list[tuple[Any, Outcome]]:
        """Outcomes not handed out before, after at most ``timeout`` seconds, early if there is one.

        Raises:
            Exception: what a call ended in; the other outcomes stay for ``close``.
        """

    @abstractmethod
    def close(self) -> list[tuple[Any, Outcome]]:
        """Give up what is on its way, end the workers, hand out what was finished before."""


class Inline(Executor):
    """The calling thread, as it is set up; a call is finished before the next one."""

    workers = 1

    def __init__(self, work: Work) -> None:
        self._work = work
        self._done: list[tuple[Any, Outcome]] = []

    def submit(self, token: Any, call: Call) -> None:
        outcome = self._work(call, lambda: False)
        assert outcome is not None  # nobody stops it
        self._done.append((token, outcome))

    def finished(self, timeout: float) -> list[tuple[Any, Outcome]]:
        done, self._done = self._done, []
        return done

    def close(self) -> list[tuple[Any, Outcome]]:
        return self.finished(0)


class WorkerPool(ABC):
    """``workers`` workers, each with one compute thread."""

    workers: int

    @abstractmethod
    def ask(self, call: Call) -> Outcome | None:
        """The call's outcome, None after ``stop``; called by ``workers`` threads at a time.

        Raises:
            ChildProcessError: the worker died.
        """

    @abstractmethod
    def stop(self) -> None:
        """Let every ``ask`` return soon."""

    @abstractmethod
    def close(self) -> None:
        """End the workers; nothing is on its way any more."""


class Pooled(Executor):
    """A worker pool behind threads of this process."""

    def __init__(self, pool: WorkerPool) -> None:
        self.workers = pool.workers
        self._pool = pool
        self._threads = ThreadPoolExecutor(pool.workers, "advmi-part")
        self._calls: dict[Future[Outcome | None], Any] = {}

    def submit(self, token: Any, call: Call) -> None:
        self._calls[self._threads.submit(self._pool.ask, call)] = token

    def finished(self, timeout: float) -> list[tuple[Any, Outcome]]:
        done, _ = wait(self._calls, timeout, FIRST_COMPLETED)
        for future in done:
            if (error := future.exception()) is not None:
                raise error  # the others stay for ``close`` to hand out
        outcomes = [(self._calls.pop(future), future.result()) for future in done]
        return [(token, outcome) for token, outcome in outcomes if outcome is not None]

    def close(self) -> list[tuple[Any, Outcome]]:
        self._pool.stop()
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._pool.close()
        good = [f for f in self._calls if not f.cancelled() and f.exception() is None]
        outcomes = [(self._calls[future], future.result()) for future in good]
        return [(token, outcome) for token, outcome in outcomes if outcome is not None]


class Threads(WorkerPool):
    """Threads of this process."""

    def __init__(self, work: Work, workers: int = 1) -> None:
        self.workers = workers
        self._work = work
        self._threads = torch.get_num_threads()
        self._stopped = threading.Event()

    def ask(self, call: Call) -> Outcome | None:
        settle()
        return self._work(call, self._stopped.is_set)

    def stop(self) -> None:
        self._stopped.set()

    def close(self) -> None:
        torch.set_num_threads(self._threads)  # in part a setting of the process, which ``settle`` changed


def settle() -> None:
    """Set up the calling thread of a worker: bytes depend on its one compute thread and on its flushing."""
    tune_cpu()
    torch.set_num_threads(1)


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
