"""SVHN's cropped digits: MATLAB files with X (32,32,3,N) uint8 and y (N,1), where 10 means the digit 0."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from advmi_core.data.image_set import MAX_VALUES, Pixels
from advmi_core.data.readers.matlab import MatFile, Variable

_VALUES = 32 * 32 * 3


def read_mat(path: Path) -> Pixels:
    """Read train_32x32.mat or test_32x32.mat.

    Raises:
        ValueError: the file is damaged or holds something else.
    """
    try:
        with path.open("rb") as stream:
            file = MatFile(stream)
            x, y = _checked(file.variables())
            labels = _labels(file.read(y))
            images = cast(NDArray[np.uint8], file.read(x))
    except (OSError, ValueError, EOFError, zlib.error) as error:
        raise ValueError(f"{path} cannot be read as an SVHN .mat file: {error}") from error
    return Pixels(np.ascontiguousarray(images.transpose(3, 2, 0, 1)), labels)


def _checked(found: Mapping[str, Variable]) -> tuple[Variable, Variable]:
    x, y = found.get("X"), found.get("y")
    seen = ", ".join(f"{name[:20]} {found[name]}" for name in list(found)[:5]) or "nothing"
    wanted = f"it must hold X (32,32,3,N) uint8 and y (N,1) whole numbers, it holds {seen}"
    if x is None or y is None or x.kind != "uint8" or len(x.shape) != 4 or x.shape[:3] != (32, 32, 3):
        raise ValueError(wanted)
    count = x.shape[3]
    if (
        count < 1
        or y.shape not in ((count, 1), (1, count))
        or not y.kind.startswith(("int", "uint", "float"))
    ):
        raise ValueError(wanted)
    if count * _VALUES > MAX_VALUES:
        raise ValueError(f"it must hold at most {MAX_VALUES // _VALUES:,} images, it says {count:,}")
    return x, y


def _labels(y: NDArray[np.generic]) -> NDArray[np.int64]:
    values = y.ravel().astype(np.float64)
    if not np.isin(values, np.arange(11)).all():
        raise ValueError("the labels in y must be whole numbers from 1 to 10, where 10 is the digit 0")
    labels = values.astype(np.int64)
    return np.where(labels == 10, 0, labels)
