"""The executors by name, for work that can be sent to other processes."""

from __future__ import annotations

from advmi_core.experiments.executors.executor import Executor, Pooled, Threads, cores
from advmi_core.experiments.executors.messages import Job, resolve
from advmi_core.validate import check_choice, check_count

EXECUTORS = ("serial", "processes", "ray")


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
    executor: str, job: Job, workers: int | None = None, ray_address: str | None = None, gpu: bool = False
) -> Executor:
    """The executor of this name.

    Args:
        executor: one of ``EXECUTORS``.
        job: what each worker does.
        workers: calls computed at a time, default one a core, or one on a GPU; serial has one.
        ray_address: of a Ray cluster; None starts Ray on this machine only.
        gpu: each worker computes on a GPU.

    Raises:
        ValueError: Ray is not installed or cannot be reached.
    """
    if executor == "serial":
        return Pooled(Threads(resolve(job)))
    # Imported where chosen: Ray takes a second, and most installations have none.
    if executor == "ray":
        from advmi_core.experiments.executors.on_ray import OnRay

        return Pooled(OnRay(job, workers, ray_address, gpu))
    from advmi_core.experiments.executors.processes import Processes

    return Pooled(Processes(job, workers or (1 if gpu else cores())))
