"""Sweeps in the background: they go on without their page, and every page finds them by their run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from advmi_core.jobs import Snapshot
from advmi_core.studies.sweep import Sweep, SweepStep, measured, runs_folder
from advmi_core.studies.sweep.folder import RunFolder
from advmi_core.ui import long_jobs, work


@dataclass(frozen=True)
class Begun:
    """What Start led to.

    Attributes:
        run: key of the run that answers, see ``RunInfo.key``.
        known: it was measured before, so nothing is computed.
    """

    run: str
    known: bool


def begin(page: str, sweep: Sweep, workers: int, again: bool = False) -> Begun:
    """Find a sweep's finished result, or compute it, or go on with it; one that is computed is left alone.

    Args:
        page: follows the computation from now on.
        sweep: what to measure.
        workers: processes; 1 computes in this one.
        again: measure it although a finished result is there.

    Raises:
        ValueError: the sweep's model or images are not there.
        DataNotFoundError: nor is its data set.
    """
    directory = runs_folder()
    folder = RunFolder(directory, sweep, sweep.spec()).path
    if not again and (kept := measured(folder.name, directory)) is not None:
        return Begun(kept.key, known=True)
    executor = "processes" if workers > 1 else "serial"
    long_jobs.start(
        page, str(folder),
        lambda: work.submit(
            page, lambda: sweep.run(directory, executor=executor, workers=workers),
            label=f"Sweep {folder.name}", about=sweep, rows=1, keep=long_jobs.ALL_STEPS, lane=work.STUDIES,
            interactive=False,
        ),
    )  # fmt: skip
    return Begun(folder.name, known=False)


def of(folder: Path) -> Snapshot | None:
    """The last job of this process that computed the run, if it is still known."""
    return long_jobs.of(str(folder))


def active() -> dict[str, Snapshot]:
    """Key of the run → job, of all sweeps in this process's runs folder that are queued or computed."""
    found = {Path(key): now for key, now in long_jobs.active().items()}
    return {path.name: now for path, now in found.items() if path.parent == runs_folder()}


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
