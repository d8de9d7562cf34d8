"""Uploads: every mode, every limit, every kind of damage; and what becomes of the crop and the background."""

from __future__ import annotations

import io
import struct
import time
import zlib

import numpy as np
import pytest
import torch
from data_makers import encode, png, random_pixels
from PIL import Image

from advmi_core.data import decode_image, images

GREY, COLOUR = (1, 28, 28), (3, 32, 32)


def _half(mode: str) -> Image.Image:
    """56×56, left half dark, right half light."""
    image = Image.new("L", (56, 56), 0)
    image.paste(255, (28, 0, 56, 56))
    if mode == "I;16":
        return Image.fromarray(np.asarray(image).astype(np.uint16) * 257)
    if mode == "P":
        return image.convert("P", palette=Image.Palette.ADAPTIVE)
    return image.convert(mode)


CASES = [
    *[("PNG", mode) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")],
    *[("JPEG", mode) for mode in ("L", "RGB", "CMYK")],
    *[("WEBP", mode) for mode in ("RGB", "RGBA")],
    *[("BMP", mode) for mode in ("1", "L", "P", "RGB")],
]


@pytest.mark.parametrize("shape", [GREY, COLOUR])
@pytest.mark.parametrize(("kind", "mode"), CASES)
def test_every_mode_becomes_the_same_image(kind: str, mode: str, shape: tuple[int, int, int]) -> None:
    options = {"lossless": True} if kind == "WEBP" else {"quality": 95} if kind == "JPEG" else {}
    result = decode_image(encode(_half(mode), kind, **options), shape, invert=False)
    assert result.x.shape == (1, *shape)
    assert result.x.dtype == torch.float32
    assert result.size == (56, 56)
    assert result.crop == (0, 0, 56, 56)
    middle = shape[2] // 2
    assert float(result.x[..., : middle - 2].max()) < 0.03
    assert float(result.x[..., middle + 2 :].min()) > 0.97
    assert result.preview.mode == "RGB"


def test_sixteen_bits_keep_their_scale() -> None:
    image = Image.fromarray(np.full((28, 28), 128 * 257, np.uint16))
    assert torch.all(decode_image(encode(image), GREY, invert=False).x == torch.tensor(128 / 255))


def test_an_image_of_the_right_size_passes_unchanged() -> None:
    grey, colour = random_pixels(28, 28), random_pixels(32, 32, 3)
    assert (
        decode_image(png(grey), GREY, invert=False).x[0, 0].numpy() == grey.astype(np.float32) / 255
    ).all()
    expected = colour.transpose(2, 0, 1).astype(np.float32) / 255
    assert (decode_image(png(colour), COLOUR).x[0].numpy() == expected).all()


def test_centre_is_cropped_and_the_box_told() -> None:
    array = np.zeros((60, 200, 3), np.uint8)
    array[:, 70:130] = 255
    result = decode_image(png(array), COLOUR)
    assert result.crop == (70, 0, 130, 60)
    assert result.preview_crop == (70, 0, 130, 60)
    assert torch.all(result.x == 1)


def test_crop_keeps_the_proportions_of_a_model_that_is_not_square() -> None:
    result = decode_image(png(random_pixels(100, 100)), (1, 20, 40))
    assert result.x.shape == (1, 1, 20, 40)
    assert result.crop == (0, 25, 100, 75)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 500), (500, 1), (3, 7)])
def test_tiny_and_extreme_pictures(width: int, height: int) -> None:
    result = decode_image(png(random_pixels(height, width)), GREY)
    left, top, right, bottom = result.crop
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    assert result.x.shape == (1, *GREY)


def test_resizing_is_antialiased() -> None:
    """A fine chequerboard becomes grey, not black, white or stripes."""
    board = (np.indices((280, 280)).sum(0) % 2 * 255).astype(np.uint8)
    x = decode_image(png(board), GREY, invert=False).x
    assert float((x - 0.5).abs().max()) < 0.02


def test_exif_rotation_is_applied() -> None:
    image = Image.new("RGB", (60, 40), (255, 0, 0))
    image.paste((0, 0, 255), (0, 0, 60, 10))
    exif = Image.Exif()
    exif[0x0112] = 6  # shown after a quarter turn clockwise: the top edge becomes the right one
    result = decode_image(encode(image, "JPEG", exif=exif, quality=95), COLOUR)
    assert result.size == (40, 60)
    assert result.crop == (0, 10, 40, 50)
    assert float(result.x[0, 2, :, -4:].min()) > 0.9
    assert float(result.x[0, 0, :, :16].min()) > 0.9


@pytest.mark.parametrize(("ink", "ground"), [(0, 1.0), (255, 0.0)])
def test_transparency_is_filled_so_that_the_picture_stays_visible(ink: int, ground: float) -> None:
    image = Image.new("RGBA", (28, 28), (120, 130, 140, 0))
    image.paste((ink, ink, ink, 255), (10, 10, 18, 18))
    x = decode_image(encode(image), GREY, invert=False).x[0, 0]
    assert float(x[0, 0]) == ground
    assert float(x[14, 14]) == ink / 255


def test_palette_and_grey_transparency() -> None:
    palette = Image.new("P", (28, 28), 1)
    palette.putpalette([0, 0, 0, 10, 20, 30])
    assert torch.all(decode_image(encode(palette, transparency=1), COLOUR).x == 1)
    grey = Image.new("L", (28, 28), 7)
    assert torch.all(decode_image(encode(grey, transparency=7), COLOUR).x == 1)


