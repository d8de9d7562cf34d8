"""Deleting a run moves it into a trash folder beside the others, so that it can be undone."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

from filelock import FileLock, Timeout

from advmi_core.studies.sweep.folder import shipped_folder

TRASH = ".trash"
_KEPT = 24 * 3600  # seconds


def delete(folder: Path) -> Path:
    """Move a run's folder, or what lies in its place, into the trash, where it stays for a day.

    Returns:
        Where it lies now, for ``restore``.

    Raises:
        ValueError: there is no such folder, it came with AdvMI, or it is being computed.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder} is no folder, so it cannot be deleted")
    if folder.resolve().parent == shipped_folder().resolve():
        raise ValueError(f"{folder.name} came with AdvMI and cannot be deleted")
    if folder.parent.parent.name == TRASH:
        raise ValueError(f"{folder.name} is deleted already")
    if _in_use(folder):
        raise ValueError(f"{folder.name} is being computed; cancel that before you delete it")
    try:
        trash = folder.parent / TRASH
        trash.mkdir(exist_ok=True)
        _empty(trash)
        return folder.rename(Path(tempfile.mkdtemp(dir=trash)) / folder.name)
    except OSError as error:
        raise ValueError(f"{folder} cannot be deleted: {error}") from error


def restore(trashed: Path) -> Path:
    """Undo ``delete``.

    Returns:
        Where the run lies again.

    Raises:
        ValueError: it is not in the trash any more, or a new run has taken its place.
    """
    if trashed.parent.parent.name != TRASH or not trashed.is_dir():
        raise ValueError(f"{trashed} is not in the trash any more, so it cannot be restored")
    target = trashed.parents[2] / trashed.name
    if target.exists():
        raise ValueError(f"{target.name} exists again, so the deleted one cannot be restored")
    try:
        trashed.rename(target)
        trashed.parent.rmdir()
    except OSError as error:
        raise ValueError(f"{trashed} cannot be restored: {error}") from error
    return target


def _in_use(folder: Path) -> bool:
    """Whether some process claims one of the run's shards."""
    for path in (folder / "locks").glob("*/*.lock"):
        try:
            with FileLock(path, timeout=0):
                pass
        except Timeout:
            return True
    return False


def _empty(trash: Path) -> None:
    """Remove for good what was deleted more than a day ago."""
    for entry in trash.iterdir():
        if time.time() - entry.stat().st_mtime > _KEPT:
            shutil.rmtree(entry, ignore_errors=True)
