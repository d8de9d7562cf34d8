"""Damaged files of every format: a data set or one ValueError that names the file, and never slowly."""

from __future__ import annotations

import gzip
import io
import shutil
import tarfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from data_makers import class_files, encode, idx_bytes, random_pixels, write_zip
from PIL import Image

from advmi_core import data
from advmi_core.data.image_set import Pixels
from advmi_core.data.readers import cifar, idx, matlab, mice, svhn
from advmi_core.data.uploads.tree import open_tree

MUTATIONS = 300
SECONDS = 0.5  # of CPU time for one file of a few KB; the slowest of thousands took 0.02 s


def _idx(folder: Path) -> Callable[[Path], object]:
    (folder / "file").write_bytes(gzip.compress(idx_bytes(random_pixels(4, 28, 28))))
    (folder / "labels").write_bytes(idx_bytes(np.arange(4, dtype=np.uint8)))
    return lambda path: idx.read_images(path, folder / "labels")


def _cifar(folder: Path) -> Callable[[Path], object]:
    with tarfile.open(folder / "file", "w:gz") as archive:
        for name in ("readme.html", "test_batch.bin"):
            member = tarfile.TarInfo(f"{cifar.FOLDER}/{name}")
            member.size = 3073 * 2
            archive.addfile(member, io.BytesIO(bytes([3]) + random_pixels(6145).tobytes()))
    return lambda path: cifar.read_archive(path, "test")


def _svhn(compressed: bool) -> Callable[[Path], Callable[[Path], object]]:
    def write(folder: Path) -> Callable[[Path], object]:
        arrays = {"X": random_pixels(32, 32, 3, 2), "y": np.array([[1], [10]], np.uint8)}
        scipy.io.savemat(folder / "file.mat", arrays, do_compression=compressed)
        shutil.move(folder / "file.mat", folder / "file")
        return svhn.read_mat

    return write


def _mice(folder: Path) -> Callable[[Path], object]:
    values = ",".join(f"{value:.3f}" for value in np.linspace(0, 2, mice.COLUMNS))
    rows = [f"{i}_1,{values},a,b,c,{mice.CLASSES[i % 2]}" for i in range(12)]
    (folder / "file").write_text("\n".join(["header", *rows]))
    return lambda path: mice.read_csv(path, "train")


def _zip(folder: Path) -> Callable[[Path], object]:
    write_zip(folder / "file", class_files(("a", "b"), 2, 8))
    return lambda path: data.load_folder(path, "train")


READERS = {
    "idx": _idx,
    "cifar": _cifar,
    "svhn": _svhn(False),
    "svhn compressed": _svhn(True),
    "mice": _mice,
    "zip": _zip,
}


def mutated(raw: bytes, draw: np.random.Generator) -> bytes:
    """A few bytes changed, half the time in the head; some files also cut or doubled in part."""
    spoilt = bytearray(raw)
    reach = len(raw) if draw.integers(2) else min(len(raw), 400)
    for place in draw.integers(0, reach, draw.integers(1, 5)):
        spoilt[place] = draw.integers(256)
    if not draw.integers(8):
        spoilt = spoilt[: draw.integers(len(spoilt))]
    if not draw.integers(8):
        spoilt += spoilt[draw.integers(len(raw) // 2) :]
    return bytes(spoilt)


@pytest.mark.fault("L3")
@pytest.mark.fault("L4")
@pytest.mark.fault("L5")
@pytest.mark.parametrize("kind", READERS)
@pytest.mark.filterwarnings("ignore")
def test_damaged_file_is_read_or_refused_in_one_sentence(tmp_path: Path, kind: str) -> None:
    read, path = READERS[kind](tmp_path), tmp_path / "file"
    assert read(path) is not None
    raw, draw, slowest = path.read_bytes(), np.random.default_rng(18), 0.0
    refused: list[str] = []
    for _ in range(MUTATIONS):
        path.write_bytes(mutated(raw, draw))
        start = time.process_time()
        try:
            result = read(path)
        except ValueError as error:
            refused.append(str(error))
        else:
            assert isinstance(result, Pixels | data.ImageSet)
        slowest = max(slowest, time.process_time() - start)
    assert len(refused) > MUTATIONS // 10
    assert all(str(path) in sentence and "\n" not in sentence for sentence in refused)
    assert slowest < SECONDS


@pytest.mark.fault("L2")
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "progressive", "WEBP", "BMP"])
def test_damaged_picture_is_decoded_or_refused(kind: str) -> None:
    options = {"format": "JPEG", "progressive": True} if kind == "progressive" else {"format": kind}
    buffer = io.BytesIO()
    Image.fromarray(random_pixels(48, 48, 3)).save(buffer, **options)
    draw, slowest = np.random.default_rng(18), 0.0
    refused: list[str] = []
    for _ in range(MUTATIONS):
        raw, start = mutated(buffer.getvalue(), draw), time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                assert data.decode_image(raw, (1, 28, 28)).x.shape == (1, 1, 28, 28)
            except ValueError as error:
                refused.append(str(error))
        slowest = max(slowest, time.process_time() - start)
    assert refused
    assert not any("\n" in sentence for sentence in refused)
    assert slowest < 2.0  # a damaged size may claim up to 25 megapixels


@pytest.mark.fault("L3")
@pytest.mark.parametrize("place", [145, 184, 185])
def test_single_bytes_that_ended_the_process(tmp_path: Path, place: int) -> None:
    path = tmp_path / "x.mat"
    scipy.io.savemat(path, {"X": random_pixels(32, 32, 3, 2), "y": np.array([[1], [2]])})
    raw, refused = path.read_bytes(), []
    for value in range(256):
        path.write_bytes(raw[:place] + bytes([value]) + raw[place + 1 :])
        try:
            assert svhn.read_mat(path).images.shape == (2, 3, 32, 32)
        except ValueError as error:
            refused.append(str(error))
    assert refused
    assert all(str(path) in sentence for sentence in refused)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["u1", "i2", "i4", "f4", "f8", "u8"])
def test_arrays_are_those_that_were_written(tmp_path: Path, kind: str, order: str) -> None:
    array = np.random.default_rng(0).integers(0, 100, (3, 4, 5)).astype(order + kind)
    path = tmp_path / "x.mat"
    scipy.io.savemat(path, {"note": "text", "a": array, "b": array[:1, :1]}, do_compression=order == "<")
    with path.open("rb") as stream:
        file = matlab.MatFile(stream)
        found = file.variables()
        assert found["note"].kind == "text"
        assert (file.read(found["a"]) == array).all()
        assert (file.read(found["b"]) == array[:1, :1]).all()


@pytest.mark.fault("L17")
@pytest.mark.parametrize(
    "labels", [np.array(["a", "b"]), np.array([["x"], [3]], object), np.array([[1.5], [2]])]
)
def test_labels_that_are_no_numbers_are_refused_with_the_file(root: Path, labels: np.ndarray) -> None:
    path = root / "test_32x32.mat"
    scipy.io.savemat(path, {"X": random_pixels(32, 32, 3, 2), "y": labels})
    with pytest.raises(ValueError, match="whole numbers") as caught:
        data.load("svhn", split="test")
    assert str(path) in str(caught.value)


def test_a_path_that_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="/dev/null must be a folder or a zip"), open_tree(Path("/dev/null")):
        pass
    (tmp_path / "x.png").write_bytes(encode(Image.fromarray(random_pixels(8, 8))))
    with pytest.raises(ValueError, match=r"a zip file that can be read"):
        data.load_folder(tmp_path / "x.png")
