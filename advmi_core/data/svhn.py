"""SVHN's cropped digits: MATLAB files with X (32,32,3,N) uint8 and y (N,1), where 10 means the digit 0."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import scipy.io

from advmi_core.data.image_set import Pixels

_MAX_IMAGES = 1_000_000


def read_mat(path: Path) -> Pixels:
    """Read train_32x32.mat or test_32x32.mat.

    Raises:
        ValueError: the file is damaged or holds something else.
    """
    try:
        shapes = {name: shape for name, shape, _ in scipy.io.whosmat(path)}
        _check(shapes, path)
        arrays = scipy.io.loadmat(path, variable_names=["X", "y"])
        x, y = np.asarray(arrays["X"], np.uint8), np.asarray(arrays["y"], np.int64).ravel()
    except ValueError:
        raise
    except (OSError, NotImplementedError, TypeError, KeyError, EOFError, zlib.error) as error:
        raise ValueError(f"{path} cannot be read as an SVHN .mat file: {error}") from error
    return Pixels(np.ascontiguousarray(x.transpose(3, 2, 0, 1)), np.where(y == 10, 0, y))


def _check(shapes: dict[str, tuple[int, ...]], path: Path) -> None:
    x, y = shapes.get("X", ()), shapes.get("y", ())
    fits = len(x) == 4 and x[:3] == (32, 32, 3) and 0 < x[3] <= _MAX_IMAGES and y in ((x[3], 1), (1, x[3]))
    if not fits:
        raise ValueError(f"{path} must hold X (32,32,3,N) and y (N,1), it holds {shapes or 'neither'}")
