"""Data sets of picture files: one folder a class, and the Tiny-ImageNet layout, in folders or zips."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from advmi_core.data.image_set import Pixels
from advmi_core.data.pictures import Shape, fit, flatten, open_picture, pixels
from advmi_core.data.tree import Tree

_ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
_MAX_DECODED = 4 << 30  # bytes of pixels in memory
Labelled = tuple[str, int]  # file name, label


def read_classes(
    tree: Tree, split: str | None, classes: tuple[str, ...] = (), shape: Shape | None = None, *, exact: bool
) -> Pixels:
    """Read ``split/CLASS/*.png|jpg|…``, or ``CLASS/*`` where ``split`` is None.

    One folder around all of that is allowed. Images come one class after the other in turn (first image of
    each class, second of each …), so that any first N are balanced.

    Args:
        tree: an open folder or zip.
        split: name of the folder that holds the class folders.
        classes: the class folders in label order; empty means all that are there, sorted.
        shape: (C,H,W) of the result; None takes that of the first image, with ``exact``.
        exact: an image of another size is an error; else it is cropped and resized.

    Raises:
        ValueError: split or class missing, or an image is damaged or of the wrong size.
    """
    by_class = _by_class(tree.names(), split)
    names = classes or tuple(sorted(by_class))
    missing = [name for name in names if not by_class.get(name)]
    if not names or missing:
        wanted = f"{split or ''}/{missing[0] if missing else 'CLASS'}/".lstrip("/")
        raise ValueError(f"{tree.path} must hold pictures in {wanted}, it has none there")
    files = _in_turn([[(file, label) for file in by_class[name]] for label, name in enumerate(names)])
    return _decode(tree, files, names, shape, exact=exact)


def read_tiny_imagenet(tree: Tree, split: str, shape: Shape) -> Pixels:
    """Read the layout of Tiny-ImageNet; labels follow wnids.txt, names come from words.txt.

    "train" is train/WNID/images in class turns; "test" is the published validation split in the order of
    val_annotations.txt, because the labels of the original test split were never published.

    Raises:
        ValueError: a list or a picture is missing or damaged.
    """
    names = set(tree.names())
    root = next(
        (name.removesuffix("wnids.txt") for name in sorted(names) if name.endswith("wnids.txt")), None
    )
    if root is None:
        raise ValueError(f"{tree.path} must hold wnids.txt, the list of Tiny-ImageNet's classes")
    ids = _lines(tree, root + "wnids.txt")
    labels = {wnid: label for label, wnid in enumerate(ids)}
    files = _tiny_train(names, root, labels) if split == "train" else _tiny_val(tree, root, labels)
    lost = next((file for file, _ in files if file not in names), None)
    if not files or lost:
        raise ValueError(f"{tree.path} lacks {lost or 'the pictures of its ' + split + ' split'}")
    return _decode(tree, files, _tiny_names(tree, root, ids), shape, exact=True)


def _by_class(names: Iterable[str], split: str | None) -> dict[str, list[str]]:
    pictures = {name: name.split("/") for name in names if name.lower().endswith(_ENDINGS)}
    tops = {parts[0] for parts in pictures.values()}
    if len(tops) == 1 and tops != {split}:  # one folder around everything, as zips often have
        pictures = {name: parts[1:] for name, parts in pictures.items()}
    found: dict[str, list[str]] = defaultdict(list)
    above = [] if split is None else [split]
    for name, parts in pictures.items():
        if len(parts) == len(above) + 2 and parts[:-2] == above:
            found[parts[-2]].append(name)
    return {name: sorted(files, key=_natural) for name, files in found.items()}


def _tiny_train(names: Iterable[str], root: str, labels: dict[str, int]) -> list[Labelled]:
    groups: list[list[Labelled]] = [[] for _ in labels]
    for name in sorted(names, key=_natural):
        parts = name.removeprefix(root).split("/")
        if len(parts) == 4 and parts[0] == "train" and parts[1] in labels:
            groups[labels[parts[1]]].append((name, labels[parts[1]]))
    return _in_turn(groups)


def _tiny_val(tree: Tree, root: str, labels: dict[str, int]) -> list[Labelled]:
    files = []
    for line in _lines(tree, root + "val/val_annotations.txt"):
        file, wnid, *_ = [*line.split("\t"), ""]
        if wnid not in labels:
            raise ValueError(f"{tree.path}: val_annotations.txt names the class {wnid!r}, wnids.txt does not")
        files.append((f"{root}val/images/{file}", labels[wnid]))
    return files


def _tiny_names(tree: Tree, root: str, ids: Sequence[str]) -> tuple[str, ...]:
    """The first word of each class, or all its words where two classes share the first."""
    words = dict(line.split("\t", 1) for line in _lines(tree, root + "words.txt") if "\t" in line)
    full = [words.get(wnid, wnid) for wnid in ids]
    short = [name.split(",")[0] for name in full]
    return tuple(a if short.count(a) == 1 else b for a, b in zip(short, full, strict=True))


def _lines(tree: Tree, name: str) -> list[str]:
    try:
        text = tree.read(name).decode("utf-8")
    except (KeyError, FileNotFoundError, UnicodeDecodeError) as error:
        raise ValueError(f"{tree.path} must hold the text file {name}: {error}") from error
    return [line.strip() for line in text.splitlines() if line.strip()]


def _in_turn(groups: Sequence[Sequence[Labelled]]) -> list[Labelled]:
    longest = max((len(group) for group in groups), default=0)
    return [group[turn] for turn in range(longest) for group in groups if turn < len(group)]


def _natural(name: str) -> list[tuple[int, str]]:
    """Sort key by which image_2 comes before image_10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]


def _decode(
    tree: Tree, files: Sequence[Labelled], classes: tuple[str, ...], shape: Shape | None, *, exact: bool
) -> Pixels:
    shape = shape or _shape_of(tree, files[0][0])
    channels, rows, columns = shape
    if len(files) * channels * rows * columns > _MAX_DECODED:
        raise ValueError(
            f"{tree.path} must fit {_MAX_DECODED >> 30} GiB as {shape}, it has {len(files):,} images"
        )
    images = np.empty((len(files), *shape), np.uint8)
    for row, (name, _) in enumerate(files):
        try:
            image = open_picture(tree.read(name))
            if exact and image.size != (columns, rows):
                raise ValueError(
                    f"the picture must have {columns}×{rows} pixels, got {image.width}×{image.height}"
                )
            images[row] = pixels(flatten(image, channels)) if exact else fit(image, shape)[0]
        except (OSError, ValueError) as error:
            raise ValueError(f"{tree.path}: {name}: {error}") from error
    return Pixels(images, np.array([label for _, label in files], np.int64), classes)


def _shape_of(tree: Tree, name: str) -> Shape:
    try:
        first = open_picture(tree.read(name))
    except ValueError as error:
        raise ValueError(f"{tree.path}: {name}: {error}") from error
    grey = first.mode in ("1", "L", "LA") or first.mode.startswith("I")
    return (1 if grey else 3, first.height, first.width)
