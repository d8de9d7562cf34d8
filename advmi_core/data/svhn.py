"""SVHN's cropped digits: MATLAB files with X (32,32,3,N) uint8 and y (N,1), where 10 means the digit 0."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io

from advmi_core.data.image_set import Pixels

_MAX_IMAGES = 1_000_000


def read_mat(path: Path) -> Pixels:
    """Read train_32x32.mat or test_32x32.mat.

    Raises:
        ValueError: the file is damaged or holds something else.
    """
    kinds = _reading(path, lambda: scipy.io.whosmat(path))
    _check({name: (shape, kind) for name, shape, kind in kinds}, path)
    arrays = _reading(path, lambda: scipy.io.loadmat(path, variable_names=["X", "y"]))
    labels = arrays["y"].ravel().astype(np.int64)
    return Pixels(np.ascontiguousarray(arrays["X"].transpose(3, 2, 0, 1)), np.where(labels == 10, 0, labels))


def _reading(path: Path, read: Callable[[], Any]) -> Any:
    try:
        return read()
    except Exception as error:  # scipy's parser raises anything from TypeError to zlib.error on damaged files
        raise ValueError(f"{path} cannot be read as an SVHN .mat file: {error}") from error


def _check(found: dict[str, tuple[tuple[int, ...], str]], path: Path) -> None:
    x, kind = found.get("X", ((), ""))
    y, _ = found.get("y", ((), ""))
    fits = len(x) == 4 and x[:3] == (32, 32, 3) and 0 < x[3] <= _MAX_IMAGES and y in ((x[3], 1), (1, x[3]))
    if not fits or kind != "uint8":
        raise ValueError(f"{path} must hold X (32,32,3,N) uint8 and y (N,1), it holds {found or 'neither'}")
