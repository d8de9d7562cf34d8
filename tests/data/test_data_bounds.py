"""A picture decodes within 2 s and 700 MB or is refused; an archive is refused within 2 s.

Seconds are of CPU time in a process of its own, so that a busy machine does not change the verdict. Megabytes
are what the read adds to a process that has imported AdvMI; a single picture adds at most 450.
"""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from bounds import cost
from data_makers import encode, png, random_pixels, write_zip
from PIL import Image

from advmi_core import data
from advmi_core.data.uploads import cost as picture_cost

SECONDS, MEGABYTES = 2.0, 700
PICTURE = 450  # MB: four times 4 bytes for each of 25 megapixels, as the WebP decoder holds them


def scans(side: int, count: int) -> bytes:
    """A progressive JPEG whose last scan is there ``count`` times more."""
    raw = encode(Image.new("RGB", (side, side), (90, 120, 30)), "JPEG", progressive=True)
    last = raw[raw.rfind(b"\xff\xda") : -2]
    return raw[:-2] + last * count + raw[-2:]


@pytest.mark.fault("L2")
def test_jpeg_of_five_thousand_scans_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "scans.jpg"
    path.write_bytes(scans(1200, 5000))
    read = cost("picture", path)
    assert "at most 347 scans at 1.4 megapixels" in read.seen
    assert read.seconds < 0.5
    assert read.megabytes < 50


@pytest.mark.fault("L2")
def test_scans_are_counted_as_a_decoder_meets_them() -> None:
    usual = encode(Image.fromarray(random_pixels(64, 64, 3)), "JPEG", progressive=True)
    picture_cost.check_cost(usual + b"\xff\xda" * 200_000)  # behind the end nothing counts
    inside = usual[:2] + b"\xff\xe1" + struct.pack(">H", 60_002) + b"\xff\xda" * 30_000 + usual[2:]
    picture_cost.check_cost(inside)  # nor within a segment, as a thumbnail has them
    assert data.decode_image(inside, (3, 32, 32)).size == (64, 64)
    with pytest.raises(ValueError, match=r"at most 20 scans at 25\.0 megapixels"):
        picture_cost.check_cost(claimed(5000, 5000) + b"\xff\xda\x00\x02" * 21)


def claimed(width: int, height: int) -> bytes:
    """A JPEG's start and frame header."""
    return b"\xff\xd8\xff\xc2\x00\x0b\x08" + struct.pack(">HH", height, width) + b"\x01\x01\x11\x00"


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def chunked(count: int) -> bytes:
    header, pixels = struct.pack(">IIBBBBB", 28, 28, 8, 0, 0, 0, 0), zlib.compress(bytes(29 * 28))
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    return start + chunk(b"tIME", bytes(7)) * count + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def segmented(count: int) -> bytes:
    raw = encode(Image.fromarray(random_pixels(28, 28)), "JPEG")
    return raw[:2] + b"\xff\xfe\x00\x02" * count + raw[2:]


def run_lengths(rows: int) -> bytes:
    """An 8-bit BMP of 2500 runs a row."""
    body = (b"\x02\x07" * 2500 + b"\0\0") * rows + b"\0\1"
    fields = (40, 5000, rows, 1, 8, 1, len(body), 0, 0, 256, 0)
    head = struct.pack("<IiiHHIIiiII", *fields) + bytes(1024)
    return b"BM" + struct.pack("<IHHI", 14 + len(head) + len(body), 0, 0, 14 + len(head)) + head + body


