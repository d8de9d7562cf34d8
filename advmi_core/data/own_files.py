"""Pictures of one's own, in any of the arrangements that people have: class folders, a CSV of labels, IDX."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from advmi_core.data.catalog import SPLITS
from advmi_core.data.image_set import Pixels
from advmi_core.data.layouts import IdxLayout
from advmi_core.data.uploads.files import (
    ENDINGS,
    MAX_VALUES,
    Labelled,
    by_class,
    check_pixels,
    in_turn,
    shape_of,
)
from advmi_core.data.uploads.pictures import Shape, fit, flatten, open_picture
from advmi_core.data.uploads.tree import MAX_FILES, Tree, open_tree

LABELS = "labels.csv"
"""File beside or above the pictures: a line each of its path and its class."""
USUAL = 224
"""Side, in pixels, of what has no size of its own."""
_LARGEST = 256  # pixels: a larger first picture is a photograph, which every model takes smaller
_NAMED = 3  # broken pictures


@dataclass(frozen=True)
class Listed:
    """What a path holds; nothing but one picture's header was read.

    Attributes:
        files: the pictures of each split there is, with their labels, classes in turn.
        classes: class names in label order.
        shape: (C,H,W) of the first picture, or C×224×224 where that is larger than 256 pixels.
    """

    files: Mapping[str, Sequence[Labelled]]
    classes: tuple[str, ...]
    shape: Shape


def listed(path: Path) -> Listed:
    """Look what a folder, zip, CSV or IDX file holds.

    Raises:
        ValueError: no pictures, or a damaged file.
    """
    if (idx := _idx_files(path)) is not None:
        return _listed_idx(idx)
    with _opened(path) as (tree, labels):
        files, classes = _labelled(tree, labels) if labels else _class_folders(tree)
        first = next(iter(files.values()))[0][0]
        return Listed(files, classes, _usual(tree, first))


def read(path: Path, split: str, shape: Shape, limit: int | None = None) -> Pixels:
    """Decode a split's pictures, each cropped (centre) and resized to ``shape``.

    A picture that cannot be read is left out, and the notes say so.

    Args:
        path: a folder, zip, CSV or IDX file.
        split: "train" or "test"; where nobody split them, all are of "test".
        shape: (C,H,W) of the result.
        limit: pictures wanted at most, of the classes in turn.

    Raises:
        ValueError: no such split, no picture that can be read, or a damaged file.
    """
    found = listed(path)
    if split not in found.files:
        raise ValueError(
            f"{path} has no {split} split: put the pictures in the folders train and test, each with its "
            "class folders"
        )
    most = MAX_VALUES // (shape[0] * shape[1] * shape[2])
    wanted = list(found.files[split])[: min(most, limit or most)]
    notes = []
    if len(found.files[split]) > most and (limit is None or limit > most):
        notes.append(
            f"Of {len(found.files[split]):,} pictures the first {most:,} are taken, of the classes in turn: "
            "more do not fit 2 GiB."
        )
    if (idx := _idx_files(path)) is not None:
        pixels = resized(IdxLayout("").read(idx[split], split), shape, len(wanted))
        return Pixels(pixels.images, pixels.labels, found.classes, notes=tuple(notes))
    with _opened(path) as (tree, _):
        images, kept, broken = _decoded(tree, wanted, shape)
    if not kept:
        raise ValueError(f"{path} holds no picture that can be read: {broken[0]}")
    if broken:
        named = "; ".join(broken[:_NAMED]) + (" …" if len(broken) > _NAMED else "")
        notes.append(f"{len(broken)} of {len(wanted):,} pictures cannot be read and are left out: {named}.")
    labels = np.array([wanted[row][1] for row in kept], np.int64)
    return Pixels(images, labels, found.classes, tuple(wanted[row][0] for row in kept), tuple(notes))


def raw(path: Path, name: str) -> bytes:
    """The bytes of one of a path's pictures.

    Raises:
        ValueError: it is not there, or too large.
    """
    with _opened(path) as (tree, _):
        return tree.read(name)


def resized(pixels: Pixels, shape: Shape, limit: int | None = None) -> Pixels:
    """8-bit images of one size brought to another one, by the same crop as any picture.

    At most as many as fit 2 GiB: ``MAX_VALUES``.

    Raises:
        ValueError: it is a table, which has no pictures.
    """
    if pixels.images.shape[1:] == shape:
        return Pixels(pixels.images[:limit], pixels.labels[:limit], pixels.classes)
    most = min(MAX_VALUES // (shape[0] * shape[1] * shape[2]), limit or len(pixels.labels))
    images, labels = pixels.images[:most], pixels.labels[:most]
    if images.dtype != np.uint8:
        raise ValueError(f"a table cannot be brought to images of {shape}")
    new = np.empty((len(images), *shape), np.uint8)
    for row, image in enumerate(images):
        picture = Image.fromarray(
            np.ascontiguousarray(image[0] if len(image) == 1 else image.transpose(1, 2, 0))
        )
        new[row] = fit(picture, shape)[0]
    return Pixels(new, labels, pixels.classes)


def _decoded(
    tree: Tree, files: Sequence[Labelled], shape: Shape
) -> tuple[NDArray[np.uint8], list[int], list[str]]:
    """Pictures, the rows of ``files`` that they are, and a sentence for each that is broken."""
    kept: list[int] = []
    broken: list[str] = []
    images = np.empty((len(files), *shape), np.uint8)
    for row, file in enumerate(files):
        try:
            check_pixels(tree, [file])
            images[len(kept)] = fit(flatten(open_picture(tree.read(file[0])), shape[0]), shape)[0]
        except ValueError as error:
            said = str(error).removeprefix(f"{tree.path}: ").removeprefix(f"{file[0]}: ")
            broken.append(f"{file[0]} ({said})")
            continue
        kept.append(row)
    return images[: len(kept)], kept, broken


def _usual(tree: Tree, name: str) -> Shape:
    try:
        channels, height, width = shape_of(tree, name)
    except ValueError:  # a broken picture must not hide the others
        return 3, USUAL, USUAL
    return (channels, height, width) if max(height, width) <= _LARGEST else (channels, USUAL, USUAL)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Tree, str]]:
    """The tree of a path, and the CSV of labels in it, "" for none."""
    if path.is_file() and path.suffix.lower() == ".csv":
        with open_tree(path.parent) as tree:
            yield tree, path.name
        return
    with open_tree(path) as tree:
        names = [name for name in tree.names() if PurePosixPath(name).name == LABELS]
        yield tree, min(names, key=len, default="")


def _class_folders(tree: Tree) -> tuple[dict[str, list[Labelled]], tuple[str, ...]]:
    names = tree.names()
    found = {split: by_class(names, split) for split in SPLITS}
    there = {split: classes for split, classes in found.items() if classes}
    there = there or {"test": by_class(names, None)}
    classes = tuple(sorted({name for groups in there.values() for name in groups}))
    if not classes:
        raise ValueError(
            f"{tree.path} holds no picture ({', '.join(ENDINGS)}) at its top or in class folders"
        )
    files = {
        split: in_turn(
            [[(file, label) for file in groups.get(name, ())] for label, name in enumerate(classes)]
        )
        for split, groups in there.items()
    }
    return files, classes


def _labelled(tree: Tree, name: str) -> tuple[dict[str, list[Labelled]], tuple[str, ...]]:
    """Pictures that a CSV lists: path from the CSV on, and class; a first line may name the columns."""
    try:
        text = tree.read(name).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{tree.path}: {name} must be text in UTF-8") from error
    above = PurePosixPath(name).parent
    lines = [line for line in csv.reader(io.StringIO(text)) if len(line) >= 2][: MAX_FILES + 1]
    pairs = [((above / line[0].strip()).as_posix(), line[1].strip()) for line in lines]
    pairs = [pair for pair in pairs if pair[0].lower().endswith(ENDINGS)]
    there = set(tree.names())
    if not pairs or (lost := next((file for file, _ in pairs if file not in there), None)) is not None:
        wanted = (
            "lines of a picture's path and its class" if not pairs else f"pictures that are there, not {lost}"
        )
        raise ValueError(f"{tree.path}: {name} must list {wanted}")
    classes = tuple(sorted({label for _, label in pairs}))
    labels = {each: label for label, each in enumerate(classes)}
    groups: list[list[Labelled]] = [[] for _ in classes]
    for file, named in pairs:
        groups[labels[named]].append((file, labels[named]))
    return {"test": in_turn(groups)}, classes


def _idx_files(path: Path) -> dict[str, tuple[Path, ...]] | None:
    """The IDX pair of each split in a folder, or of the split that a file of images belongs to."""
    layout = IdxLayout("")
    place = path.parent if path.is_file() and "ubyte" in path.name else path
    pairs = {split: files for split in SPLITS if (files := layout.find(place, split)) is not None}
    if place != path:
        pairs = {split: files for split, files in pairs.items() if path in files}
        if not pairs:
            raise ValueError(f"{path} needs its images and labels beside it, named as MNIST's")
    return pairs or None


def _listed_idx(pairs: Mapping[str, tuple[Path, ...]]) -> Listed:
    read = {split: IdxLayout("").read(files, split) for split, files in pairs.items()}
    first = next(iter(read.values()))
    most = max(int(pixels.labels.max()) for pixels in read.values())
    files = {
        split: [(str(row), int(each)) for row, each in enumerate(pixels.labels)]
        for split, pixels in read.items()
    }
    channels, height, width = first.images.shape[1:]
    return Listed(files, tuple(map(str, range(most + 1))), (channels, height, width))
