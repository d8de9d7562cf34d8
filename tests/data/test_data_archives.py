"""Class folders and zips, CIFAR's binary version, SVHN, Tiny-ImageNet."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from data_makers import class_files, encode, png, random_pixels, write_tree, write_zip
from PIL import Image

from advmi_core import data
from advmi_core.data.uploads import tree

CIFAR = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


@pytest.mark.parametrize("kind", ["zip", "folder"])
def test_cifar_pictures_in_canonical_order_and_in_turns(root: Path, kind: str) -> None:
    files = class_files(CIFAR[::-1], 12, 32)
    if kind == "zip":
        write_zip(root / "cifar10-jpeg.zip", files)
    else:
        write_tree(root / "cifar10", files)
    images = data.load("cifar10", split="train")
    assert images.classes == CIFAR
    assert images.y.tolist() == list(range(10)) * 12
    pixels = (images.x[:, :, 0, 0] * 255).round().int()
    assert pixels[:, 0].tolist() == list(range(9, -1, -1)) * 12
    assert pixels[:, 1].tolist() == [i for i in range(12) for _ in range(10)]
    assert images.subset


def test_cifar_zip_must_have_its_split_and_size(root: Path) -> None:
    path = root / "cifar10-jpeg.zip"
    write_zip(path, class_files(CIFAR[:-1], 1, 32))
    assert data.load("cifar10", split="train").y.tolist() == list(range(9))
    with pytest.raises(ValueError, match="test/airplane/"):
        data.load("cifar10", split="test")
    write_zip(path, class_files(CIFAR, 1, 31))
    with pytest.raises(ValueError, match=r"train/airplane/0.png: .*32×32 pixels, got 31×31"):
        data.load("cifar10", split="train")


def _records(labels: list[int], seed: int) -> tuple[bytes, np.ndarray]:
    pixels = random_pixels(len(labels), 3, 32, 32, seed=seed)
    return b"".join(
        bytes([label]) + image.tobytes() for label, image in zip(labels, pixels, strict=True)
    ), pixels


def _cifar_binary() -> tuple[dict[str, bytes], np.ndarray]:
    files, pixels = {}, []
    for n in range(1, 6):
        files[f"cifar-10-batches-bin/data_batch_{n}.bin"], part = _records([n, 0], seed=n)
        pixels.append(part)
    files["cifar-10-batches-bin/test_batch.bin"], _ = _records([9], seed=9)
    return files, np.concatenate(pixels)


def _tar(path: Path, files: dict[str, bytes]) -> None:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


@pytest.mark.parametrize("kind", ["folder", "archive"])
def test_cifar_binary_version(root: Path, kind: str) -> None:
    files, pixels = _cifar_binary()
    if kind == "folder":
        write_tree(root, files)
    else:
        _tar(root / "cifar-10-binary.tar.gz", files)
    images = data.load("cifar10", split="train")
    assert images.y.tolist() == [1, 0, 2, 0, 3, 0, 4, 0, 5, 0]
    assert (images.x.numpy() == pixels.astype(np.float32) / 255).all()
    assert data.load("cifar10", split="test").y.tolist() == [9]


def test_damaged_cifar_binary(root: Path) -> None:
    files, _ = _cifar_binary()
    files["cifar-10-batches-bin/data_batch_3.bin"] += b"x"
    write_tree(root, files)
    with pytest.raises(ValueError, match=r"data_batch_3.bin .*3073 bytes, got 6,147"):
        data.load("cifar10", split="train")


def test_damaged_cifar_archive(root: Path) -> None:
    files, _ = _cifar_binary()
    path = root / "cifar-10-binary.tar.gz"
    _tar(path, files)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(ValueError, match="binary archive"):
        data.load("cifar10", split="test")
    _tar(path, {"other": b"1"})
    with pytest.raises(ValueError, match=r"must hold cifar-10-batches-bin/test_batch.bin"):
        data.load("cifar10", split="test")


def test_pickled_cifar_is_left_closed_and_the_message_says_why(root: Path) -> None:
    (root / "cifar-10-batches-py").mkdir()
    with pytest.raises(data.DataNotFoundError, match=r"pickles.*cifar-10-binary.tar.gz"):
        data.load("cifar10", split="train")
    assert any("pickles" in row.note for row in data.available("cifar10") if row.source == "ADVMI_DATA")


@pytest.mark.parametrize("folder", ["svhn", "SVHN", "."])
@pytest.mark.parametrize("compressed", [True, False])
def test_svhn(root: Path, folder: str, compressed: bool) -> None:
    x = random_pixels(32, 32, 3, 4)
    (root / folder).mkdir(exist_ok=True)
    path = root / folder / "test_32x32.mat"
    scipy.io.savemat(path, {"X": x, "y": np.array([[1], [10], [9], [2]])}, do_compression=compressed)
    images = data.load("svhn", split="test")
    assert images.y.tolist() == [1, 0, 9, 2]
    assert images.x.shape == (4, 3, 32, 32)
    assert float(images.x[2, 1, 5, 7]) == np.float32(x[5, 7, 1, 2]) / np.float32(255)


def test_damaged_svhn(root: Path) -> None:
    path = root / "train_32x32.mat"
    path.write_bytes(b"no matlab file" * 20)
    with pytest.raises(ValueError, match=r"train_32x32\.mat"):
        data.load("svhn", split="train")
    scipy.io.savemat(path, {"X": np.zeros((32, 32, 3, 2), np.uint8), "y": np.zeros((3, 1))})
    with pytest.raises(ValueError, match=r"must hold X \(32,32,3,N\)"):
        data.load("svhn", split="train")
    scipy.io.savemat(path, {"X": np.zeros((32, 32, 3, 2)), "y": np.ones((2, 1))})
    with pytest.raises(ValueError, match="uint8"):
        data.load("svhn", split="train")
    scipy.io.savemat(path, {"X": random_pixels(32, 32, 3, 50), "y": np.ones((50, 1))}, do_compression=True)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(ValueError, match=r"train_32x32\.mat"):
        data.load("svhn", split="train")


def _tiny() -> dict[str, bytes]:
    ids = [f"n{i:08d}" for i in (7, 3, 5)]
    files = {
        "wnids.txt": "\n".join(ids).encode(),
        "words.txt": b"n00000003\tcrane, bird\nn00000005\tcrane, machine\nn00000007\tgoldfish, carp\n",
        "val/val_annotations.txt": f"val_1.JPEG\t{ids[2]}\t0\t0\nval_0.JPEG\t{ids[0]}\t0\t0\n".encode(),
    }
    for label, wnid in enumerate(ids):
        for i in (10, 2):
            picture = Image.new("RGB", (64, 64), (label * 40, i * 10, 128))
            files[f"train/{wnid}/images/{wnid}_{i}.JPEG"] = encode(picture, "JPEG", quality=95)
        files[f"train/{wnid}/{wnid}_boxes.txt"] = b"boxes"
    files["val/images/val_0.JPEG"] = encode(Image.new("L", (64, 64), 200), "JPEG")
    files["val/images/val_1.JPEG"] = encode(Image.new("RGB", (64, 64), (9, 9, 9)), "JPEG")
    return files


@pytest.mark.parametrize("kind", ["zip", "subset zip", "folder"])
def test_tiny_imagenet(root: Path, kind: str) -> None:
    if kind == "folder":
        write_tree(root / "tiny-imagenet-200", _tiny())
    else:
        name = "tiny-imagenet-200.zip" if kind == "zip" else "tiny-imagenet-200-subset.zip"
        write_zip(root / name, {f"tiny-imagenet-200/{path}": raw for path, raw in _tiny().items()})
    train = data.load("tiny-imagenet", split="train")
    assert train.classes == ("goldfish", "crane, bird", "crane, machine")
    assert train.y.tolist() == [0, 1, 2, 0, 1, 2]
    assert float(train.x[0, 1].mean()) * 255 == pytest.approx(20, abs=2)
    assert float(train.x[3, 1].mean()) * 255 == pytest.approx(100, abs=2)
    val = data.load("tiny-imagenet", split="test")
    assert val.y.tolist() == [2, 0]
    assert val.x.shape == (2, 3, 64, 64)
    assert float(val.x[1].mean()) * 255 == pytest.approx(200, abs=2)


@pytest.mark.parametrize(
    ("lost", "message"),
    [("wnids.txt", "wnids.txt"), ("val/images/val_0.JPEG", "lacks .*val_0"), ("words.txt", "words.txt")],
)
def test_incomplete_tiny_imagenet(root: Path, lost: str, message: str) -> None:
    files = _tiny()
    del files[lost]
    write_zip(root / "tiny-imagenet-200.zip", files)
    with pytest.raises(ValueError, match=message):
        data.load("tiny-imagenet", split="test")


def test_tiny_imagenet_label_that_no_list_knows(root: Path) -> None:
    files = _tiny() | {"val/val_annotations.txt": b"val_0.JPEG\tn99999999\n"}
    write_zip(root / "tiny-imagenet-200.zip", files)
    with pytest.raises(ValueError, match="n99999999"):
        data.load("tiny-imagenet", split="test")


def test_own_folder_and_zip_around_it(tmp_path: Path) -> None:
    files = class_files(("b", "a"), 3, 8)
    folder = data.load_folder(write_tree(tmp_path / "pets", files), "train")
    wrapped = {f"pets/{name}": raw for name, raw in files.items()} | {"__MACOSX/train/a/._0.png": b"x"}
    zipped = data.load_folder(write_zip(tmp_path / "pets.zip", wrapped), "train")
    for images in (folder, zipped):
        assert images.classes == ("a", "b")
        assert images.y.tolist() == [0, 1, 0, 1, 0, 1]
        assert images.x.shape == (6, 3, 8, 8)
        assert (images.x[:, 0, 0, 0] * 255).round().tolist() == [1, 0] * 3
        assert (images.name, images.split, images.source) == ("pets", "train", "folder")


def test_own_folder_without_splits_in_another_shape(tmp_path: Path) -> None:
    files = {"cat/1.png": png(random_pixels(20, 30)), "dog/1.jpg": encode(Image.new("RGB", (9, 9)), "JPEG")}
    images = data.load_folder(write_tree(tmp_path / "pets", files), None, shape=(1, 16, 16))
    assert images.x.shape == (2, 1, 16, 16)
    with pytest.raises(ValueError, match=r"dog/1.jpg: .*30×20 pixels, got 9×9"):
        data.load_folder(tmp_path / "pets")


def test_splits_are_never_mixed(tmp_path: Path) -> None:
    both = class_files(("a",), 2, 8) | class_files(("a",), 3, 8, "test")
    write_tree(tmp_path / "pets", both)
    assert len(data.load_folder(tmp_path / "pets", "test")) == 3
    with pytest.raises(ValueError, match="pictures in CLASS/"):
        data.load_folder(tmp_path / "pets")


def test_new_picture_in_an_own_folder_is_seen(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "pets", class_files(("a",), 1, 8))
    assert len(data.load_folder(root, "train")) == 1
    write_tree(root, {"train/a/9.png": png(random_pixels(8, 8, 3))})
    assert len(data.load_folder(root, "train")) == 2


def test_own_folder_errors(tmp_path: Path) -> None:
    with pytest.raises(data.DataNotFoundError, match="does not exist"):
        data.load_folder(tmp_path / "nowhere", "train")
    write_tree(tmp_path / "pets", class_files(("a",), 1, 8))
    with pytest.raises(ValueError, match="pictures in test/CLASS/"):
        data.load_folder(tmp_path / "pets", "test")
    with pytest.raises(ValueError, match=r"shape must be \(C,H,W\)"):
        data.load_folder(tmp_path / "pets", "train", shape=(3, 0, 8))
    (tmp_path / "text.zip").write_bytes(b"no zip")
    with pytest.raises(ValueError, match="zip file that can be read"):
        data.load_folder(tmp_path / "text.zip", "train")
    write_zip(tmp_path / "broken.zip", {"train/a/0.png": png(random_pixels(8, 8))[:-40]})
    with pytest.raises(ValueError, match=r"broken.zip: train/a/0.png: the PNG picture is damaged"):
        data.load_folder(tmp_path / "broken.zip", "train")


def test_zip_with_a_wrong_checksum(tmp_path: Path) -> None:
    path = tmp_path / "pets.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("train/a/0.png", png(random_pixels(8, 8)))
    content = bytearray(path.read_bytes())
    content[80] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"train/a/0.png cannot be unpacked: Bad CRC"):
        data.load_folder(path, "train")


def test_zip_bombs_are_refused_before_anything_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("train/a/0.png", bytes(50 << 20))
    with pytest.raises(ValueError, match="at most 10 MB, it says 52,428,800 bytes"):
        data.load_folder(path, "train")
    monkeypatch.setattr(tree, "MAX_TOTAL", 1 << 20)
    with pytest.raises(ValueError, match="at most 200,000 files and 0 GiB unpacked"):
        data.load_folder(path, "train", shape=(3, 8, 8))
    monkeypatch.setattr(tree, "MAX_FILES", 2)
    write_zip(path, class_files(("a",), 3, 8))
    with pytest.raises(ValueError, match="at most 2 files"):
        data.load_folder(path, "train", shape=(3, 8, 8))


def test_nothing_is_written_outside_a_zip(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    picture = png(random_pixels(8, 8))
    write_zip(inside / "slip.zip", {"../../train/a/0.png": picture, "train/a/1.png": picture})
    assert len(data.load_folder(inside / "slip.zip", "train")) == 1
    assert [path.name for path in tmp_path.rglob("*.png")] == []
