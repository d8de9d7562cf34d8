"""A computation's folder on disk: parts that are whole or not there, found again by what they are about."""

from __future__ import annotations

import hashlib
import json
import math
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advmi_core import paths
from advmi_core.files import parse_json, write_atomically

Floats = NDArray[np.float32]
_UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)


def user_folder() -> Path:
    """Where studies of app and command line lie unless told otherwise, so that one finds the other's."""
    return paths.cache() / "studies"


class Parts:
    """The finished parts of one computation. Several threads and processes may read and write at once.

    The folder ``directory/KIND-HASH`` holds ``spec.json``, one ``NAME.npz`` a part, and in ``timings/`` how
    long each part took, apart from the results so that these compare byte for byte.

    Args:
        directory: where the folders of all computations of this sort lie.
        kind: the computation's name.
        spec: everything that the results depend on, JSON-serialisable; its hash names the folder.
        inside: the folder in the folder that the parts lie in, "" for none.
    """

    def __init__(self, directory: Path, kind: str, spec: dict[str, Any], inside: str = "") -> None:
        self._text = json.dumps(spec, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        self.folder = directory / f"{kind}-{digest(self._text)}"
        self.spec: dict[str, Any] = json.loads(self._text)
        self._inside = self.folder / inside

    def open(self) -> None:
        """Make the folder, or make sure that it is the right one.

        Raises:
            ValueError: the folder belongs to another spec, or cannot be read or written.
        """
        path = self.folder / "spec.json"
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

    def read(self, name: str, shape: tuple[int, ...]) -> tuple[Floats, float] | None:
        """A part's float32 values of this shape and its seconds (NaN if unknown); None if there is none.

        A damaged part is as good as none: it will be computed again.
        """
        values = (read_arrays(self.part(name)) or {}).get("values")
        if values is None or values.dtype != np.float32 or values.shape != shape:
            return None
        return values, self.seconds(name)

    def write(self, name: str, values: Floats, seconds: float) -> None:
        """Keep a part and, before it, how long it took."""
        self.write_arrays(name, {"values": values}, seconds)

    def write_arrays(
        self, name: str, arrays: dict[str, NDArray[Any]], seconds: float, device: str = ""
    ) -> None:
        """Keep a part of several arrays and, before it, how long it took, and where if that is said."""
        facts = {"seconds": seconds} | ({"device": device} if device else {})
        write_text(self._timing(name), json.dumps(facts) + "\n")
        write_arrays(self.part(name), arrays)

    def seconds(self, name: str) -> float:
        """How long a part took; NaN if unknown."""
        try:
            return float(parse_json(self._timing(name).read_text(encoding="utf-8"))["seconds"])
        except (OSError, ValueError, KeyError, TypeError):
            return math.nan

    def part(self, name: str) -> Path:
        """The file of a part."""
        return self._inside / f"{name}.npz"

    def _timing(self, name: str) -> Path:
        return self.folder / "timings" / f"{name}.json"


def digest(text: str) -> str:
    """What names the folder of a spec with this text."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def read_arrays(path: Path) -> dict[str, NDArray[Any]] | None:
    """The arrays of an NPZ file; None if it is missing or damaged."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except _UNREADABLE:
        return None


def write_text(path: Path, text: str) -> None:
    """A text file, whole or not at all."""
    write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def write_arrays(path: Path, arrays: dict[str, NDArray[Any]]) -> None:
    """An NPZ file of plain arrays, whole or not at all; the same arrays give the same bytes."""

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:  # given a name, numpy would append .npz to it
            np.savez(file, **arrays)  # type: ignore[arg-type]  # numpy's stub takes the names for a flag

    write_atomically(path, write)
