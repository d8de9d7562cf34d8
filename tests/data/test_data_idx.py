"""IDX files: what is written is read, and every kind of damage is one clear error."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from data_makers import idx_bytes, random_pixels, write_idx_pair

from advmi_core import data
from advmi_core.data.readers import idx


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("folder", ["fashion-mnist", "FashionMNIST/raw"])
def test_named_set_is_read_plain_and_gzipped(root: Path, folder: str, zipped: bool) -> None:
    images, labels = random_pixels(12, 28, 28), np.arange(12, dtype=np.uint8) % 10
    write_idx_pair(root / folder, "train", images, labels, zipped)
    loaded = data.load("fashion-mnist", split="train")
    assert loaded.source == "ADVMI_DATA"
    assert loaded.subset
    assert (loaded.x[:, 0].numpy() == images.astype(np.float32) / 255).all()
    assert loaded.y.tolist() == labels.tolist()


def test_written_file_is_read_back_and_has_the_same_bytes_each_time(tmp_path: Path) -> None:
    array = random_pixels(3, 4, 5)
    idx.write_array(tmp_path / "a.gz", array)
    idx.write_array(tmp_path / "b.gz", array)
    assert (idx.read_array(tmp_path / "a.gz", 3) == array).all()
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()
    assert gzip.decompress((tmp_path / "a.gz").read_bytes()) == idx_bytes(array)


WHOLE = idx_bytes(random_pixels(2, 3, 3))
DAMAGE = {
    "cut": (gzip.compress(WHOLE)[:-12], "cannot be read as IDX"),
    "no gzip": (b"hello", "starts with 68 65 6c 6c"),
    "flipped": (gzip.compress(WHOLE)[:20] + b"\x00\xff\x00" + gzip.compress(WHOLE)[23:], "cannot be read"),
    "short": (gzip.compress(WHOLE[:-1]), "holds only 17"),
    "long": (gzip.compress(WHOLE + b"x"), "holds more"),
    "labels": (gzip.compress(idx_bytes(np.arange(5, dtype=np.uint8))), "3 dimension"),
    "huge": (gzip.compress(bytes([0, 0, 8, 3]) + b"\xff" * 12), "1 byte and 256 MiB"),
    "empty": (gzip.compress(b""), "nothing"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_is_one_clear_error(tmp_path: Path, kind: str) -> None:
    content, message = DAMAGE[kind]
    path = tmp_path / "x-ubyte.gz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        idx.read_array(path, 3)
    assert str(path) in str(caught.value)


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    """200 MB of zeros behind a header that promises 4 bytes: reading stops at the promise."""
    path = tmp_path / "bomb.gz"
    with gzip.open(path, "wb", compresslevel=1) as stream:
        stream.write(bytes([0, 0, 8, 1, 0, 0, 0, 4]))
        for _ in range(200):
            stream.write(bytes(1 << 20))
    with pytest.raises(ValueError, match="holds more"):
        idx.read_array(path, 1)


def test_images_and_labels_must_belong_together(root: Path) -> None:
    write_idx_pair(root / "mnist", "t10k", random_pixels(4, 28, 28), np.zeros(5, np.uint8))
    with pytest.raises(ValueError, match=r"4 images but .* 5 labels"):
        data.load("mnist", split="test")


def test_labels_must_be_classes(root: Path) -> None:
    write_idx_pair(root / "mnist", "t10k", random_pixels(4, 28, 28), np.full(4, 200, np.uint8))
    with pytest.raises(ValueError, match="labels in 0…9"):
        data.load("mnist", split="test")


def test_images_must_have_the_published_shape(root: Path) -> None:
    write_idx_pair(root / "mnist", "t10k", random_pixels(4, 27, 28), np.zeros(4, np.uint8))
    with pytest.raises(ValueError, match=r"\(1, 28, 28\), got \(1, 27, 28\)"):
        data.load("mnist", split="test")
