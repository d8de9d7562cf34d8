"""Pictures of one's own in every arrangement, cut to the shape of a model."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
import torch
from data_makers import class_files, png, random_pixels, write_idx_pair, write_tree, write_zip

from advmi_core import data
from advmi_core.data import own, own_files

SHAPE = (3, 16, 16)


@pytest.fixture(autouse=True)
def _nothing_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(own.VARIABLE, "")


def test_class_folders_of_any_size_are_cut_to_the_models_shape(tmp_path: Path) -> None:
    files = {
        f"{name}/{i}.png": png(random_pixels(20 + i, 40, 3)) for name in ("cat", "dog") for i in range(3)
    }
    folder = data.register(write_tree(tmp_path / "my pets", files))
    zipped = data.register(write_zip(tmp_path / "my pets.zip", files))
    assert (folder.name, zipped.name) == ("own-my-pets", "own-my-pets-2")
    assert (dict(folder.sizes), folder.classes, folder.shape) == ({"test": 6}, ("cat", "dog"), (3, 20, 40))
    images = data.load("own-my-pets", shape=SHAPE)
    assert (images.x.shape, images.y.tolist(), images.files[:2]) == (
        (6, *SHAPE), [0, 1, 0, 1, 0, 1], ("cat/0.png", "dog/0.png")
    )  # fmt: skip
    assert torch.equal(data.load("own-my-pets-2", shape=SHAPE).x, images.x)
    assert len(data.load("own-my-pets", shape=SHAPE, limit=2)) == 2
    whole = data.original(images, 1)
    assert whole is not None
    assert (whole.size, whole.crop, whole.x.shape) == ((40, 20), (10, 0, 30, 20), (1, *SHAPE))
    assert torch.equal(whole.x[0], images.x[1])
    with pytest.raises(ValueError, match="has no train split"):
        data.load("own-my-pets", split="train")


def test_splits_share_the_labels_of_their_classes(tmp_path: Path) -> None:
    files = class_files(("a", "b", "c"), 2, 8) | class_files(("c",), 1, 8, split="test")
    own_set = data.register(write_tree(tmp_path / "set", files))
    assert dict(own_set.sizes) == {"train": 6, "test": 1}
    assert data.load(own_set.name, "test").y.tolist() == [2]


def test_one_class_two_hundred_classes_and_none(tmp_path: Path) -> None:
    one = data.register(write_tree(tmp_path / "one", {"cat/0.png": png(random_pixels(8, 8))}))
    assert data.load(one.name).classes == ("cat",)
    none = data.register(write_tree(tmp_path / "none", {"0.png": png(random_pixels(8, 8))}))
    assert data.load(none.name).classes == (data.UNLABELLED,)
    many = {f"{label:03d}/0.png": png(random_pixels(4, 4)) for label in range(200)}
    all_of_them = data.load(data.register(write_tree(tmp_path / "many", many)).name, shape=(1, 4, 4))
    assert all_of_them.y.tolist() == list(range(200))


def test_a_broken_picture_is_left_out_and_told(tmp_path: Path) -> None:
    files = {
        "a/0.png": png(random_pixels(8, 8, 3)),
        "a/1.png": b"no picture",
        "b/0.png": png(random_pixels(8, 8, 3)),
    }
    images = data.load(data.register(write_tree(tmp_path / "set", files)).name, shape=SHAPE)
    assert (images.y.tolist(), images.files) == ([0, 1], ("a/0.png", "b/0.png"))
    assert images.notes == (
        "1 of 3 pictures cannot be read and are left out: a/1.png (the picture must be a readable PNG, JPEG, "
        "WebP or BMP file).",
    )
    alone = data.register(write_tree(tmp_path / "broken", {"a/0.png": b"no picture"}))
    with pytest.raises(ValueError, match="no picture that can be read"):
        data.load(alone.name)


def test_what_does_not_fit_the_memory_is_taken_in_part_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_files, "MAX_VALUES", 5 * 8 * 8)
    own_set = data.register(
        write_tree(tmp_path / "set", {f"a/{i}.png": png(random_pixels(8, 8)) for i in range(9)})
    )
    images = data.load(own_set.name, shape=(1, 8, 8))
    assert (len(images), images.subset) == (5, True)
    assert "Of 9 pictures the first 5 are taken" in images.notes[0]
    assert data.load(own_set.name, shape=(1, 8, 8), limit=5).notes == ()


def test_named_images_too_large_for_the_memory_are_taken_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_files, "MAX_VALUES", 7 * 3 * 32 * 32)
    images = data.load("fashion-mnist", shape=(3, 32, 32))
    assert len(images) == 7
    assert "Of 1,000 images the first 7 are taken" in " ".join(images.notes)


def test_labels_from_a_csv(tmp_path: Path) -> None:
    pictures = {f"photos/{i}.png": png(random_pixels(8, 8)) for i in range(3)}
    text = b"file,label\nphotos/0.png,dog\nphotos/1.png,cat\nphotos/2.png,dog\n"
    folder = write_tree(tmp_path / "set", pictures | {"labels.csv": text})
    for path in (
        folder,
        folder / "labels.csv",
        write_zip(tmp_path / "set.zip", pictures | {"labels.csv": text}),
    ):
        images = data.load(data.register(path).name)
        assert (images.classes, images.y.tolist()) == (("cat", "dog"), [0, 1, 1])
        assert images.files == ("photos/1.png", "photos/0.png", "photos/2.png")
    (folder / "labels.csv").write_text("file,label\nphotos/9.png,dog\n")
    with pytest.raises(ValueError, match="not photos/9"):
        own.described(folder / "labels.csv", "set")


def test_idx_files(tmp_path: Path) -> None:
    write_idx_pair(tmp_path / "set", "t10k", random_pixels(4, 9, 9), np.arange(4, dtype=np.uint8))
    for path in (tmp_path / "set", tmp_path / "set" / "t10k-images-idx3-ubyte.gz"):
        own_set = data.register(path)
        assert (dict(own_set.sizes), own_set.shape, own_set.classes) == (
            {"test": 4},
            (1, 9, 9),
            tuple("0123"),
        )
        assert data.load(own_set.name, shape=(3, 12, 12)).x.shape == (4, 3, 12, 12)


def test_images_of_a_named_set_are_brought_to_the_models_shape() -> None:
    grey = data.load("fashion-mnist", limit=3)
    images = data.load("fashion-mnist", shape=(3, 56, 56), limit=3)
    assert images.x.shape == (3, 3, 56, 56)
    assert "28×28 grey pixels" in images.notes[0]
    small = torch.nn.functional.interpolate(images.x.mean(1, keepdim=True), size=28, mode="area")
    assert float((small - grey.x).abs().mean()) < 0.02


def test_nothing_there_gets_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="holds no picture"):
        data.register(tmp_path / "empty")
    with pytest.raises(ValueError, match="does not exist"):
        data.register(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="was not started with"):
        data.load("own-somebodys")
    with pytest.raises(ValueError, match="data set must be one of"):
        data.load(str(tmp_path))


def test_the_photographs_come_with_their_classes() -> None:
    images = data.load(data.PHOTOGRAPHS)
    assert images.x.shape == (3, 3, 224, 224)
    assert images.source == "embedded"
    assert set(images.classes) <= set(data.imagenet_classes())
    assert len(set(data.imagenet_classes())) == 1000
    assert [choice.name for choice in data.choices()] == ["fashion-mnist", "photographs"]


def test_an_entry_point_of_a_package_is_a_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tree(tmp_path / "theirs", {"cat/0.png": png(random_pixels(8, 8))})
    (tmp_path / "somebodys_data.py").write_text(f"def place():\n    return {str(tmp_path / 'theirs')!r}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    point = metadata.EntryPoint("theirs", "somebodys_data:place", own.GROUP)
    monkeypatch.setattr(own, "entry_points", lambda: {point.name: point})
    assert data.load("theirs").classes == ("cat",)
    assert "theirs" in data.own_sets()
