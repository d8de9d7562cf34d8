"""The data sets that are on this machine, for a list to choose from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from advmi_core.data.catalog import CATALOG, SPLITS
from advmi_core.data.own import PHOTOGRAPHS, own_sets
from advmi_core.data.own import find as find_own
from advmi_core.data.sources import available
from advmi_core.data.uploads.pictures import Shape


@dataclass(frozen=True)
class DataChoice:
    """A data set that is here.

    Attributes:
        name: as ``load`` takes it.
        title: for people.
        shape: (C,H,W) of its images where no model asks for another one.
        sizes: number of images of each split; published ones for a named data set, which may be here in part.
        classes: class names in label order; empty where only the files state them.
        own: brought by the user.
    """

    name: str
    title: str
    shape: Shape
    sizes: Mapping[str, int]
    classes: tuple[str, ...]
    own: bool


def choices() -> list[DataChoice]:
    """Every data set of which ``load`` finds a split here: one's own, then named ones, then photographs."""
    mine = [
        DataChoice(name, f"{name} (your own)", own.shape, own.sizes, own.classes, True)
        for name, own in own_sets().items()
    ]
    return mine + _named() + _photographs()


def _named() -> list[DataChoice]:
    found = []
    for entry in CATALOG.values():
        here = {status.split for status in available(entry.name) if status.used}
        sizes = {split: entry.sizes[split] for split in SPLITS if split in here}
        if sizes:
            found.append(DataChoice(entry.name, entry.title, entry.shape, sizes, entry.classes, False))
    return found


def _photographs() -> list[DataChoice]:
    own = find_own(PHOTOGRAPHS)
    assert own is not None  # they come with AdvMI
    return [DataChoice(PHOTOGRAPHS, "Photographs", own.shape, own.sizes, own.classes, False)]
