"""Sweeps in the background: they go on without their page, and every page finds them by their run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from advmi_core.jobs import Snapshot
from advmi_core.studies.sweep import Sweep, run_store, runs_folder
from advmi_core.studies.sweep.folder import RunFolder
from advmi_core.ui import long_jobs, work


@dataclass(frozen=True)
class Begun:
    """What Start led to.

    Attributes:
        run: key of the run that answers, see ``Info.key``.
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
    if not again and (kept := run_store(directory).complete(folder.name)) is not None:
        return Begun(kept.key, known=True)
    executor = "processes" if workers > 1 else "serial"
    long_jobs.start(
        page, str(folder),
        lambda: work.submit(
            page, lambda: sweep.run(directory, executor=executor, workers=workers),
            label=f"Sweep {folder.name}", about=sweep, rows=1, live=True, lane=work.STUDIES,
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
