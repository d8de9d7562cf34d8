"""Data sets of one's own by their name: a folder or zip in $ADVMI_DATA with train/CLASS/ and test/CLASS/."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from advmi_core.data.catalog import CATALOG, SPLITS
from advmi_core.data.sources import sources
from advmi_core.data.uploads.files import ENDINGS, shape_of
from advmi_core.data.uploads.pictures import Shape
from advmi_core.data.uploads.tree import Tree, open_tree


@dataclass(frozen=True)
class OwnSet:
    """What is known of a data set of one's own before its pictures are decoded.

    Attributes:
        name: of its folder or zip, without the ending; it is loaded by it.
        path: where it lies.
        shape: (C,H,W) of its first training picture.
        sizes: number of pictures of each split.
    """

    name: str
    path: Path
    shape: Shape
    sizes: Mapping[str, int]


def own_sets() -> dict[str, OwnSet]:
    """The data sets of one's own in $ADVMI_DATA by name, without those of the catalogue."""
    root = sources()[0].root
    if root is None or not root.is_dir():
        return {}
    known = _known()
    found: dict[str, OwnSet] = {}
    for path in sorted(root.iterdir()):
        claimed = any(path == file or path in file.parents for file in known)
        if not claimed and (path.is_dir() or path.suffix == ".zip"):
            own = _look(path, path.stat().st_mtime_ns)
            if own is not None and own.name not in CATALOG:
                found.setdefault(own.name, own)
    return found


def _known() -> set[Path]:
    """The files and folders that hold the data sets of the catalogue."""
    source = sources()[0]
    places = (source.find(name, split) for name in CATALOG for split in SPLITS)
    return {file for found in places if found for file in found.files}


@lru_cache(maxsize=64)
def _look(path: Path, changed: int) -> OwnSet | None:
    """The data set in a folder or zip that was last changed at this time; None if there is none."""
    if path.is_dir() and not all((path / split).is_dir() for split in SPLITS):
        return None
    try:
        with open_tree(path) as tree:
            return _described(tree, path)
    except ValueError:  # damaged, or too large to be looked through
        return None


def _described(tree: Tree, path: Path) -> OwnSet | None:
    pictures = [name for name in tree.names() if name.lower().endswith(ENDINGS)]
    of = {split: [name for name in pictures if _in_class(name, split)] for split in SPLITS}
    if not all(of.values()):
        return None
    sizes = MappingProxyType({split: len(names) for split, names in of.items()})
    return OwnSet(path.stem, path, shape_of(tree, of["train"][0]), sizes)


def _in_class(name: str, split: str) -> bool:
    parts = name.split("/")
    return len(parts) == 3 and parts[0] == split
