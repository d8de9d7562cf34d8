"""Write the embedded subset: ``python -m advmi_core.data.embed --source DIR``.

The subset is the first N images of each class of the published files, in their original order, so that
anyone with the same files gets the same bytes.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from advmi_core import paths
from advmi_core.data.image_set import Pixels
from advmi_core.data.layouts import IdxLayout
from advmi_core.data.readers import idx
from advmi_core.files import write_atomically

DEBIAN = Path("/usr/share/datasets/fashion-mnist")  # where the package dataset-fashion-mnist puts its files
PER_CLASS = {"train": 200, "test": 100}
_HERE = IdxLayout(".")

LICENSE = """\
The MIT License (MIT)

Copyright © 2017 Zalando SE, https://tech.zalando.com

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and
associated documentation files (the "Software"), to deal in the Software without restriction, including
without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to the
following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial
portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT
LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO
EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN
AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE
OR OTHER DEALINGS IN THE SOFTWARE.
"""

_SOURCE = """\
# A balanced subset of Fashion-MNIST

The first {train} training and the first {test} test images of each of the ten classes, in their original
order, as gzipped IDX files. Source: Debian's package `dataset-fashion-mnist`, the files of
<https://github.com/zalandoresearch/fashion-mnist> (H. Xiao, K. Rasul, R. Vollgraf, arXiv:1708.07747).
Licence: MIT, see LICENSE.txt. Made by `python -m advmi_core.data.embed`.

| file | sha256 |
|---|---|
"""


def first_of_each_class(pixels: Pixels, count: int) -> Pixels:
    """The first ``count`` images of every class, in their original order.

    Raises:
        ValueError: a class has fewer images.
    """
    kept = [np.flatnonzero(pixels.labels == label)[:count] for label in np.unique(pixels.labels)]
    smallest = min(len(rows) for rows in kept)
    if smallest < count:
        raise ValueError(f"every class must have at least {count} images, one has {smallest}")
    rows = np.sort(np.concatenate(kept))
    return Pixels(pixels.images[rows], pixels.labels[rows])


def embed(source: Path, target: Path) -> list[Path]:
    """Write both splits' subsets with licence and checksums into ``target``; return the data files.

    Raises:
        FileNotFoundError: ``source`` lacks one of the four published files.
    """
    written = [path for split, count in PER_CLASS.items() for path in _split(source, target, split, count)]
    sums = [f"| {path.name} | `{hashlib.sha256(path.read_bytes()).hexdigest()}` |" for path in written]
    note = _SOURCE.format(**PER_CLASS) + "\n".join(sums) + "\n"
    write_atomically(target / "LICENSE.txt", lambda path: path.write_text(LICENSE, encoding="utf-8"))
    write_atomically(target / "SOURCE.md", lambda path: path.write_text(note, encoding="utf-8"))
    return written


def _split(source: Path, target: Path, split: str, count: int) -> list[Path]:
    files = _HERE.find(source, split)
    if files is None:
        raise FileNotFoundError(
            f"{_HERE.place(source, split)} or its labels are missing: "
            "install Debian's package dataset-fashion-mnist or name a --source"
        )
    kept = first_of_each_class(_HERE.read(files, split), count)
    written = []
    arrays = (kept.images[:, 0].astype(np.uint8), kept.labels.astype(np.uint8))
    for published, array in zip(files, arrays, strict=True):
        path = target / (published.name.removesuffix(".gz") + ".gz")
        write_atomically(path, partial(idx.write_array, array=array))
        written.append(path)
    return written


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m advmi_core.data.embed", description=__doc__)
    parser.add_argument(
        "--source", type=Path, default=DEBIAN, help="folder with the four published IDX files"
    )
    parser.add_argument("--target", type=Path, default=paths.assets() / "data" / "fashion-mnist")
    options = parser.parse_args(arguments)
    for path in embed(options.source, options.target):
        print(f"{path}  {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
