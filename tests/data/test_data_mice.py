"""The protein table: split, missing levels and scale follow the stated rules; damaged files are refused."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from advmi_core import data, models
from advmi_core.data.readers.mice import CLASSES, COLUMNS

OWN = os.environ.get("ADVMI_DATA")  # read before the fixture of this folder takes it away
BITS = 7


def rows(count: int = 80) -> list[list[str]]:
    """Rows of every class in turn; the first seven levels are the row's number in binary, so 0…1 already."""
    levels = np.random.default_rng(0).uniform(1, 3, (count, COLUMNS))
    levels[:, :BITS] = np.arange(count)[:, None] >> np.arange(BITS) & 1
    return [
        [f"{row}_1", *map(repr, values.tolist()), "Control", "Saline", "C/S", CLASSES[row % len(CLASSES)]]
        for row, values in enumerate(levels)
    ]


def numbers(x: Tensor) -> list[int]:
    """Which rows of the table these are."""
    return (x[:, 0, 0, :BITS] @ 2.0 ** torch.arange(BITS)).int().tolist()


def write(root: Path, table: list[list[str]]) -> Path:
    path = root / "mice-protein" / "Data_Cortex_Nuclear.csv"
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["MouseID", *(f"P{i}_N" for i in range(COLUMNS)), "class"], *table])
    return path


def both(root: Path, table: list[list[str]]) -> tuple[data.ImageSet, data.ImageSet]:
    write(root, table)
    return data.load("mice-protein", "train"), data.load("mice-protein", "test")


def test_split_is_stratified_disjoint_and_always_the_same(root: Path) -> None:
    train, test = both(root, rows())
    assert (train.x.shape, test.x.shape) == ((64, 1, 1, COLUMNS), (16, 1, 1, COLUMNS))
    assert train.y.bincount().tolist() == [8] * 8
    assert test.y.bincount().tolist() == [2] * 8
    assert (train.classes, train.source, train.subset) == (CLASSES, "ADVMI_DATA", True)
    assert sorted(numbers(train.x) + numbers(test.x)) == list(range(80))
    assert numbers(train.x) != sorted(numbers(train.x))
    for part in (train, test):
        assert [number % 8 for number in numbers(part.x)] == part.y.tolist()
    assert torch.equal(test.x, data.load("mice-protein", "test").x)


def test_scale_is_that_of_the_training_rows(root: Path) -> None:
    train, test = both(root, rows())
    assert torch.equal(train.x.amin(0), torch.zeros(1, 1, COLUMNS))
    assert torch.equal(train.x.amax(0), torch.ones(1, 1, COLUMNS))
    table = rows()
    for row, level in zip(numbers(test.x), ("1e6", "-1e6"), strict=False):
        table[row][20] = level
    again, cut = both(root, table)
    assert torch.equal(again.x, train.x)
    assert cut.x[:2, 0, 0, 19].tolist() == [1.0, 0.0]


def test_missing_level_is_the_mean_of_the_training_rows(root: Path) -> None:
    table = rows()
    first, *others = numbers(both(root, table)[0].x)
    levels = np.array([float(table[row][20]) for row in others])
    table[first][20] = ""
    train, _ = both(root, table)
    wanted = (levels.mean() - levels.min()) / (levels.max() - levels.min())
    assert float(train.x[0, 0, 0, 19]) == pytest.approx(wanted, abs=1e-6)


def test_constant_level_is_zero(root: Path) -> None:
    table = rows()
    for row in table:
        row[30] = "2.5"
    assert float(both(root, table)[0].x[..., 29].abs().max()) == 0.0


def _change(row: int, column: int, value: str) -> list[list[str]]:
    table = rows()
    table[row][column] = value
    return table


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ([], "it holds no rows"),
        ([["309_1", "0.5", "c-CS-m"]], "line 2 must have a name, 77 levels and a class, got 3 values"),
        (_change(3, -1, "x-CS-m"), "line 5 must end with one of c-CS-m.*got 'x-CS-m'"),
        (_change(0, 7, "much"), "line 2 must hold numbers as levels: .*'much'"),
        (_change(0, 7, "inf"), "line 2 must hold finite levels"),
        (rows(8), "must hold at least 5 rows of some class, got 8 rows"),
        ([[*row[:9], "", *row[10:]] for row in rows()], "level 9 of 77 is missing in all training rows"),
    ],
)
def test_damaged_table_is_one_sentence(root: Path, table: list[list[str]], sentence: str) -> None:
    path = write(root, table)
    with pytest.raises(ValueError, match=sentence) as caught:
        data.load("mice-protein", "train")
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_not_text(root: Path) -> None:
    write(root, []).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="cannot be read as a CSV table"):
        data.load("mice-protein")


def test_absent_table_says_where_to_get_it() -> None:
    with pytest.raises(data.DataNotFoundError, match=r"Get Data_Cortex_Nuclear from archive\.ics\.uci\.edu"):
        data.load("mice-protein")


@pytest.mark.parametrize("name", ["ae-dense", "ae-adversarial", "ae-concrete"])
def test_autoencoders_without_a_convolution_take_its_rows(root: Path, name: str) -> None:
    x = both(root, rows())[1].x
    assert models.build(name, (1, 1, COLUMNS))(x).shape == x.shape


@pytest.mark.slow
@pytest.mark.skipif(not OWN, reason="ADVMI_DATA is not set: no real table to read")
def test_real_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADVMI_DATA", str(OWN))
    try:
        train, test = data.load("mice-protein", "train"), data.load("mice-protein", "test")
    except data.DataNotFoundError:
        pytest.skip("ADVMI_DATA holds no mice-protein")
    assert (len(train), len(test)) == tuple(data.CATALOG["mice-protein"].sizes.values())
    assert not train.subset
    assert (train.y.bincount() + test.y.bincount()).tolist() == [150, 135, 150, 135, 135, 105, 135, 135]
    assert (float(train.x.min()), float(train.x.max())) == (0.0, 1.0)
