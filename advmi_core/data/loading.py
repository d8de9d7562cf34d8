"""Load a data set by its name."""

from __future__ import annotations

from functools import lru_cache

from advmi_core.data.catalog import check_split, entry
from advmi_core.data.image_set import ImageSet, Pixels
from advmi_core.data.layouts import Files, Layout
from advmi_core.data.sources import find, not_found


def load(name: str, split: str = "test", download: bool = False) -> ImageSet:
    """Load one split of a named data set from the first source that has it.

    Sources are asked in order: $ADVMI_DATA, the user cache, the subset embedded in AdvMI
    (Fashion-MNIST only). Decoded files are remembered, the tensors are fresh at each call: changing
    them changes nothing for others.

    Args:
        name: "fashion-mnist", "mnist", "cifar10", "svhn" or "tiny-imagenet".
        split: "train" or "test" (Tiny-ImageNet's published validation split).
        download: fetch the published files into the user cache if no source has the whole split.

    Returns:
        Images (N,C,H,W) float32 in [0,1] with labels (N,) int64.

    Raises:
        ValueError: unknown name or split, or damaged files.
        DataNotFoundError: no source has it.
    """
    facts = entry(name)
    check_split(split)
    found = find(name, split)
    if found is None:
        raise not_found(name, split)
    pixels = _read(found.layout, found.files, split, _stamp(found.files))
    x, y = pixels.tensors()
    return ImageSet(
        x, y, pixels.classes or facts.classes, name, split, found.source, len(y) < facts.sizes[split]
    )


@lru_cache(maxsize=4)
def _read(layout: Layout, files: Files, split: str, stamp: tuple[int, ...]) -> Pixels:
    """``stamp`` is part of the key, so that changed files are read again."""
    return layout.read(files, split)


def _stamp(files: Files) -> tuple[int, ...]:
    return tuple(value for path in files for value in (path.stat().st_mtime_ns, path.stat().st_size))
