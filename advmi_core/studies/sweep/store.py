"""The runs on this machine: list, open, look at the pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from advmi_core.experiments.artefact import SPEC
from advmi_core.experiments.store import SHIPPED, Info, Store, inspect
from advmi_core.studies.sweep.folder import RunFolder, runs_folder, shipped_folder
from advmi_core.studies.sweep.results import SweepResult
from advmi_core.studies.sweep.spec import Cell
from advmi_core.studies.sweep.study import Sweep


def run_store(directory: Path | None = None) -> Store:
    """The sweeps of a folder, default ``runs_folder()``, and those that came with AdvMI."""
    return Store(runs_folder() if directory is None else directory, shipped_folder(), strays=True)


def find(known: Sequence[Info], key: str) -> Info | None:
    """The run of this key; an id that only a shipped run has finds that one."""
    by_key = {info.key: info for info in known}
    return by_key.get(key) or by_key.get(f"{key}{SHIPPED}")


def runs(directory: Path | None = None) -> list[Info]:
    """All runs, newest first, then those that came with AdvMI, by name.

    A folder that is no run, or a damaged one, is listed with its ``problem``.

    Args:
        directory: where the folders of runs lie, default ``runs_folder()``.
    """
    return [_checked(info) for info in run_store(directory).studies()]


def _checked(info: Info) -> Info:
    """The run, or what is wrong with it as a sweep."""
    if info.problem:
        return info
    try:
        Sweep.from_spec(info.spec)
    except ValueError as error:
        problem = f"{info.folder / SPEC} cannot be used: {error}; delete the folder or move it away"
        return replace(info, complete=False, problem=problem)
    return info


def open_run(folder: Path) -> RunFolder:
    """The run that lies in a folder.

    Raises:
        ValueError: there is none, or its spec is damaged.
    """
    try:
        info = _checked(inspect(folder))
    except FileNotFoundError:
        raise ValueError(f"{folder} is not there (any more)") from None
    if info.problem:
        raise ValueError(info.problem)
    return RunFolder(folder.parent, Sweep.from_spec(info.spec), info.spec)


def load(folder: Path) -> SweepResult:
    """A run's result, also a partial one.

    Raises:
        ValueError: the folder is no run, or its spec is damaged.
    """
    return open_run(folder).result()


def gallery(folder: Path, cell: Cell) -> dict[str, NDArray[Any]]:
    """Pictures of a run: float32 ``x`` and ``x_adv`` (k,C,H,W) in [0,1], and int64 ``index`` (k,).

    They are the first counted images of the split that are finished, at most 24.

    Raises:
        ValueError: the folder is no run or damaged, or the run has no such cell.
    """
    run = open_run(folder)
    if cell not in run.sweep.cells:
        raise ValueError(f"cell must be one of {', '.join(c.id for c in run.sweep.cells)}, got {cell!r}")
    return run.gallery(cell)
