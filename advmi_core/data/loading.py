"""Load a data set by its name, or pictures of one's own by their path."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from advmi_core.data import own_files
from advmi_core.data.catalog import CATALOG, check_split, entry
from advmi_core.data.downloads import Progress, download
from advmi_core.data.image_set import ImageSet, Pixels
from advmi_core.data.images import DecodedImage, decode_image
from advmi_core.data.layouts import Files, Layout
from advmi_core.data.own import PHOTOGRAPHS, PREFIX, OwnSet, own_sets
from advmi_core.data.own import find as find_own
from advmi_core.data.sources import DataNotFoundError, find, not_found, passed_over
from advmi_core.data.uploads.files import read_classes
from advmi_core.data.uploads.pictures import Shape, check_shape
from advmi_core.data.uploads.tree import open_tree
from advmi_core.validate import check_choice, check_count

_fetch = download  # `download` is also an argument's name


def load(
    name: str,
    split: str = "test",
    download: bool = False,
    progress: Progress | None = None,
    shape: Shape | None = None,
    limit: int | None = None,
) -> ImageSet:
    """Load one split of a named data set from the first source that has it.

    Sources are asked in order: $ADVMI_DATA, the user cache, the subset embedded in AdvMI
    (Fashion-MNIST only). $ADVMI_DATA may also name the data set's own folder; a warning says why it is passed
    over if it holds nothing known or files that look almost right. Decoded files are remembered, the tensors
    are fresh at each call: changing them changes nothing for others.

    Args:
        name: "fashion-mnist", "mnist", "cifar10", "svhn", "tiny-imagenet", the table "mice-protein", the
            "photographs" that come with AdvMI, or the name of a data set of one's own, see ``own_sets``.
        split: "train" or "test" (Tiny-ImageNet's published validation split).
        download: fetch the published files into the user cache if no source but the embedded one has
            the split. Without it nothing ever leaves or enters the machine.
        progress: called with (bytes done, bytes in all) while downloading.
        shape: (C,H,W) that the model takes: every picture is cropped (centre) and resized to it; None leaves
            the data set's own.
        limit: images wanted at most, the first of the split.

    Returns:
        Images (N,C,H,W) float32 in [0,1] with labels (N,) int64.

    Raises:
        ValueError: unknown name or split, or damaged files.
        DataNotFoundError: no source has it.
        DownloadError: the download failed.
    """
    check_split(split)
    if shape is not None:
        check_shape(shape)
    if limit is not None:
        check_count(limit, "limit")
    if (own := find_own(name)) is not None:
        return _load_own(own, split, shape or own.shape, limit)
    facts = entry(name)
    if download and find(name, split, complete=True) is None:
        _fetch(name, (split,), progress)
    found = find(name, split)
    if found is None:
        raise not_found(name, split)
    if reason := passed_over(name, found):
        warnings.warn(reason, stacklevel=2)
    pixels = _read(found.layout, found.files, split, _stamp(found.files))
    classes = pixels.classes or facts.classes
    if not 0 <= int(pixels.labels.min()) <= int(pixels.labels.max()) < len(classes):
        raise ValueError(f"{found.files[-1]} must hold labels in 0…{len(classes) - 1}, got others")
    if pixels.images.shape[1:] != facts.shape:
        raise ValueError(f"{found.files[0]} must hold images {facts.shape}, got {pixels.images.shape[1:]}")
    subset = len(pixels.labels) < facts.sizes[split]
    x, y = own_files.resized(pixels, shape or facts.shape, limit).tensors()
    notes = () if shape in (None, facts.shape) else (resized_note(name, facts.shape, shape),)
    return ImageSet(x, y, classes, name, split, found.source, subset, notes=notes)


def check_name(name: str) -> None:
    """``name`` must be one that a data set can have; whether it is here, ``load`` finds out.

    Raises:
        ValueError: it is none; the message lists the known ones.
    """
    if not name.startswith(PREFIX):
        check_choice(name, "dataset", (*CATALOG, PHOTOGRAPHS, *own_sets()))


def resized_note(name: str, own: Shape, shape: Shape) -> str:
    """What is said of images that are brought to another size."""
    return f"The images of {name} have {_sides(own)} pixels and are brought to the model's {_sides(shape)}."


def _sides(shape: Shape) -> str:
    return "×".join(map(str, shape[1:])) + (" grey" if shape[0] == 1 else " colour")


def _load_own(own: OwnSet, split: str, shape: Shape, limit: int | None) -> ImageSet:
    pixels = _read(_OwnFiles(shape, limit), (own.path,), split, _stamp((own.path,)))
    x, y = pixels.tensors()
    source = "embedded" if own.name == PHOTOGRAPHS else "folder"
    return ImageSet(
        x, y, pixels.classes, own.name, split, source, len(y) < own.sizes[split], pixels.files, pixels.notes
    )


def original(images: ImageSet, index: int) -> DecodedImage | None:
    """The whole picture that an image of ``load`` was cut from, and where; None where there is no larger one.

    Raises:
        ValueError: its file is no longer there or damaged.
    """
    own = find_own(images.name) if images.files else None
    if own is None:
        return None
    channels, height, width = images.x.shape[1:]
    raw = own_files.raw(own.path, images.files[index])
    return decode_image(raw, (channels, height, width), invert=False)


@dataclass(frozen=True)
class _OwnFiles:
    shape: Shape
    limit: int | None

    def place(self, root: Path, split: str) -> str:
        return str(root)

    def find(self, root: Path, split: str) -> Files | None:
        return (root,)

    def read(self, files: Files, split: str) -> Pixels:
        return own_files.read(files[0], split, self.shape, self.limit)


def load_folder(path: str | Path, split: str | None = None, shape: Shape | None = None) -> ImageSet:
    """Load pictures of one's own from a folder or zip: ``split/CLASS/*.png|jpg|webp|bmp``.

    Images come one class after the other in turn, so that any first N are balanced. One class folder is a
    data set of one class; pictures in no class folder are all of the class "unlabelled", label 0. A zip is
    read in place, never extracted.

    Args:
        path: the folder or zip; its pictures, as float32, must fit 2 GiB.
        split: the folder with the class folders; None if they lie directly in ``path``.
        shape: (C,H,W), to which every picture is cropped (centre) and resized; None wants pictures of one
            size, that of the first, with as many channels as it has.

    Raises:
        DataNotFoundError: the path does not exist.
        ValueError: no such split, no pictures, or a damaged zip or picture.
    """
    path = Path(path)
    if shape is not None:
        check_shape(shape)
    if not path.exists():
        raise DataNotFoundError(f"{path} does not exist; give a folder or zip with class folders of pictures")
    layout = _OwnPictures(split, shape)
    pixels = _read(layout, (path,), split or "", _stamp((path,)))
    x, y = pixels.tensors()
    return ImageSet(x, y, pixels.classes, path.stem, split or "", "folder")


@dataclass(frozen=True)
class _OwnPictures:
    split: str | None
    shape: Shape | None

    def place(self, root: Path, split: str) -> str:
        return str(root)

    def find(self, root: Path, split: str) -> Files | None:
        return (root,)

    def read(self, files: Files, split: str) -> Pixels:
        with open_tree(files[0]) as tree:
            return read_classes(tree, self.split, (), self.shape, exact=self.shape is None)


@lru_cache(maxsize=4)
def _read(layout: Layout, files: Files, split: str, stamp: tuple[int, ...]) -> Pixels:
    """``stamp`` is part of the key, so that changed files are read again."""
    return layout.read(files, split)


def _stamp(files: Files) -> tuple[int, ...]:
    """Times and sizes of the files, and of the folders up to three levels below where they are folders."""
    below = [
        path for top in files if top.is_dir() for deep in ("*", "*/*", "*/*/*") for path in top.glob(deep)
    ]
    folders = sorted(path for path in below if path.is_dir())
    return tuple(value for path in (*files, *folders) for value in _time_and_size(path))


def _time_and_size(path: Path) -> tuple[int, int]:
    state = path.stat()
    return state.st_mtime_ns, state.st_size