def test_bright_ground_is_inverted_for_grey_models_only() -> None:
    array = np.full((28, 28), 250, np.uint8)
    array[8:20, 8:20] = 10
    automatic = decode_image(png(array), GREY)
    assert automatic.inverted
    assert torch.equal(automatic.x, decode_image(png(array), GREY, invert=True).x)
    assert float(automatic.x[0, 0, 0, 0]) == np.float32(5 / 255)
    assert not decode_image(png(255 - array), GREY).inverted
    assert not decode_image(png(array), GREY, invert=False).inverted
    assert not decode_image(png(array), (3, 28, 28)).inverted


def test_preview_is_small_and_the_crop_goes_with_it() -> None:
    result = decode_image(encode(Image.new("RGB", (3000, 1500)), "JPEG"), COLOUR)
    assert result.preview.size == (768, 384)
    assert result.crop == (750, 0, 2250, 1500)
    assert result.preview_crop == (192, 0, 576, 384)


def _claimed(width: int, height: int) -> bytes:
    """A PNG whose header claims any size, with almost nothing behind it."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("width", "height"), [(6000, 5000), (12_000, 9000), (100_000, 100_000), (2**31 - 1, 2**31 - 1)]
)
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_too_many_pixels_are_refused_on_the_header(width: int, height: int) -> None:
    start = time.perf_counter()
    with pytest.raises(ValueError, match="at most 25 megapixels"):
        decode_image(_claimed(width, height), GREY)
    assert time.perf_counter() - start < 1


def test_a_real_picture_of_thirty_megapixels_is_refused_and_twenty_four_are_not() -> None:
    with pytest.raises(ValueError, match=r"at most 25 megapixels, got 6000×5000 \(30\.0\)"):
        decode_image(encode(Image.new("L", (6000, 5000)), "PNG", compress_level=1), GREY)
    big = encode(Image.new("L", (6000, 4000)), "PNG", compress_level=1)
    assert decode_image(big, GREY).size == (6000, 4000)


def test_too_many_bytes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"at most 10 MB, got 11\.0 MB"):
        decode_image(bytes(11 << 20), GREY)


def _saved(kind: str) -> bytes:
    return encode(Image.fromarray(random_pixels(64, 64, 3)), kind)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP"])
@pytest.mark.parametrize("kept", [0.0, 0.001, 0.01, 0.3, 0.7])
def test_truncated_files_are_one_clear_error(kind: str, kept: float) -> None:
    raw = _saved(kind)
    with pytest.raises(ValueError, match=r"^the .*(empty|readable|damaged)"):
        decode_image(raw[: int(len(raw) * kept)], GREY)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP"])
@pytest.mark.filterwarnings("ignore")
def test_random_damage_never_raises_anything_else(kind: str) -> None:
    raw, draw, refused = _saved(kind), np.random.default_rng(3), 0
    for _ in range(60):
        spoilt = bytearray(raw)
        for place in draw.integers(0, min(len(raw), 400), 4):
            spoilt[place] = draw.integers(256)
        try:
            result = decode_image(bytes(spoilt), GREY)
        except ValueError:
            refused += 1
        else:
            assert result.x.shape == (1, *GREY)
    assert refused > 0


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "PPM"])
def test_other_formats_are_refused(kind: str) -> None:
    with pytest.raises(ValueError, match="PNG, JPEG, WebP or BMP"):
        decode_image(_saved(kind), GREY)


@pytest.mark.parametrize("raw", [b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.4", b"\x00" * 500])
def test_no_picture_at_all(raw: bytes) -> None:
    with pytest.raises(ValueError, match="PNG, JPEG, WebP or BMP"):
        decode_image(raw, GREY)


def test_first_frame_of_an_animation() -> None:
    frames = [Image.new("RGB", (32, 32), colour) for colour in ((255, 0, 0), (0, 255, 0))]
    buffer = io.BytesIO()
    frames[0].save(buffer, "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    x = decode_image(buffer.getvalue(), COLOUR).x
    assert x[0, :, 0, 0].tolist() == [1, 0, 0]


@pytest.mark.parametrize("shape", [(2, 28, 28), (1, 0, 28), (28, 28), (1, 28, 2.5)])
def test_shape_must_be_grey_or_colour(shape: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match=r"shape must be \(C,H,W\) with C 1 or 3"):
        decode_image(png(random_pixels(8, 8)), shape)


@pytest.mark.fault("L10")
def test_an_upload_is_decoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    raw, calls = png(random_pixels(40, 40, 3, seed=10)), []
    whole = images.open_picture
    monkeypatch.setattr(images, "open_picture", lambda raw: calls.append(1) or whole(raw))
    first = decode_image(raw, COLOUR)
    kept = first.x.clone()
    first.x.zero_()
    first.preview.paste((0, 0, 0), (0, 0, 40, 40))
    again = decode_image(bytes(bytearray(raw)), COLOUR)
    assert torch.equal(again.x, kept)
    assert np.asarray(again.preview).any()
    assert len(calls) == 1
    decode_image(raw, GREY)
    for _ in range(2):
        with pytest.raises(ValueError, match="damaged"):
            decode_image(raw[:-30], COLOUR)
    assert len(calls) == 3


@pytest.mark.fault("L10")
@pytest.mark.parametrize("size", [(25_000, 1), (1, 25_000), (900, 3), (3, 900)])
def test_thinnest_pictures_have_a_preview_and_a_crop_in_it(size: tuple[int, int]) -> None:
    result = decode_image(encode(Image.new("RGB", size)), COLOUR)
    left, top, right, bottom = result.preview_crop
    assert 0 <= left < right <= result.preview.width <= 768
    assert 0 <= top < bottom <= result.preview.height <= 768