@pytest.mark.fault("L2")
@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (chunked(400_000), "at most 50,000 chunks"),
        (segmented(600_000), "at most 5,000 segments"),
        (run_lengths(900), "at most 1 MB where it is run-length coded"),
        (claimed(64, 64).replace(b"\xff\xc2", b"\xff\xc9"), "baseline or progressive"),
    ],
)
def test_structures_that_make_decoders_slow_are_refused(raw: bytes, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        data.decode_image(raw, (1, 28, 28))


@pytest.mark.fault("L2")
def test_the_same_structures_in_small_are_read() -> None:
    for raw in (chunked(1000), segmented(500), scans(256, 500)):
        assert data.decode_image(raw, (1, 28, 28)).x.shape == (1, 1, 28, 28)
    assert data.decode_image(run_lengths(150), (1, 28, 28)).size == (5000, 150)


KINDS = ("scans", "cmyk", "rgba", "16 bits", "webp alpha", "noisy webp", "turned")


def largest(kind: str) -> bytes:
    """25 megapixels of blocks of noise, as much work as a format has to offer."""
    blocks = Image.fromarray(random_pixels(625, 625, 3)).resize((5000, 5000), Image.Resampling.NEAREST)
    if kind == "scans":
        return scans(5000, 10)
    if kind == "noisy webp":
        noise = Image.fromarray(random_pixels(5000, 5000, 3))
        return encode(noise, "WEBP", quality=10, method=0)
    if kind == "turned":
        turned = Image.Exif()
        turned[0x112] = 6
        return encode(blocks, "JPEG", quality=60, progressive=True, exif=turned)
    if kind == "webp alpha":
        blocks.putalpha(blocks.convert("L"))
        return encode(blocks, "WEBP", quality=70, method=0)
    if kind == "rgba":
        blocks.putalpha(blocks.convert("L"))
        return encode(blocks, "PNG", compress_level=1)
    if kind == "16 bits":
        return encode(
            Image.fromarray(np.asarray(blocks.convert("L")).astype(np.uint16) * 257), compress_level=1
        )
    return encode(blocks.convert("CMYK"), "JPEG", quality=60, progressive=True)


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.fault("L2")
@pytest.mark.parametrize("kind", KINDS)
def test_the_largest_picture_is_decoded_within_the_bounds(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "picture"
    path.write_bytes(largest(kind))
    read = cost("picture", path)
    assert read.seen == "(5000, 5000)"
    assert read.seconds < SECONDS
    assert read.megabytes < PICTURE


def gzipped(path: Path, head: bytes, zeros: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wb", compresslevel=1) as stream:
        stream.write(head)
        for _ in range(zeros >> 20):
            stream.write(bytes(1 << 20))
        stream.write(bytes(zeros % (1 << 20)))


def idx_head(*shape: int) -> bytes:
    return bytes([0, 0, 8, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)


@pytest.mark.fault("L4")
@pytest.mark.fault("L14")
@pytest.mark.parametrize("images", [1 << 30, 1_370_000])
def test_idx_is_refused_on_its_header(root: Path, images: int) -> None:
    folder = root / "mnist"
    gzipped(folder / "t10k-images-idx3-ubyte.gz", idx_head(images, 28, 28), 20 << 20)
    gzipped(folder / "t10k-labels-idx1-ubyte.gz", idx_head(images), 2 << 20)
    read = cost("named", "mnist")
    assert "must hold between 1 byte and 256 MiB" in read.seen
    assert str(folder) in read.seen
    assert read.seconds < SECONDS
    assert read.megabytes < 50


@pytest.mark.fault("L4")
def test_largest_idx_that_a_header_may_claim_is_unpacked_within_the_bounds(root: Path) -> None:
    folder, images = root / "mnist", (256 << 20) // 784
    gzipped(folder / "t10k-images-idx3-ubyte.gz", idx_head(images, 28, 28), 280 << 20)
    gzipped(folder / "t10k-labels-idx1-ubyte.gz", idx_head(images), images)
    read = cost("named", "mnist")
    assert "it holds more" in read.seen
    assert read.seconds < SECONDS
    assert read.megabytes < MEGABYTES


@pytest.mark.fault("L4")
@pytest.mark.parametrize("kind", ["one file of zeros", "nothing but zeros", "many files"])
def test_cifar_archive_that_grows_is_refused(root: Path, kind: str) -> None:
    path = root / "cifar-10-binary.tar.gz"
    if kind == "nothing but zeros":
        gzipped(path, b"x", 20 << 20)
    else:
        with tarfile.open(path, "w:gz", compresslevel=1) as archive:
            for number in range(1 if kind == "one file of zeros" else 3000):
                member = tarfile.TarInfo(f"cifar-10-batches-bin/{number}")
                member.size = 300 << 20 if kind == "one file of zeros" else 1
                archive.addfile(member, _Zeros(member.size))
    read = cost("named", "cifar10")
    assert "cannot be read as CIFAR-10's binary archive: it" in read.seen
    assert str(path) in read.seen
    assert read.seconds < SECONDS
    assert read.megabytes < 100


class _Zeros(io.RawIOBase):
    def __init__(self, size: int) -> None:
        self.left = size

    def read(self, size: int = -1) -> bytes:
        size = self.left if size < 0 else min(size, self.left)
        self.left -= size
        return bytes(size)


@pytest.mark.fault("L4")
@pytest.mark.parametrize("how", [(), ("resized",)], ids=["as stored", "resized"])
def test_zip_of_eight_pictures_of_25_megapixels_is_refused(tmp_path: Path, how: tuple[str, ...]) -> None:
    picture = encode(Image.new("RGB", (5000, 5000), (1, 2, 3)), compress_level=9)
    path = write_zip(tmp_path / "bomb.zip", {f"train/a/{i}.png": picture for i in range(8)})
    read = cost("folder", path, *how)
    wanted = "pixels a byte" if how else "take fewer or smaller ones"
    assert wanted in read.seen
    assert str(path) in read.seen
    assert read.seconds < SECONDS
    assert read.megabytes < MEGABYTES


@pytest.mark.fault("L4")
def test_zip_that_grows_or_has_too_many_files_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for number in range(30):
            archive.writestr(f"train/a/{number}.bmp", bytes(9 << 20))
    read = cost("folder", path)
    assert "must unpack to at most 256 MiB or 20 times its size" in read.seen
    assert read.seconds < SECONDS
    entry = struct.pack("<4s6H3I5H2I", b"PK\1\2", *[0] * 9, 1, 0, 0, 0, 0, 0, 0) + b"a"
    directory = entry * 600_000
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 65535, 65535, len(directory), 0, 0)
    path.write_bytes(directory + end)
    read = cost("folder", path)
    assert "at most 200,000 files" in read.seen
    assert read.seconds < SECONDS
    assert read.megabytes < MEGABYTES


@pytest.mark.fault("L5")
@pytest.mark.fault("L14")
@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_any_damage_of_a_zip_entry_is_one_sentence(tmp_path: Path, method: int) -> None:
    path, refused = tmp_path / "pets.zip", []
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("train/a/0.png", png(random_pixels(16, 16)))
    raw = path.read_bytes()
    for place in range(len(raw)):
        path.write_bytes(raw[:place] + bytes([raw[place] ^ 0xFF]) + raw[place + 1 :])
        try:
            data.load_folder(path, "train")
        except ValueError as error:
            refused.append(str(error))
    assert len(refused) > len(raw) // 3
    assert all(str(path) in sentence for sentence in refused)


@pytest.mark.fault("L5")
def test_zip_versions_encryption_and_methods_nobody_reads(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "pets.zip", {"train/a/0.png": png(random_pixels(16, 16))})
    raw = path.read_bytes()
    entry = raw.index(b"PK\1\2")
    for place, value in ((entry + 6, 255), (entry + 8, 1), (entry + 10, 99)):
        path.write_bytes(raw[:place] + bytes([value]) + raw[place + 1 :])
        with pytest.raises(ValueError, match=r"pets\.zip"):
            data.load_folder(path, "train")
