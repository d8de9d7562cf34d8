"""All studies in a folder: list them, find one, delete it with a way back."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from advmi_core.experiments.artefact import LOCKS, SPEC, canonical, digest
from advmi_core.experiments.progress import PROGRESS, Progress, read_progress
from advmi_core.files import parse_json

SHIPPED = "~shipped"
TRASH = ".trash"
RESULT = "result.npz"
_KEPT = 24 * 3600  # seconds


@dataclass(frozen=True, kw_only=True)
class Info:
    """What a list of studies says of one.

    Attributes:
        id: the folder's name.
        kind: what it is, the name without the hash.
        title: what people call it.
        folder: where it lies.
        spec: what it depends on; empty where it cannot be read.
        complete: it went to its end.
        done, total: parts finished and wanted; both 0 where nobody said.
        created: when it was begun.
        shipped: came with AdvMI and cannot be deleted.
        problem: one sentence if the folder is no usable study, else "".
        page, form: the page that shows it, "" if none does, and that page's parameters.
        uses: names of the folders beside it that hold its parts.
    """

    id: str
    kind: str
    title: str
    folder: Path
    spec: dict[str, Any] = field(default_factory=dict)
    complete: bool = False
    done: int = 0
    total: int = 0
    created: datetime
    shipped: bool = False
    problem: str = ""
    page: str = ""
    form: Mapping[str, Any] = field(default_factory=dict)
    uses: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """What tells it from every other: one's own may have the same id as one that is shipped."""
        return f"{self.id}{SHIPPED}" if self.shipped else self.id


class Store:
    """The studies of a folder, and those that came with AdvMI.

    Args:
        root: where one's own lie.
        shipped: where those lie that came with AdvMI; None for none.
        strays: also list folders whose study has not said how far it is: damaged ones, and no studies at all.
    """

    def __init__(self, root: Path, shipped: Path | None = None, *, strays: bool = False) -> None:
        self.root, self._shipped, self._strays = root, shipped, strays

    def studies(self) -> list[Info]:
        """All studies, newest first, then those that came with AdvMI, by name: their dates say nothing.

        Raises:
            ValueError: the folder cannot be read.
        """
        own = sorted(self._infos(self.root, False), key=lambda info: info.created, reverse=True)
        given = [] if self._shipped is None else self._infos(self._shipped, True)
        return [*own, *sorted(given, key=lambda info: info.id)]

    def complete(self, id_: str) -> Info | None:
        """The complete study of this id, one's own before the shipped one; None if there is none."""
        for root, shipped in ((self.root, False), (self._shipped, True)):
            if root is not None and (root / id_).is_dir() and (info := inspect(root / id_, shipped)).complete:
                return info
        return None

    def newest(self, kind: str, wanted: Mapping[str, Any]) -> Info | None:
        """The newest of one's own studies of a kind whose spec has these values, JSON-serialisable."""
        plain = json.loads(json.dumps(dict(wanted)))
        for info in self.studies():
            if info.kind == kind and not info.shipped and info.spec | plain == info.spec:
                return info
        return None

    def delete(self, folder: Path) -> Path:
        """Move a study's folder, or what lies in its place, into the trash, where it stays for a day.

        The folders that hold its parts go with it, except those that another study uses.

        Returns:
            Where it lies now, for ``restore``.

        Raises:
            ValueError: there is no such folder, it came with AdvMI, or it is being computed.
        """
        if not folder.is_dir():
            raise ValueError(f"{folder} is no folder, so it cannot be deleted")
        if self._shipped is not None and folder.resolve().parent == self._shipped.resolve():
            raise ValueError(f"{folder.name} came with AdvMI and cannot be deleted")
        if folder.parent.parent.name == TRASH:
            raise ValueError(f"{folder.name} is deleted already")
        gone = [folder, *self._own_parts(folder)]
        if any(map(in_use, gone)):
            raise ValueError(f"{folder.name} is being computed; cancel that before you delete it")
        trash = folder.parent / TRASH
        try:
            trash.mkdir(exist_ok=True)
            _empty(trash)
            place = Path(tempfile.mkdtemp(dir=trash))
            for path in reversed(gone):  # the study itself last: a kill leaves it listed
                path.rename(place / path.name)
        except OSError as error:
            raise ValueError(f"{folder} cannot be deleted: {error}") from error
        return place / folder.name

    def _own_parts(self, folder: Path) -> list[Path]:
        """The folders that hold parts of this study and of no other."""
        uses = {path.name: _uses(path) for path in _folders(folder.parent)}
        others = {name for study, names in uses.items() if study != folder.name for name in names}
        mine = [name for name in uses.get(folder.name, ()) if name not in others and name in uses]
        return [folder.parent / name for name in mine]

    def _infos(self, root: Path, shipped: bool) -> Iterator[Info]:
        for path in _folders(root):
            if self._strays or (path / PROGRESS).is_file():
                with contextlib.suppress(FileNotFoundError):  # deleted since it was listed
                    yield inspect(path, shipped)


