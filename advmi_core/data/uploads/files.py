"""Data sets of picture files: one folder a class, and the Tiny-ImageNet layout, in folders or zips."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from advmi_core.data.image_set import Pixels
from advmi_core.data.uploads.pictures import Shape, fit, flatten, open_picture, pixels, size_of
from advmi_core.data.uploads.tree import Tree

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
MAX_VALUES = 1 << 29
"""Values of one's own data set: 2 GiB as float32, 3,500 colour images of 224×224."""
_MAX_TINY = 1_250_000_000  # the published Tiny-ImageNet has 100,000 images of 3·64·64 values
_MAX_CLASSES = 1000
_ALWAYS_DECODED = 100_000_000  # pixels, however few bytes they take
_MAX_SPREAD = 64  # pixels a byte beyond that; photographs have 2 to 25
UNLABELLED = "unlabelled"
"""The one class of pictures that lie in no class folder."""
Labelled = tuple[str, int]  # file name, label


def read_classes(
    tree: Tree, split: str | None, classes: tuple[str, ...] = (), shape: Shape | None = None, *, exact: bool
) -> Pixels:
    """Read ``split/CLASS/*.png|jpg|…``, or ``CLASS/*`` where ``split`` is None.

    One folder around all of that is allowed. Images come one class after the other in turn (first image of
    each class, second of each …), so that any first N are balanced. One class folder is a data set of one
    class; pictures without any class folder are of the one class "unlabelled", label 0. Pictures beside class
    folders are left out.

    Args:
        tree: an open folder or zip.
        split: name of the folder that holds the class folders.
        classes: the class folders in label order, of which some may be missing as in any subset; empty means
            all that are there, sorted.
        shape: (C,H,W) of the result; None takes that of the first image, with ``exact``.
        exact: an image of another size is an error; else it is cropped and resized.

    Raises:
        ValueError: no pictures there, folders of other names than the classes', too many pixels, or an image
            is damaged or of the wrong size.
    """
    found = by_class(tree.names(), split)
    names = classes or tuple(sorted(found))
    known = [name for name in names if name in found]
    if not known or (len(known) < len(names) and found.keys() - set(names)):
        lost = next((name for name in names if name not in found), "CLASS")
        others = ", ".join(sorted(found.keys() - set(names))[:3])
        raise ValueError(
            f"{tree.path} must hold pictures in {f'{split or str()}/{lost}/'.lstrip('/')}, it has none there"
            + (f" but some in {others}" if others else "")
        )
    groups = [[(file, label) for file in found.get(name, ())] for label, name in enumerate(names)]
    return _decode(tree, in_turn(groups), names, shape, MAX_VALUES, exact=exact)


