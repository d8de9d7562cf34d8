"""Where people put their files and how they name them: one class, no class, the data set's own folder."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from data_makers import class_files, encode, png, random_pixels, write_idx_pair, write_tree, write_zip
from PIL import Image

from advmi_core import data

CIFAR = data.CATALOG["cifar10"].classes


def _pictures(*names: str) -> dict[str, bytes]:
    return {name: png(np.full((8, 8, 3), i, np.uint8)) for i, name in enumerate(names)}


@pytest.mark.fault("D1")
@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(
    ("names", "split", "classes"),
    [
        (("cat/1.png", "cat/2.png"), None, ("cat",)),
        (("pets/cat/1.png", "pets/cat/2.png"), None, ("cat",)),
        (("train/cat/1.png", "train/cat/2.png"), "train", ("cat",)),
        (("pets/train/cat/1.png", "pets/train/cat/2.png"), "train", ("cat",)),
        (("1.png", "2.png"), None, ("unlabelled",)),
        (("1.png",), None, ("unlabelled",)),
        (("train/1.png", "train/2.png", "test/3.png"), "train", ("unlabelled",)),
        (("pets/train/1.png", "pets/train/2.png"), "train", ("unlabelled",)),
        (("overview.png", "cat/1.png", "cat/2.png"), None, ("cat",)),
    ],
)
def test_one_class_or_none(
    tmp_path: Path, names: tuple[str, ...], split: str | None, classes: tuple[str, ...], zipped: bool
) -> None:
    files = _pictures(*names)
    path = write_zip(tmp_path / "own.zip", files) if zipped else write_tree(tmp_path / "own", files)
    images = data.load_folder(path, split)
    assert images.classes == classes
    assert images.y.tolist() == [0] * min(2, len(names))
    assert images.first(1).x.shape == (1, 3, 8, 8)
    assert images.take([0, 0]).y.tolist() == [0, 0]


def test_natural_order_stands_any_number_of_digits(tmp_path: Path) -> None:
    digits = "9" * 5000
    images = data.load_folder(
        write_zip(tmp_path / "x.zip", _pictures(f"a/{digits}.png", "a/10.png", "a/9.png"))
    )
    assert (images.x[:, 0, 0, 0] * 255).round().tolist() == [2, 1, 0]


@pytest.mark.fault("D1")
def test_a_class_may_be_missing_but_not_be_called_otherwise(root: Path) -> None:
    write_zip(root / "cifar10-jpeg.zip", class_files(CIFAR[3:5], 10, 32))
    images = data.load("cifar10", split="train")
    assert (images.classes, len(images), images.subset) == (CIFAR, 20, True)
    assert images.y.unique().tolist() == [3, 4]
    write_zip(root / "cifar10-jpeg.zip", class_files((*CIFAR[:-1], "lorry"), 1, 32))
    with pytest.raises(ValueError, match=r"train/truck/, it has none there but some in lorry"):
        data.load("cifar10", split="train")


def _fashion(folder: Path) -> None:
    write_idx_pair(folder, "t10k", np.full((3, 28, 28), 102, np.uint8), np.arange(3, dtype=np.uint8))


@pytest.mark.fault("D2")
@pytest.mark.parametrize("place", ["fashion-mnist", "FashionMNIST", "FashionMNIST/raw"])
@pytest.mark.parametrize("relative", [True, False])
def test_the_variable_may_name_the_data_sets_own_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, place: str, relative: bool
) -> None:
    _fashion(tmp_path / ("FashionMNIST/raw" if place == "FashionMNIST" else place))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ADVMI_DATA", place if relative else str(tmp_path / place))
    images = data.load("fashion-mnist", split="test")
    assert images.source == "ADVMI_DATA"
    assert torch.all(images.x == torch.tensor(102 / 255))
    with pytest.raises(data.DataNotFoundError):
        data.load("mnist", split="test")


@pytest.mark.fault("D2")
def test_the_variable_may_name_a_zip_or_a_folder_of_another_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = write_zip(tmp_path / "cifar10-jpeg.zip", class_files(CIFAR, 1, 32))
    folder = write_tree(tmp_path / "mine", class_files(CIFAR, 2, 32))
    for named, count in ((path, 10), (folder, 20)):
        monkeypatch.setenv("ADVMI_DATA", str(named))
        images = data.load("cifar10", split="train")
        assert (len(images), images.source) == (count, "ADVMI_DATA")


@pytest.mark.fault("D2")
def test_a_variable_that_serves_nothing_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ADVMI_DATA", str(tmp_path / "nowhere"))
    with pytest.warns(UserWarning, match=r"embedded data do: .*nowhere is no such folder"):
        assert data.load("fashion-mnist").source == "embedded"
    monkeypatch.setenv("ADVMI_DATA", str(tmp_path))
    with pytest.warns(UserWarning, match="holds no data set that AdvMI knows"):
        data.load("fashion-mnist")
    _fashion(tmp_path)
    with pytest.warns(
        UserWarning, match="which MNIST and Fashion-MNIST share: put them in a folder fashion-mnist"
    ):
        data.load("fashion-mnist")
    monkeypatch.setenv("ADVMI_DATA", "/" + "x" * 5000)
    with pytest.raises(ValueError, match="cannot be looked into"):
        data.load("fashion-mnist")


@pytest.mark.fault("D3")
@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("nested", [True, False])
def test_dotted_idx_names_are_found(root: Path, ending: str, nested: bool) -> None:
    _fashion(root / "mnist")
    for path in list((root / "mnist").iterdir()):
        name = path.name.replace("-idx", ".idx").removesuffix(".gz") + ending
        path.rename(path.with_name("moved"))
        target = root / "mnist" / name / name if nested else root / "mnist" / name
        target.parent.mkdir(exist_ok=True)
        os.replace(path.with_name("moved"), target)
    assert data.load("mnist", split="test").y.tolist() == [0, 1, 2]


@pytest.mark.fault("D3")
def test_idx_names_that_are_almost_right_are_named(root: Path) -> None:
    _fashion(root / "mnist")
    for path in list((root / "mnist").iterdir()):
        path.rename(path.with_name(path.name.replace("t10k", "test")))
    with pytest.raises(
        data.DataNotFoundError, match=r"test-images-idx3-ubyte\.gz is there but is not read: wanted"
    ):
        data.load("mnist", split="test")
    assert any("test-images" in row.note for row in data.available("mnist"))


@pytest.mark.fault("D4")
@pytest.mark.parametrize("inner", ["", "images/"])
@pytest.mark.parametrize("listed", [True, False])
def test_validation_pictures_sorted_into_class_folders(root: Path, inner: str, listed: bool) -> None:
    ids = ("n2", "n1")
    files = {"wnids.txt": "\n".join(ids).encode(), "words.txt": b"n1\tcrane\nn2\tgoldfish\n"}
    for number, wnid in enumerate(("n1", "n2", "n2", *["n1"] * 8)):
        raw = encode(Image.new("RGB", (64, 64), (number * 20, 0, 0)))
        files[f"val/{wnid}/{inner}val_{number}.png"] = raw
    if listed:
        files["val/val_annotations.txt"] = b"val_0.png\tn1\n"
    write_tree(root / "tiny-imagenet-200", files)
    images = data.load("tiny-imagenet", split="test")
    assert images.y.tolist() == [1, 0, 0, *[1] * 8]
    assert (images.x[:, 0, 0, 0] * 255 / 20).round().tolist() == list(range(11))


def test_class_lists_with_one_class_twice_are_refused(root: Path) -> None:
    write_tree(
        root / "tiny-imagenet-200", {"wnids.txt": b"n1\nn1\nn2", "val/n2/x.png": png(random_pixels(64, 64))}
    )
    with pytest.raises(ValueError, match="each once"):
        data.load("tiny-imagenet", split="test")