def restore(trashed: Path) -> Path:
    """Undo ``Store.delete``.

    Returns:
        Where the study lies again.

    Raises:
        ValueError: it is not in the trash any more, or a new one has taken its place.
    """
    place, home = trashed.parent, trashed.parents[2]
    if place.parent.name != TRASH or not trashed.is_dir():
        raise ValueError(f"{trashed} is not in the trash any more, so it cannot be restored")
    target = home / trashed.name
    if target.exists():
        raise ValueError(f"{target.name} exists again, so the deleted one cannot be restored")
    try:
        for path in _folders(place):
            if not (home / path.name).exists():  # else a new one with the same parts
                path.rename(home / path.name)
        shutil.rmtree(place)
    except OSError as error:
        raise ValueError(f"{trashed} cannot be restored: {error}") from error
    return target


def inspect(folder: Path, shipped: bool = False) -> Info:
    """What a list says of the study in a folder.

    Raises:
        FileNotFoundError: there is no such folder.
    """
    kind, _, hashed = folder.name.rpartition("-")
    said = read_progress(folder) or Progress(title=kind, complete=(folder / RESULT).is_file())
    path = folder / SPEC
    spec, problem = {}, ""
    try:
        found = parse_json(path.read_text(encoding="utf-8"))
        if not isinstance(found, dict):
            problem = f"{path} holds no study's spec"
        elif digest(canonical(found)) != hashed:
            problem = f"{path} is damaged or describes another study than its folder's name says"
        else:
            spec = found
    except FileNotFoundError:
        problem = f"{folder} has no {SPEC}, so it is no study"
    except (OSError, ValueError) as error:
        problem = f"{path} cannot be read: {error}"
    made = (path if path.is_file() else folder).stat().st_mtime
    return Info(
        id=folder.name, kind=kind or folder.name, title=said.title or folder.name, folder=folder, spec=spec,
        complete=said.complete and not problem, done=said.done, total=said.total,
        created=datetime.fromtimestamp(made, UTC), shipped=shipped, page=said.page, form=said.form,
        uses=said.uses, problem=f"{problem}; delete the folder or move it away" if problem else "",
    )  # fmt: skip


def in_use(folder: Path) -> bool:
    """Whether some process claims one of a computation's parts."""
    for path in (folder / LOCKS).rglob("*.lock"):
        try:
            with FileLock(path, timeout=0):
                pass
        except Timeout:
            return True
    return False


def _uses(folder: Path) -> tuple[str, ...]:
    said = read_progress(folder)
    return () if said is None else said.uses


def _folders(root: Path) -> list[Path]:
    try:
        return sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    except (FileNotFoundError, NotADirectoryError):  # a file in the place of the cache: nothing of one's own
        return []
    except OSError as error:
        raise ValueError(f"{root} cannot be read: {error}") from error


def _empty(trash: Path) -> None:
    """Remove for good what was deleted more than a day ago."""
    for entry in trash.iterdir():
        if time.time() - entry.stat().st_mtime > _KEPT:
            shutil.rmtree(entry, ignore_errors=True)
