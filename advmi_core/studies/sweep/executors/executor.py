"""Executors of shards: worker pools behind threads of the driver, which alone touches files."""

from __future__ import annotations

import threading
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

import torch

from advmi_core.models import Network
from advmi_core.studies.sweep.executors.pool import WorkerPool, cores
from advmi_core.studies.sweep.executors.work import Task, measure, placed, settle
from advmi_core.studies.sweep.folder import Measured, Shard
from advmi_core.validate import check_choice, check_count

EXECUTORS = ("serial", "processes", "ray")
Outcome = tuple[Shard, Measured]


class Executor:
    """Hands tasks to a crew, at most ``workers`` at a time, and gathers their outcomes."""

    def __init__(self, crew: WorkerPool) -> None:
        self.workers = crew.workers
        self._crew = crew
        self._threads = ThreadPoolExecutor(crew.workers, "advmi-shard")
        self._tasks: dict[Future[Measured | None], Shard] = {}

    def submit(self, task: Task) -> None:
        """Begin a task."""
        self._tasks[self._threads.submit(self._crew.measure, task)] = task.shard

    def finished(self, timeout: float) -> list[Outcome]:
        """Outcomes not handed out before, after at most ``timeout`` seconds, early if there is one."""
        done, _ = wait(self._tasks, timeout, FIRST_COMPLETED)
        for future in done:
            if (error := future.exception()) is not None:
                raise error  # the others stay for ``close`` to hand out
        outcomes = [(self._tasks.pop(future), future.result()) for future in done]
        return [(shard, measured) for shard, measured in outcomes if measured is not None]

    def close(self) -> list[Outcome]:
        """Give up what is on its way, end the workers, hand out what was finished before."""
        self._crew.stop()
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._crew.close()
        good = [f for f in self._tasks if not f.cancelled() and f.exception() is None]
        outcomes = [(self._tasks[future], future.result()) for future in good]
        return [(shard, measured) for shard, measured in outcomes if measured is not None]


class Serial(WorkerPool):
    """A thread of this process."""

    workers = 1

    def __init__(self, network: Network, device: torch.device) -> None:
        self._network = placed(network, device)
        self._threads = torch.get_num_threads()
        self._stopped = threading.Event()

    def measure(self, task: Task) -> Measured | None:
        settle()
        return measure(self._network, task, self._stopped.is_set)

    def stop(self) -> None:
        self._stopped.set()

    def close(self) -> None:
        torch.set_num_threads(self._threads)  # in part a setting of the process, which ``settle`` changed


def check_executor(executor: str, workers: int | None, ray_address: str | None) -> None:
    """Raise ValueError if the choice makes no sense."""
    check_choice(executor, "executor", EXECUTORS)
    if workers is not None:
        check_count(workers, "workers")
    if executor == "serial" and workers not in (None, 1):
        raise ValueError(f'executor="serial" has one worker, got workers={workers}; take "processes"')
    if executor != "ray" and ray_address is not None:
        raise ValueError(f'ray_address is for executor="ray", got executor={executor!r}')


def make_executor(
    executor: str, network: Network, workers: int | None, ray_address: str | None, device: torch.device
) -> Executor:
    """The executor of this name.

    Raises:
        ValueError: Ray is not installed or cannot be reached.
    """
    if executor == "serial":
        return Executor(Serial(network, device))
    # Imported where chosen: Ray takes a second, and most installations have none.
    if executor == "ray":
        from advmi_core.studies.sweep.executors.on_ray import OnRay

        return Executor(OnRay(network, workers, ray_address, device))
    from advmi_core.studies.sweep.executors.processes import Processes

    return Executor(Processes(network, workers or (cores() if device.type == "cpu" else 1), device))
