"""Files are written whole or not at all, and what is not measured is null in JSON."""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, SupportsFloat

_TEMPORARY = ".advmi-tmp"
_REMEDIES = {
    errno.ENOSPC: "the disk is full; free some space or choose another folder",
    errno.EDQUOT: "your quota of the disk is used up; free some space or choose another folder",
    errno.EFBIG: "it would be larger than a file may be here; choose another folder or fewer images",
    errno.EACCES: "you may not write there; choose another folder",
    errno.EPERM: "you may not write there; choose another folder",
    errno.EROFS: "that disk can only be read; choose another folder",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
    errno.EISDIR: "a folder has that name; choose another name",
    errno.ENOTDIR: "a file stands where a folder is needed; choose another folder",
    errno.EEXIST: "a file stands where a folder is needed; choose another folder",
}
_OF_WRITING = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)

_tidied: set[Path] = set()
_tidying = threading.Lock()


class WriteError(OSError):
    """A file could not be written; says which, why, and what helps."""


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a temporary neighbour of ``path``, then put it in place in one step.

    The first write into a folder also deletes the temporaries that killed processes have left there.

    Raises:
        WriteError: the file cannot be written; nothing of it is left.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _tidy(path.parent)
        handle, temporary = _claim(path)
        try:
            write(temporary)
            temporary.chmod(0o644)  # mkstemp makes files that only their owner can read
            if sys.platform == "win32":  # there, an open file cannot be renamed
                os.close(handle)
            temporary.replace(path)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                os.close(handle)
    except OSError as error:
        if error.errno is None:  # not the system's: a writer's own sentence
            raise
        raise WriteError(cannot_write(path, error)) from error


def write_text(path: Path, text: str) -> None:
    """A text file, whole or not at all.

    Raises:
        WriteError: it cannot be written.
    """
    write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def cannot_write(path: Path, error: OSError) -> str:
    """One sentence: what cannot be written, why, and what helps."""
    return f"{path} cannot be written: {_REMEDIES.get(error.errno or 0, error.strerror or str(error))}"


def system_sentence(error: OSError) -> str:
    """One sentence for an error of the operating system, with what helps where that is known."""
    if error.errno in _OF_WRITING:
        named = f"{error.filename} cannot be written" if error.filename else "a file cannot be written"
        return f"{named}: {_REMEDIES[error.errno]}"
    return f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error)


def _claim(path: Path) -> tuple[int, Path]:
    """A new temporary beside ``path``, locked as long as its handle is open."""
    while True:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=_TEMPORARY)
        _lock(handle, wait=True)
        if os.path.exists(name):  # else another process took it for an orphan before it was locked
            return handle, Path(name)
        os.close(handle)


def _tidy(folder: Path) -> None:
    """Once a process: delete the folder's temporaries whose writers have died."""
    with _tidying:
        if (place := folder.absolute()) in _tidied:
            return
        _tidied.add(place)
    for orphan in folder.glob(f".*{_TEMPORARY}"):
        with contextlib.suppress(OSError):  # somebody else's, or just put in place
            handle = os.open(orphan, os.O_RDWR)
            try:
                if _lock(handle, wait=False):
                    orphan.unlink()
            finally:
                os.close(handle)


if sys.platform == "win32":

    def _lock(handle: int, *, wait: bool) -> bool:
        """Nothing to do, and nothing is tidied: an open file cannot be deleted there, one's own neither."""
        return False

else:
    import fcntl

    def _lock(handle: int, *, wait: bool) -> bool:
        """Claim an open file until it is closed; False if another has it, or the disk knows no claims."""
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except OSError:
            return False
        return True


def parse_json(text: str) -> Any:
    """The value that a JSON text stands for.

    Raises:
        ValueError: it is not JSON, or too deeply nested to be read.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("its JSON is nested too deeply") from None


def json_number(value: SupportsFloat) -> float | None:
    """A number as JSON knows it; None stands for "not measured" (NaN or ∞)."""
    number = float(value)
    return number if math.isfinite(number) else None
