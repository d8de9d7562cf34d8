"""What decoding a picture file will cost, from its structure alone, before a decoder sees it.

Bytes and pixels do not bound a decoder's time: a progressive JPEG is decoded once a scan, a PNG's chunks, a
JPEG's segments and a BMP's runs are read one by one. What real pictures have lies far below the limits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

MAX_SCANNED = 500_000_000  # pixels × scans; 25 megapixels in the 10 scans usual in progressive files are half
MAX_CHUNKS = 50_000  # of a PNG
MAX_SEGMENTS = 5_000  # of a JPEG, its scans included
MAX_RUNS = 1_000_000  # bytes of run lengths of a BMP
_SEQUENTIAL_OR_PROGRESSIVE = (0xC0, 0xC1, 0xC2)
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SCAN, _END = 0xDA, 0xD9
_MARKER = re.compile(rb"\xff+([^\x00\xff])")
_ALONE = frozenset((0x01, *range(0xD0, 0xD9)))  # markers without a length: TEM, RST, SOI


def check_cost(raw: bytes) -> None:
    """Refuse a file whose structure makes a decoder slow; anything else is the decoder's to judge.

    Raises:
        ValueError: one sentence with what the file has and what is allowed.
    """
    if raw.startswith(b"\x89PNG"):
        _check_png(raw)
    elif raw.startswith(b"\xff\xd8"):
        _check_jpeg(raw)
    elif raw.startswith(b"BM"):
        _check_bmp(raw)


def _check_png(raw: bytes) -> None:
    place, chunks = 8, 0
    while place + 8 <= len(raw):
        place += 12 + int.from_bytes(raw[place : place + 4], "big")
        chunks += 1
        if chunks > MAX_CHUNKS:
            raise ValueError(f"the PNG picture must have at most {MAX_CHUNKS:,} chunks, it has more")


def _check_jpeg(raw: bytes) -> None:
    pixels, scans = 0, 0
    for segments, (marker, body) in enumerate(_segments(raw), start=1):
        if segments > MAX_SEGMENTS:
            raise ValueError(f"the JPEG picture must have at most {MAX_SEGMENTS:,} segments, it has more")
        if marker in _FRAMES:
            if marker not in _SEQUENTIAL_OR_PROGRESSIVE:
                raise ValueError("the JPEG picture must be baseline or progressive, as browsers read it")
            size = raw[body + 1 : body + 5]
            pixels = max(pixels, int.from_bytes(size[:2], "big") * int.from_bytes(size[2:], "big"))
        scans += marker == _SCAN
        if scans > 1 and scans * pixels > MAX_SCANNED:
            raise ValueError(
                f"the JPEG picture must be stored in at most {MAX_SCANNED // pixels:,} scans "
                f"at {pixels / 1e6:.1f} megapixels, it has more"
            )


def _segments(raw: bytes) -> Iterator[tuple[int, int]]:
    """(marker, place of its content) as a decoder meets them; what follows the end marker is ignored."""
    place = 2
    while found := _MARKER.search(raw, place):
        marker, place = found[1][0], found.end()
        if marker == _END:
            return
        if marker in _ALONE:
            continue
        yield marker, place + 2
        place += int.from_bytes(raw[place : place + 2], "big")


def _check_bmp(raw: bytes) -> None:
    compression = int.from_bytes(raw[30:34], "little")
    if compression in (1, 2) and len(raw) > MAX_RUNS:
        raise ValueError(
            f"the BMP picture must have at most {MAX_RUNS / 1e6:.0f} MB where it is run-length coded"
        )
