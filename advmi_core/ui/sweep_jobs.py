"""Sweeps in the background: they go on without their page, and every page finds them by their run."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from pathlib import Path

from advmi_core.experiments import Sweep, SweepStep, runs_folder
from advmi_core.experiments.folder import RunFolder
from advmi_core.jobs import Snapshot, shared
from advmi_core.ui import work

# Run folder → job, of the whole process: another tab, or the same one after a reload, finds the job again.
_JOBS: dict[Path, str] = {}
_LOCK = threading.Lock()
_ALL_STEPS = 1_000_000  # none may be thinned away: each holds other images


def start(page: str, sweep: Sweep, workers: int) -> str:
    """Compute a sweep, or go on with it; returns its run's id. One that is being computed is left alone.

    Args:
        page: follows it from now on.
        sweep: what to compute.
        workers: processes; 1 computes in this one.

    Raises:
        ValueError: the sweep's model or images are not there.
    """
    directory = runs_folder()
    folder = RunFolder(directory, sweep, sweep.spec()).path
    with _LOCK:
        going = _JOBS.get(folder)
        if going is None or (known := shared().get(going)) is None or not known.active:
            executor = "processes" if workers > 1 else "serial"
            _JOBS[folder] = work.submit(
                page, lambda: sweep.run(directory, executor=executor, workers=workers),
                label=f"Sweep {folder.name}", about=sweep, rows=1, keep=_ALL_STEPS, lane=work.STUDIES,
                interactive=False,
            )  # fmt: skip
    return folder.name


def of(folder: Path) -> Snapshot | None:
    """The last job of this process that computed the run, if it is still known."""
    job = _JOBS.get(folder)
    return None if job is None else shared().get(job)


def seconds_left(sweep: Sweep, steps: Sequence[SweepStep], elapsed: float) -> float | None:
    """Time left from the shards computed so far, method by method; None before the first one.

    What was found in the folder took no time, so it says nothing about what is left.
    """
    computed = [step for step in steps if not step.reused and step.seconds > 0]
    if not computed:
        return None
    shards = math.ceil(sweep.n / sweep.shard)
    spent: dict[str, list[float]] = {}
    for step in computed:
        spent.setdefault(step.cell.method, []).append(step.seconds)
    everything = [step.seconds for step in computed]
    ahead = 0.0
    for method in {cell.method for cell in sweep.cells}:
        done = sum(step.cell.method == method for step in steps)
        todo = shards * sum(cell.method == method for cell in sweep.cells) - done
        own = spent.get(method, everything)
        ahead += todo * sum(own) / len(own)
    return ahead * elapsed / sum(everything)
