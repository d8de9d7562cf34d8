"""Data sets of one's own by their name: in $ADVMI_DATA, named at the start, or of an installed package.

Only who starts the program names a path. ``register`` notes it in the environment, which the app's server and
the workers of a sweep inherit; a page can only choose among what is noted there.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import metadata
from pathlib import Path
from types import MappingProxyType

from advmi_core import paths
from advmi_core.data.catalog import CATALOG, SPLITS
from advmi_core.data.own_files import Listed, listed
from advmi_core.data.sources import sources
from advmi_core.data.uploads.pictures import Shape

VARIABLE = "ADVMI_DATASETS"
"""Environment variable with what is registered: a JSON object, name → path."""
GROUP = "advmi.datasets"
"""Entry points of installed packages: name → path, or function that returns one."""
PREFIX = "own-"
PHOTOGRAPHS = "photographs"
"""The free photographs that come with AdvMI."""


@dataclass(frozen=True)
class OwnSet:
    """What is known of a data set of one's own before its pictures are decoded.

    Attributes:
        name: by which it is loaded.
        path: where it lies.
        shape: (C,H,W) of its first picture, or C×224×224 where that is larger than 256 pixels.
        sizes: number of pictures of each split; where nobody split them, all are of the split "test".
        classes: their names in label order; the one name "unlabelled" where nobody knows them.
    """

    name: str
    path: Path
    shape: Shape
    sizes: Mapping[str, int]
    classes: tuple[str, ...]


def register(path: str | Path) -> OwnSet:
    """Note a folder, zip, CSV or IDX file so that this program and those that it starts load it by its name.

    Raises:
        ValueError: there is nothing, or no picture in it.
    """
    place = Path(path).expanduser().absolute()
    noted = registered()
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", place.stem).strip("-_")[:40] or "data"
    name, again = f"{PREFIX}{stem}", 2
    while name in noted and noted[name] != place:
        name, again = f"{PREFIX}{stem}-{again}", again + 1
    found = described(place, name)
    os.environ[VARIABLE] = json.dumps({key: str(value) for key, value in (noted | {name: place}).items()})
    return found


def registered() -> dict[str, Path]:
    """The paths that were registered for this program, by name."""
    try:
        return {str(name): Path(path) for name, path in json.loads(os.environ.get(VARIABLE) or "{}").items()}
    except (ValueError, AttributeError, TypeError) as error:
        raise ValueError(f"{VARIABLE} is not what `advmi` writes into it: {error}") from error


def own_sets() -> dict[str, OwnSet]:
    """All data sets of one's own by name: those named at the start, of packages, and in $ADVMI_DATA."""
    found = {}
    for name in (*registered(), *entry_points()):
        try:
            if (own := find(name)) is not None:
                found[name] = own
        except ValueError:  # gone since it was registered; who loads it is told
            continue
    return found | _in_folder()


def find(name: str) -> OwnSet | None:
    """The data set of one's own with this name, or the photographs; None if there is none.

    Raises:
        ValueError: it is registered but not there, or was registered for another program.
    """
    if name == PHOTOGRAPHS:
        return described(paths.assets() / "data" / PHOTOGRAPHS, name)
    if (path := registered().get(name)) is not None:
        return described(path, name)
    if name in CATALOG:
        return None
    if (own := _in_folder().get(name)) is not None:
        return own
    if name.startswith(PREFIX):
        raise ValueError(
            f"{name} is a data set of one's own that this program was not started with: start it with "
            "--data PATH"
        )
    if (point := entry_points().get(name)) is not None:
        return described(_path_of(point), name)
    return None


@cache  # to look through all that is installed takes a twentieth of a second
def entry_points() -> dict[str, metadata.EntryPoint]:
    """The data sets that installed packages offer, by name."""
    return {point.name: point for point in metadata.entry_points(group=GROUP)}


def _path_of(point: metadata.EntryPoint) -> Path:
    try:
        offered = point.load()
        return Path(offered() if callable(offered) else offered)
    except Exception as error:  # whatever somebody's package raises
        raise ValueError(f"{point.value} cannot be loaded: {error}") from error


def described(path: Path, name: str) -> OwnSet:
    """What a path holds.

    Raises:
        ValueError: there is nothing, or no picture in it.
    """
    if not path.exists():
        raise ValueError(
            f"{path} does not exist; give a folder or zip of pictures, a CSV of labels, or IDX files"
        )
    found = _look(path, path.stat().st_mtime_ns)
    sizes = MappingProxyType({split: len(files) for split, files in found.files.items()})
    return OwnSet(name, path, found.shape, sizes, found.classes)


@lru_cache(maxsize=64)
def _look(path: Path, changed: int) -> Listed:
    """What a path held that was last changed at this time."""
    return listed(path)


def _in_folder() -> dict[str, OwnSet]:
    """Folders and zips in $ADVMI_DATA that have train/CLASS/ and test/CLASS/, without the catalogue's."""
    root = sources()[0].root
    if root is None or not root.is_dir():
        return {}
    known = _known()
    found: dict[str, OwnSet] = {}
    for path in sorted(root.iterdir()):
        claimed = any(path == file or path in file.parents for file in known)
        if claimed or not (path.suffix == ".zip" or all((path / split).is_dir() for split in SPLITS)):
            continue
        try:
            own = described(path, path.stem)
        except ValueError:  # damaged, or too large to be looked through
            continue
        if own.name not in CATALOG and all(own.sizes.get(split) for split in SPLITS):
            found.setdefault(own.name, own)
    return found


def _known() -> set[Path]:
    """The files and folders that hold the data sets of the catalogue."""
    source = sources()[0]
    places = (source.find(name, split) for name in CATALOG for split in SPLITS)
    return {file for found in places if found for file in found.files}
