"""Names, order of the sources, missing data, and tensors that nobody else can spoil."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from data_makers import random_pixels, write_idx_pair

from advmi_core import data, paths
from advmi_core.data.embed import embed, main
from advmi_core.data.readers import idx


@pytest.mark.parametrize(("split", "each"), [("train", 200), ("test", 100)])
def test_embedded_subset_is_balanced_and_says_so(split: str, each: int) -> None:
    images = data.load("fashion-mnist", split=split)
    assert images.x.shape == (10 * each, 1, 28, 28)
    assert images.x.dtype == torch.float32
    assert images.y.dtype == torch.int64
    assert (float(images.x.min()), float(images.x.max())) == (0.0, 1.0)
    assert images.y.bincount().tolist() == [each] * 10
    assert (images.source, images.subset, images.name, images.split) == (
        "embedded",
        True,
        "fashion-mnist",
        split,
    )
    assert images.classes[9] == "Ankle boot"


def test_embedded_files_are_those_of_the_checksums() -> None:
    folder = paths.assets() / "data" / "fashion-mnist"
    note = (folder / "SOURCE.md").read_text(encoding="utf-8")
    files = sorted(folder.glob("*.gz"))
    assert len(files) == 4
    for path in files:
        assert f"| {path.name} | `{hashlib.sha256(path.read_bytes()).hexdigest()}` |" in note
    assert "Zalando" in (folder / "LICENSE.txt").read_text(encoding="utf-8")


def _fashion(folder: Path, value: int, count: int = 3) -> None:
    images = np.full((count, 28, 28), value, np.uint8)
    write_idx_pair(folder / "fashion-mnist", "t10k", images, np.arange(count, dtype=np.uint8))


@pytest.mark.filterwarnings("ignore:ADVMI_DATA does not serve")
def test_sources_are_asked_in_order(root: Path) -> None:
    assert data.load("fashion-mnist", split="test").source == "embedded"
    _fashion(paths.cache() / "data", 51)
    assert data.load("fashion-mnist", split="test").source == "cache"
    _fashion(root, 102)
    own = data.load("fashion-mnist", split="test")
    assert own.source == "ADVMI_DATA"
    assert torch.all(own.x == torch.tensor(102 / 255))
    assert data.load("fashion-mnist", split="train").source == "embedded"


def test_changed_files_are_read_again(root: Path) -> None:
    _fashion(root, 102)
    data.load("fashion-mnist", split="test")
    _fashion(root, 0, count=4)
    assert float(data.load("fashion-mnist", split="test").x.max()) == 0.0


def test_a_damaged_source_is_an_error_and_not_passed_over(root: Path) -> None:
    _fashion(root, 102)
    (root / "fashion-mnist" / "t10k-images-idx3-ubyte.gz").write_bytes(b"not gzip")
    with pytest.raises(ValueError, match="t10k-images"):
        data.load("fashion-mnist", split="test")


def test_changing_the_tensors_changes_nothing_for_others() -> None:
    first = data.load("fashion-mnist", split="test")
    kept = first.x.clone()
    first.x.zero_()
    first.y.zero_()
    again = data.load("fashion-mnist", split="test")
    assert torch.equal(again.x, kept)
    assert again.y.bincount().tolist() == [100] * 10


@pytest.mark.parametrize("name", [n for n in data.NAMES if n != "fashion-mnist"])
@pytest.mark.parametrize("split", data.SPLITS)
def test_missing_data_says_where_it_looked_and_what_to_do(name: str, split: str) -> None:
    with pytest.raises(data.DataNotFoundError) as caught:
        data.load(name, split=split)
    message = str(caught.value)
    assert isinstance(caught.value, FileNotFoundError)
    assert f"{name} (split {split})" in message
    assert "ADVMI_DATA: not set" in message
    assert str(paths.cache() / "data") in message
    assert (data.CATALOG[name].origin or f"advmi data get {name}")[1:] in message


def test_missing_folder_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ADVMI_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(data.DataNotFoundError, match=r"nowhere \(no such folder\)"):
        data.load("mnist", split="test")


def test_mnist_without_its_training_split(root: Path) -> None:
    write_idx_pair(root / "mnist", "t10k", random_pixels(4, 28, 28), np.zeros(4, np.uint8))
    assert len(data.load("mnist", split="test")) == 4
    with pytest.raises(data.DataNotFoundError, match="train-images-idx3-ubyte"):
        data.load("mnist", split="train")


def test_unknown_name_and_split_list_the_known_ones() -> None:
    with pytest.raises(
        ValueError, match=r"fashion-mnist, mnist, cifar10, svhn, tiny-imagenet, mice-protein, got 'imagenet'"
    ):
        data.load("imagenet", split="test")
    with pytest.raises(ValueError, match="train, test, got 'val'"):
        data.load("fashion-mnist", split="val")
    with pytest.raises(ValueError, match="fashion-mnist"):
        data.available("imagenet")


def test_available_tells_each_source_apart(root: Path) -> None:
    _fashion(root, 5)
    rows = {(row.split, row.source): row for row in data.available("fashion-mnist")}
    assert len(rows) == 6
    assert rows["test", "ADVMI_DATA"].used
    assert len(rows["test", "ADVMI_DATA"].files) == 2
    assert not rows["train", "ADVMI_DATA"].found
    assert not rows["test", "embedded"].used
    assert rows["train", "embedded"].used
    assert "subset" in rows["train", "embedded"].note


def test_take_keeps_the_rest_and_checks_its_indices() -> None:
    images = data.load("fashion-mnist", split="test")
    few = images.take([5, 2, 5])
    assert torch.equal(few.x, images.x[[5, 2, 5]])
    assert few.y.tolist() == images.y[[5, 2, 5]].tolist()
    assert (few.name, few.source, few.classes) == (images.name, images.source, images.classes)
    assert len(images.take([])) == 0
    for wrong in ([1000], [-1], [0.5], [[1, 2]], [True]):
        with pytest.raises(ValueError, match="indices"):
            images.take(wrong)


def test_embed_makes_the_same_bytes_from_the_same_files(tmp_path: Path) -> None:
    labels = np.random.default_rng(1).permutation(np.repeat(np.arange(10, dtype=np.uint8), 230))
    images = random_pixels(len(labels), 28, 28)
    write_idx_pair(tmp_path / "published", "train", images, labels)
    write_idx_pair(tmp_path / "published", "t10k", images[::-1].copy(), labels[::-1].copy(), zipped=False)
    outputs = []
    for name in ("one", "two"):
        main(["--source", str(tmp_path / "published"), "--target", str(tmp_path / name)])
        outputs.append({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()})
    assert outputs[0] == outputs[1]
    assert len(outputs[0]) == 6
    kept = np.sort(np.concatenate([np.flatnonzero(labels == c)[:200] for c in range(10)]))
    assert (idx.read_array(tmp_path / "one" / "train-images-idx3-ubyte.gz", 3) == images[kept]).all()


def test_embed_wants_all_files_and_enough_images(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="dataset-fashion-mnist"):
        embed(tmp_path, tmp_path / "out")
    write_idx_pair(tmp_path, "train", random_pixels(20, 28, 28), np.arange(20, dtype=np.uint8) % 10)
    with pytest.raises(ValueError, match="at least 200 images, one has 2"):
        embed(tmp_path, tmp_path / "out")
