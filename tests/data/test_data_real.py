"""The real files, where ADVMI_DATA names them: numbers of images, balance, and known first labels."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from advmi_core import data, paths
from advmi_core.data.readers import idx

OWN = os.environ.get("ADVMI_DATA")  # read before the fixture of this folder takes it away
pytestmark = [
    pytest.mark.skipif(not OWN, reason="ADVMI_DATA is not set: no real data sets to read"),
    pytest.mark.slow,
]


@pytest.fixture(autouse=True)
def _real(alone: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADVMI_DATA", str(OWN))


def _load(name: str, split: str) -> data.ImageSet:
    try:
        images = data.load(name, split=split)
    except data.DataNotFoundError:
        pytest.skip(f"ADVMI_DATA holds no {name} ({split})")
    if images.source != "ADVMI_DATA":
        pytest.skip(f"ADVMI_DATA holds no {name} ({split})")
    return images


@pytest.mark.parametrize(
    ("name", "split", "first"),
    [
        ("fashion-mnist", "train", [9, 0, 0, 3, 0]),
        ("fashion-mnist", "test", [9, 2, 1, 1, 6]),
        ("mnist", "test", [7, 2, 1, 0, 4]),
        ("cifar10", "test", None),
        ("svhn", "test", None),
        ("tiny-imagenet", "test", None),
    ],
)
def test_published_split(name: str, split: str, first: list[int] | None) -> None:
    images = _load(name, split)
    facts = data.CATALOG[name]
    assert len(images) == facts.sizes[split]
    assert tuple(images.x.shape[1:]) == facts.shape
    assert not images.subset
    assert (float(images.x.min()), float(images.x.max())) == (0.0, 1.0)
    assert len(images.y.bincount()) == len(images.classes)
    if name in ("fashion-mnist", "cifar10", "tiny-imagenet"):
        assert len(images.y.unique(return_counts=True)[1].unique()) == 1
    if first is not None:
        assert images.y[:5].tolist() == first


@pytest.mark.parametrize(("split", "each", "stem"), [("train", 200, "train"), ("test", 100, "t10k")])
def test_embedded_subset_is_the_first_of_each_class(split: str, each: int, stem: str) -> None:
    images = _load("fashion-mnist", split)
    kept = np.sort(np.concatenate([np.flatnonzero(images.y.numpy() == c)[:each] for c in range(10)]))
    folder: Path = paths.assets() / "data" / "fashion-mnist"
    embedded = idx.read_images(
        folder / f"{stem}-images-idx3-ubyte.gz", folder / f"{stem}-labels-idx1-ubyte.gz"
    )
    assert (embedded.images == (images.x[kept].numpy() * 255).round().astype(np.uint8)).all()
    assert (embedded.labels == images.y[kept].numpy()).all()
