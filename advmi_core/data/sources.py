"""Where a data set may come from: $ADVMI_DATA, then the user cache, then what is embedded in AdvMI."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from advmi_core import paths
from advmi_core.data.catalog import check_split, entry
from advmi_core.data.layouts import LAYOUTS, Files, Layout

ENVIRONMENT = "ADVMI_DATA"
EMBEDDED = "embedded"


class DataNotFoundError(FileNotFoundError):
    """No source has the split; the message names every place looked at and how to get the data."""


@dataclass(frozen=True)
class Found:
    """A split that is there: in which source, in which layout, and which files hold it."""

    source: str
    layout: Layout
    files: Files


@dataclass(frozen=True)
class Source:
    """A root folder; ``root`` is None where the user has not named one."""

    name: str
    root: Path | None


def sources() -> tuple[Source, ...]:
    """All sources in the order in which they are asked."""
    own = os.environ.get(ENVIRONMENT)
    return (
        Source(ENVIRONMENT, Path(own).expanduser() if own else None),
        Source("cache", paths.cache() / "data"),
        Source(EMBEDDED, paths.assets() / "data"),
    )


def find(name: str, split: str, *, complete: bool = False) -> Found | None:
    """The first source that has the split; ``complete`` leaves out the embedded subset."""
    asked = [source for source in sources() if not (complete and source.name == EMBEDDED)]
    return next((found for source in asked for found in _in_source(source, name, split)), None)


def not_found(name: str, split: str) -> DataNotFoundError:
    """The error for a split that no source has."""
    entry(name)
    check_split(split)
    looked = [f"  {source.name}: {_looked(source, name, split)}" for source in sources()]
    return DataNotFoundError(
        f"{name} (split {split}) was not found. Looked at:\n"
        + "\n".join(looked)
        + f"\nGet it with `advmi data get {name}`, or set {ENVIRONMENT} to a folder that holds it."
    )


def _in_source(source: Source, name: str, split: str) -> Iterator[Found]:
    if source.root is None:
        return
    for layout in LAYOUTS[name]:
        files = layout.find(source.root, split)
        if files is not None:
            yield Found(source.name, layout, files)


def _looked(source: Source, name: str, split: str) -> str:
    if source.root is None:
        return "not set"
    return ", ".join(layout.place(source.root, split) for layout in LAYOUTS[name])
