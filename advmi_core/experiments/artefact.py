"""One computation's folder on disk: parts that are whole or not there, found again by what they are about."""

from __future__ import annotations

import hashlib
import json
import math
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from advmi_core.files import parse_json, write_atomically, write_text

Arrays = dict[str, NDArray[Any]]
Floats = NDArray[np.float32]
SPEC, LOCKS, TIMINGS = "spec.json", "locks", "timings"
_UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)


class Artefact:
    """The finished parts of one computation. Several threads and processes may read and write at once.

    The folder ``root/KIND-DIGEST`` holds ``spec.json``, one ``NAME.npz`` a part, and in ``timings/`` how long
    each part took, apart from the results so that these compare byte for byte. ``locks/`` holds the claims.

    Args:
        root: where the folders of all computations lie.
        kind: the computation's name.
        spec: everything that the results depend on, JSON-serialisable; its hash names the folder.
        inside: the folder in the folder that the parts lie in, "" for none.
    """

    def __init__(self, root: Path, kind: str, spec: dict[str, Any], inside: str = "") -> None:
        self._text = canonical(spec)
        self.folder = root / f"{kind}-{digest(self._text)}"
        self.spec: dict[str, Any] = json.loads(self._text)
        self._inside = self.folder / inside

    def open(self) -> None:
        """Make the folder, or make sure that it is the right one.

        Raises:
            ValueError: the folder belongs to another spec, or cannot be read or written.
        """
        path = self.folder / SPEC
        if path.exists():
            try:
                same = path.read_bytes() == self._text.encode()
            except OSError as error:
                raise ValueError(f"{path} cannot be read: {error.strerror or error}") from error
            if not same:
                raise ValueError(
                    f"{path} is damaged or describes another study than its folder's name says; "
                    "delete the folder or choose another one"
                )
            return
        try:
            write_text(path, self._text)
        except OSError as error:
            raise ValueError(str(error)) from error

    def get(self, name: str) -> Arrays | None:
        """A part's arrays; None if it is missing or damaged, so that it has to be computed again."""
        return read_arrays(self.path(name))

    def put(self, name: str, arrays: Arrays, seconds: float, device: str = "") -> None:
        """Keep a part and, before it, how long it took, and where if that is said.

        Raises:
            WriteError: it cannot be written; nothing of it is left.
        """
        facts = {"seconds": seconds} | ({"device": device} if device else {})
        write_text(self._timing(name), json.dumps(facts) + "\n")
        write_arrays(self.path(name), arrays)

    def seconds(self, name: str) -> float:
        """How long a part took; NaN if unknown."""
        try:
            return float(parse_json(self._timing(name).read_text(encoding="utf-8"))["seconds"])
        except (OSError, ValueError, KeyError, TypeError):
            return math.nan

    def path(self, name: str) -> Path:
        """The file of a part."""
        return self._inside / f"{name}.npz"

    def claim(self, name: str) -> FileLock:
        """The claim on a part; it ends with the process that holds it."""
        path = self.folder / LOCKS / f"{name}.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        return FileLock(path, thread_local=False)  # a run may be closed by another thread

    def _timing(self, name: str) -> Path:
        return self.folder / TIMINGS / f"{name}.json"


def canonical(spec: dict[str, Any]) -> str:
    """The text of a spec: the same for equal specs."""
    return json.dumps(spec, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def digest(text: str) -> str:
    """What names the folder of a spec with this text."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def has(arrays: Arrays, dtype: type[np.generic], shapes: Mapping[str, tuple[int, ...]]) -> bool:
    """Whether there are all these arrays, of this type and these shapes."""
    return all(
        name in arrays and arrays[name].dtype == dtype and arrays[name].shape == shape
        for name, shape in shapes.items()
    )


def read_arrays(path: Path) -> Arrays | None:
    """The arrays of an NPZ file; None if it is missing or damaged."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except _UNREADABLE:
        return None


def write_arrays(path: Path, arrays: Arrays) -> None:
    """An NPZ file of plain arrays, whole or not at all; the same arrays give the same bytes."""

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:  # given a name, numpy would append .npz to it
            np.savez(file, **arrays)  # type: ignore[arg-type]  # numpy's stub takes the names for a flag

    write_atomically(path, write)
