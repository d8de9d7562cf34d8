"""The runs on this machine: list, open, look at the pictures."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from advmi_core.files import parse_json
from advmi_core.studies.sweep.folder import SPEC, RunFolder, runs_folder, shipped_folder
from advmi_core.studies.sweep.results import SweepResult
from advmi_core.studies.sweep.spec import Cell
from advmi_core.studies.sweep.study import Sweep

SHIPPED = "~shipped"


@dataclass(frozen=True, kw_only=True)
class RunInfo:
    """What a list of runs says of one.

    Attributes:
        id: the folder's name.
        name: the sweep's name.
        folder: where it lies.
        spec: of the sweep; empty where it cannot be read.
        complete: the whole result is there.
        done, total: shards finished, and of the whole sweep.
        created: when it was begun.
        shipped: came with AdvMI and cannot be deleted.
        problem: one sentence if the folder is no usable run, else "".
    """

    id: str
    name: str
    folder: Path
    spec: dict[str, Any]
    complete: bool
    done: int
    total: int
    created: datetime
    shipped: bool
    problem: str = ""

    @property
    def key(self) -> str:
        """What tells it from every other: a run of one's own may have the same id as one that is shipped."""
        return f"{self.id}{SHIPPED}" if self.shipped else self.id


def find(known: Sequence[RunInfo], key: str) -> RunInfo | None:
    """The run of this key; an id that only a shipped run has finds that one."""
    by_key = {info.key: info for info in known}
    return by_key.get(key) or by_key.get(f"{key}{SHIPPED}")


def measured(name: str, directory: Path | None = None) -> RunInfo | None:
    """The complete run whose folder has this name, one's own before the shipped one; None if there is none.

    Args:
        name: of the folder; it tells all that the results depend on.
        directory: where the folders of one's own runs lie, default ``runs_folder()``.
    """
    own = (runs_folder() if directory is None else directory, False)
    for folder, shipped in (own, (shipped_folder(), True)):
        if (folder / name).is_dir() and (info := _info(folder / name, shipped)).complete:
            return info
    return None


def runs(directory: Path | None = None) -> list[RunInfo]:
    """All runs, newest first, then those that came with AdvMI, by name: their files' dates say nothing.

    A folder that is no run, or a damaged one, is listed with its ``problem``.

    Args:
        directory: where the folders of runs lie, default ``runs_folder()``.
    """
    own = _infos(runs_folder() if directory is None else directory, shipped=False)
    return own + sorted(_infos(shipped_folder(), shipped=True), key=lambda info: info.id)


def open_run(folder: Path) -> RunFolder:
    """The run that lies in a folder.

    Raises:
        ValueError: there is none, or its spec is damaged.
    """
    path = folder / SPEC
    try:
        spec = parse_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(f"{folder} has no {SPEC}, so it is no run") from None
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    try:
        sweep = Sweep.from_spec(spec)
    except ValueError as error:
        raise ValueError(f"{path} cannot be used: {error}") from error
    run = RunFolder(folder.parent, sweep, spec)
    if run.path.name != folder.name:
        raise ValueError(f"{path} is damaged or describes another run than its folder's name says")
    return run


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


def _infos(directory: Path, shipped: bool) -> list[RunInfo]:
    try:
        folders = [path for path in directory.iterdir() if path.is_dir() and not path.name.startswith(".")]
    except (FileNotFoundError, NotADirectoryError):  # a file in the place of the cache: no run of one's own
        return []
    except OSError as error:
        raise ValueError(f"{directory} cannot be read: {error}") from error
    infos = []
    for path in sorted(folders):
        with contextlib.suppress(FileNotFoundError):  # deleted since it was listed
            infos.append(_info(path, shipped))
    return sorted(infos, key=lambda info: info.created, reverse=True)


def _info(path: Path, shipped: bool) -> RunInfo:
    try:
        run = open_run(path)
    except ValueError as error:
        return RunInfo(
            id=path.name, name=path.name, folder=path, spec={}, complete=False, done=0, total=0,
            created=_created(path), shipped=shipped, problem=f"{error}; delete the folder or move it away",
        )  # fmt: skip
    total, complete = len(run.shards), run.complete
    return RunInfo(
        id=path.name, name=run.sweep.name, folder=path, spec=run.spec, complete=complete,
        done=total if complete else sum(map(run.has, run.shards)), total=total, created=_created(path / SPEC),
        shipped=shipped,
    )  # fmt: skip


def _created(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)
