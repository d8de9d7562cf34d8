"""Interface of a worker pool."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod

from advmi_core.studies.sweep.executors.work import Task
from advmi_core.studies.sweep.folder import Measured


class WorkerPool(ABC):
    """``workers`` workers, each with one compute thread."""

    workers: int

    @abstractmethod
    def measure(self, task: Task) -> Measured | None:
        """The task's outcome, None after ``stop``; called by ``workers`` threads at a time.

        Raises:
            ChildProcessError: the worker died.
        """

    @abstractmethod
    def stop(self) -> None:
        """Let every ``measure`` return soon."""

    @abstractmethod
    def close(self) -> None:
        """End the workers; nothing is on its way any more."""


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
