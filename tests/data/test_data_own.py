"""Class folders of one's own in ADVMI_DATA are a data set by the folder's name."""

from __future__ import annotations

from pathlib import Path

import pytest
from data_makers import png, random_pixels, write_tree, write_zip

from advmi_core import data
from advmi_core.ui import resources


def _files(*shape: int, each: int = 3) -> dict[str, bytes]:
    return {
        f"{split}/{name}/{number}.png": png(random_pixels(*shape, seed=number))
        for split in ("train", "test")
        for name in ("cats", "dogs")
        for number in range(each)
    }


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ADVMI_DATA", str(tmp_path))
    return tmp_path


@pytest.mark.fault("P14")
def test_a_folder_and_a_zip_are_found_read_and_offered_by_name(place: Path) -> None:
    write_tree(place / "pets", _files(28, 28))
    write_zip(place / "paintings.zip", _files(32, 32, 3, each=2))
    write_tree(place / "wide", _files(20, 40, 3))
    found = data.own_sets()
    assert {name: own.shape for name, own in found.items()} == {
        "pets": (1, 28, 28), "paintings": (3, 32, 32), "wide": (3, 20, 40),
    }  # fmt: skip
    assert found["paintings"].sizes == {"train": 4, "test": 4}
    images = data.load("pets", "train")
    assert (images.name, images.classes, tuple(images.x.shape)) == ("pets", ("cats", "dogs"), (6, 1, 28, 28))
    offered = resources.picture_sets()
    assert next(iter(offered)) == "fashion-mnist"
    assert {"pets", "paintings"} <= offered.keys()
    assert "wide" not in offered  # no autoencoder takes that size
    assert resources.training_images("paintings") == 4


def test_what_is_no_such_data_set_is_none(place: Path) -> None:
    write_tree(place / "cifar10", {name: png(random_pixels(32, 32, 3)) for name in _files(32, 32, 3)})
    write_tree(place / "half", {name: raw for name, raw in _files(28, 28).items() if "train" in name})
    (place / "broken.zip").write_bytes(b"PK no zip")
    (place / "notes.txt").write_text("nothing")
    assert data.own_sets() == {}
    with pytest.raises(ValueError, match="data set must be one of"):
        data.load("half")
