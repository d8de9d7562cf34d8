"""Mice Protein Expression: 77 protein levels of mouse brain tissue, 1,080 measurements, eight classes.

Higuera, Gardiner & Cios 2015; UCI Machine Learning Repository, data set 342, CC BY 4.0. A row is held as an
image (1,1,77), so that every autoencoder without a convolution takes it.

Three rules make the table numbers in [0,1]; none of them looks at a test row:

- Every fifth row of a class, in a fixed random order, is a test row. As in the literature rows are split, not
  mice: up to fifteen rows are of one mouse, so an accuracy is that of further measurements, not further mice.
- A missing level (1.7 % of all) is the mean of its column over the training rows. Common code takes the mean
  of the row's class instead, which tells a test row's label to whoever looks at it.
- A column's lowest and highest level among the training rows become 0 and 1; test rows are cut off there.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from advmi_core.data.image_set import Pixels

COLUMNS = 77
CLASSES = ("c-CS-m", "c-CS-s", "c-SC-m", "c-SC-s", "t-CS-m", "t-CS-s", "t-SC-m", "t-SC-s")
"""Control or trisomic, stimulated to learn (CS) or not (SC), memantine or saline."""
TEST_EVERY = 5
SPLIT_SEED = 0
_MAX_BYTES = 8 << 20  # the published file has 1 MB
_MAX_LEVEL = 1e30  # the difference of two levels and the sum of a column stay finite
SIZES = (864, 216)
"""Training and test rows of the published file."""


def read_csv(path: Path, split: str) -> Pixels:
    """One split of ``Data_Cortex_Nuclear.csv``: a header, then a name, 77 levels, …, and the class.

    Args:
        path: the file.
        split: "train" or "test".

    Returns:
        Levels (N,1,1,77) float32 in [0,1] and their labels.

    Raises:
        ValueError: the file is damaged or holds something else.
    """
    levels, labels = _table(path)
    test = _test_rows(labels)
    if test.all() or not test.any():
        raise ValueError(f"{path} must hold at least {TEST_EVERY} rows of some class, got {len(labels)} rows")
    training = levels[~test]
    if np.isnan(training).all(0).any():
        column = int(np.isnan(training).all(0).argmax()) + 1
        raise ValueError(f"{path}: level {column} of {COLUMNS} is missing in all training rows")
    low, high = np.nanmin(training, axis=0), np.nanmax(training, axis=0)
    filled = np.where(np.isnan(levels), np.nanmean(training, axis=0), levels)
    scaled = ((filled - low) / np.where(high > low, high - low, 1)).clip(0, 1)
    # The file has one class after the other; mixed, the first n rows are of all classes.
    order = np.random.default_rng(SPLIT_SEED).permutation(len(labels))
    chosen = order[test[order] if split == "test" else ~test[order]]
    images = scaled[chosen].astype(np.float32).reshape(-1, 1, 1, COLUMNS)
    return Pixels(images, labels[chosen], CLASSES)


def _table(path: Path) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Levels (N,77), NaN where missing, and labels (N,)."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ValueError(f"it must have at most {_MAX_BYTES >> 20} MiB")
        with path.open(newline="", encoding="utf-8") as file:
            _, *rows = csv.reader(file)
    except (OSError, UnicodeDecodeError, csv.Error, ValueError) as error:
        raise ValueError(f"{path} cannot be read as a CSV table: {error}") from error
    if not rows:
        raise ValueError(f"{path} must hold a header and rows of levels, it holds no rows")
    read = [_row(row, f"{path}, line {line}") for line, row in enumerate(rows, start=2)]
    return np.array([levels for levels, _ in read]), np.array([label for _, label in read], np.int64)


def _row(row: Sequence[str], where: str) -> tuple[list[float], int]:
    if len(row) < COLUMNS + 2:
        raise ValueError(f"{where} must have a name, {COLUMNS} levels and a class, got {len(row)} values")
    if row[-1] not in CLASSES:
        raise ValueError(f"{where} must end with one of {', '.join(CLASSES)}, got {row[-1]!r}")
    try:
        levels = [float(value) if value else math.nan for value in row[1 : COLUMNS + 1]]
    except ValueError as error:
        raise ValueError(f"{where} must hold numbers as levels: {error}") from error
    if any(abs(level) > _MAX_LEVEL for level in levels):
        raise ValueError(f"{where} must hold finite levels, at most {_MAX_LEVEL:g} in size")
    return levels, CLASSES.index(row[-1])


def _test_rows(labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(N,) bool: the same share of every class, the same rows on every machine."""
    random = np.random.default_rng(SPLIT_SEED)
    test = np.zeros(len(labels), np.bool_)
    for label in range(len(CLASSES)):
        order = random.permutation(np.flatnonzero(labels == label))
        test[order[TEST_EVERY - 1 :: TEST_EVERY]] = True
    return test