def read_tiny_imagenet(tree: Tree, split: str, shape: Shape) -> Pixels:
    """Read the layout of Tiny-ImageNet; labels follow wnids.txt, names come from words.txt.

    "train" is train/WNID/images in class turns; "test" is the published validation split in its published
    order, as val_annotations.txt has it or sorted into val/WNID or val/WNID/images as many scripts leave it:
    the labels of the original test split were never published.

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
    if len(labels) < len(ids) or len(ids) > _MAX_CLASSES:
        raise ValueError(f"{tree.path}: wnids.txt must list at most {_MAX_CLASSES:,} classes, each once")
    files = _tiny_train(names, root, labels) if split == "train" else _tiny_val(tree, names, root, labels)
    lost = next((file for file, _ in files if file not in names), None)
    if not files or lost:
        raise ValueError(f"{tree.path} lacks {lost or 'the pictures of its ' + split + ' split'}")
    return _decode(tree, files, _tiny_names(tree, root, ids), shape, _MAX_TINY, exact=True)


def by_class(names: Iterable[str], split: str | None) -> dict[str, list[str]]:
    """Class → its picture files in their natural order, below ``split`` or, where that is None, at the top.

    One folder around everything is allowed; pictures in no class folder are of the class "unlabelled".
    """
    pictures = {name: name.split("/") for name in names if name.lower().endswith(ENDINGS)}
    above = [] if split is None else [split]
    if _wrapped(pictures.values(), split):
        pictures = {name: parts[1:] for name, parts in pictures.items()}
    found: dict[str, list[str]] = defaultdict(list)
    for name, parts in pictures.items():
        if len(parts) == len(above) + 2 and parts[:-2] == above:
            found[parts[-2]].append(name)
    if not found:
        found[UNLABELLED] = [name for name, parts in pictures.items() if parts[:-1] == above]
    return {name: sorted(files, key=natural) for name, files in found.items() if files}


def _wrapped(paths: Collection[Sequence[str]], split: str | None) -> bool:
    """One folder lies around everything, as zips often have; one with nothing but pictures is a class."""
    deep = {parts[0] for parts in paths if len(parts) > 1}
    inside = any(len(parts) > 2 for parts in paths)
    return len(deep) == 1 and deep != {split} and inside and all(len(parts) > 1 for parts in paths)


def _tiny_train(names: Iterable[str], root: str, labels: dict[str, int]) -> list[Labelled]:
    groups: list[list[Labelled]] = [[] for _ in labels]
    for name in sorted(names, key=natural):
        parts = name.removeprefix(root).split("/")
        if len(parts) == 4 and parts[0] == "train" and parts[1] in labels:
            groups[labels[parts[1]]].append((name, labels[parts[1]]))
    return in_turn(groups)


def _tiny_val(tree: Tree, names: Iterable[str], root: str, labels: dict[str, int]) -> list[Labelled]:
    if sorted_into := _tiny_val_folders(names, root, labels):
        return sorted_into
    files = []
    for line in _lines(tree, root + "val/val_annotations.txt"):
        file, wnid, *_ = [*line.split("\t"), ""]
        if wnid not in labels:
            raise ValueError(f"{tree.path}: val_annotations.txt names the class {wnid!r}, wnids.txt does not")
        files.append((f"{root}val/images/{file}", labels[wnid]))
    return files


def _tiny_val_folders(names: Iterable[str], root: str, labels: dict[str, int]) -> list[Labelled]:
    """Validation pictures in class folders; val_0, val_1, … are the published order."""
    found = []
    for name in names:
        parts = name.removeprefix(root).split("/")
        if parts[0] == "val" and len(parts) > 2 and parts[1] in labels and name.lower().endswith(ENDINGS):
            found.append((name, labels[parts[1]]))
    return sorted(found, key=lambda file: (natural(file[0].rpartition("/")[2]), file[0]))


def _tiny_names(tree: Tree, root: str, ids: Sequence[str]) -> tuple[str, ...]:
    """The first word of each class, or all its words where two classes share the first."""
    words = dict(line.split("\t", 1) for line in _lines(tree, root + "words.txt") if "\t" in line)
    full = [words.get(wnid, wnid) for wnid in ids]
    short = [name.split(",")[0] for name in full]
    times = Counter(short)
    return tuple(a if times[a] == 1 else b for a, b in zip(short, full, strict=True))


def _lines(tree: Tree, name: str) -> list[str]:
    try:
        text = tree.read(name).decode("utf-8")
    except ValueError as error:
        raise ValueError(f"{tree.path} must hold the text file {name}: {error}") from error
    return [line.strip() for line in text.splitlines() if line.strip()]


def in_turn(groups: Sequence[Sequence[Labelled]]) -> list[Labelled]:
    """The first of each group, then the second of each, …: any first N are balanced."""
    longest = max((len(group) for group in groups), default=0)
    return [group[turn] for turn in range(longest) for group in groups if turn < len(group)]


def natural(name: str) -> list[tuple[int, str]]:
    """Sort key by which image_2 comes before image_10; digits stay text, as there may be thousands."""
    parts = (part.lstrip("0") if part.isdecimal() else part for part in re.split(r"(\d+)", name))
    return [(len(part), part) if place % 2 else (-1, part) for place, part in enumerate(parts)]


def _decode(
    tree: Tree,
    files: Sequence[Labelled],
    classes: tuple[str, ...],
    shape: Shape | None,
    most: int,
    *,
    exact: bool,
) -> Pixels:
    shape = shape or shape_of(tree, files[0][0])
    channels, rows, columns = shape
    if (values := len(files) * channels * rows * columns) > most:
        raise ValueError(
            f"{tree.path} must have at most {most:,} values, its {len(files):,} images of {shape} have "
            f"{values:,}: take fewer or smaller ones"
        )
    if not exact:
        check_pixels(tree, files)
    images = np.empty((len(files), *shape), np.uint8)
    for row, (name, _) in enumerate(files):
        with naming(tree, name):
            raw = tree.read(name)
            if exact and (size := size_of(raw)) not in ((columns, rows), (rows, columns)):
                raise ValueError(f"the picture must have {columns}×{rows} pixels, got {size[0]}×{size[1]}")
            image = open_picture(raw)
            if exact and image.size != (columns, rows):
                raise ValueError(
                    f"the picture must have {columns}×{rows} pixels, got {image.width}×{image.height}"
                )
            images[row] = pixels(flatten(image, channels)) if exact else fit(image, shape)[0]
    return Pixels(images, np.array([label for _, label in files], np.int64), classes)


def check_pixels(tree: Tree, files: Sequence[Labelled]) -> None:
    """Refuse, before the first is decoded, pictures with far more pixels than their bytes can describe.

    Raises:
        ValueError: they have, or a header is damaged.
    """
    total = bytes_ = 0
    for name, _ in files:
        with naming(tree, name):
            raw = tree.read(name)
            width, height = size_of(raw)
        total, bytes_ = total + width * height, bytes_ + len(raw)
    if total > max(_ALWAYS_DECODED, _MAX_SPREAD * bytes_):
        raise ValueError(
            f"{tree.path} must have at most {_ALWAYS_DECODED / 1e6:.0f} megapixels, or {_MAX_SPREAD} pixels "
            f"a byte: its {len(files):,} pictures have {total / 1e6:.0f} in {bytes_ / 1e6:.1f} MB"
        )


@contextmanager
def naming(tree: Tree, name: str) -> Iterator[None]:
    """Inside, a ValueError or OSError says of which file it speaks."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise ValueError(f"{tree.path}: {name}: {error}") from error


def shape_of(tree: Tree, name: str) -> Shape:
    """(C,H,W) of one picture."""
    with naming(tree, name):
        first = open_picture(tree.read(name))
    grey = first.mode in ("1", "L", "LA") or first.mode.startswith("I")
    return (1 if grey else 3, first.height, first.width)
