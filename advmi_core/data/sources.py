"""Places of a data set: $ADVMI_DATA, then the user cache, then what is embedded in AdvMI."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from advmi_core import paths
from advmi_core.data.catalog import CATALOG, SPLITS, check_split, entry
from advmi_core.data.layouts import LAYOUTS, Files, Layout, unread

ENVIRONMENT = "ADVMI_DATA"
CACHE = "cache"
EMBEDDED = "embedded"
_ABOVE = 2  # folders: FashionMNIST/raw is the deepest layout


class DataNotFoundError(FileNotFoundError):
    """No source has the split; the message names every place looked at and how to get the data."""


@dataclass(frozen=True)
class Found:
    """A split that is there: in which source, in which layout, and which files hold it."""

    source: str
    layout: Layout
    files: Files


@dataclass(frozen=True)
class SourceStatus:
    """What one source has of one split, found without opening a file.

    Attributes:
        name, split: what was asked for.
        source: "ADVMI_DATA", "cache" or "embedded".
        root: the source's folder; None where the user has named none.
        files: the files that hold the split; empty if it is not there.
        used: ``load`` would take this one.
        note: a remark for people, e.g. "a balanced subset" or why files that are there are not read.
    """

    name: str
    split: str
    source: str
    root: Path | None
    files: Files
    used: bool
    note: str

    @property
    def found(self) -> bool:
        """The split is there."""
        return bool(self.files)


@dataclass(frozen=True)
class Source:
    """A root folder; ``root`` is None where the user has not named one."""

    name: str
    root: Path | None

    def find(self, name: str, split: str) -> Found | None:
        """The split in the first layout that matches.

        The root may also be the data set's own folder or file, as someone who has but one data set names it.

        Raises:
            ValueError: the root cannot be looked into.
        """
        if self.root is None:
            return None
        try:
            places = [(layout, layout.find(self.root, split)) for layout in LAYOUTS[name]]
            above = self.root.absolute().parents[:_ABOVE] if self.name == ENVIRONMENT else ()
            own = [(layout, self._own(layout.find(top, split))) for top in above for layout in LAYOUTS[name]]
        except OSError as error:
            raise ValueError(f"{self.root} cannot be looked into: {error.strerror or error}") from error
        return next((Found(self.name, layout, files) for layout, files in places + own if files), None)

    def _own(self, files: Files | None) -> Files | None:
        """Files found from a folder above count if all of them are the root or lie in it."""
        root = self.root.absolute() if self.root is not None else None
        inside = files and all(root == file or root in file.parents for file in files)
        return files if inside else None


def cache_root() -> Path:
    """The folder for downloaded data sets."""
    return paths.cache() / "data"


def sources() -> tuple[Source, ...]:
    """All sources in the order in which they are asked."""
    own = os.environ.get(ENVIRONMENT)
    return (
        Source(ENVIRONMENT, Path(os.path.expanduser(own)) if own else None),
        Source(CACHE, cache_root()),
        Source(EMBEDDED, paths.assets() / "data"),
    )


def find(name: str, split: str, *, complete: bool = False) -> Found | None:
    """The first source that has the split; ``complete`` leaves out the embedded subset."""
    asked = [source for source in sources() if not (complete and source.name == EMBEDDED)]
    return next((found for source in asked if (found := source.find(name, split))), None)


def passed_over(name: str, found: Found) -> str:
    """Why $ADVMI_DATA, though set, does not serve the split; empty if it does or has other data sets."""
    own = sources()[0]
    if own.root is None or found.source == ENVIRONMENT:
        return ""
    reason = _note(own, name, None)
    if not reason and not any(own.find(other, split) for other in CATALOG for split in SPLITS):
        reason = f"{own.root} holds no data set that AdvMI knows"
    return f"{ENVIRONMENT} does not serve {name}, {found.source} data do: {reason}" if reason else ""


def available(name: str) -> list[SourceStatus]:
    """What every source has of a data set, split by split; cheap, nothing is opened or decoded.

    Raises:
        ValueError: the name is unknown.
    """
    entry(name)
    return [status for split in SPLITS for status in _statuses(name, split)]


def not_found(name: str, split: str) -> DataNotFoundError:
    """The error for a split that no source has."""
    entry(name)
    check_split(split)
    asked = [source for source in sources() if source.name != EMBEDDED or name == "fashion-mnist"]
    looked = "\n".join(f"  {source.name}: {_looked(source, name, split)}" for source in asked)
    hints = "".join(f"\n{hint}." for source in asked if source.root and (hint := unread(name, source.root)))
    return DataNotFoundError(
        f"{name} (split {split}) was not found. Looked at:\n{looked}{hints}"
        f"\n{_how(name)}, or set {ENVIRONMENT} to a folder that holds it."
    )


def _how(name: str) -> str:
    origin = entry(name).origin
    return f"{origin[0].upper()}{origin[1:]}" if origin else f"Get it with `advmi data get {name}`"


def _statuses(name: str, split: str) -> list[SourceStatus]:
    used = find(name, split)
    rows = []
    for source in sources():
        found = source.find(name, split)
        chosen = found is not None and used is not None and found.source == used.source
        files = found.files if found else ()
        rows.append(
            SourceStatus(name, split, source.name, source.root, files, chosen, _note(source, name, found))
        )
    return rows


def _note(source: Source, name: str, found: Found | None) -> str:
    if source.root is None:
        return "not set"
    if found is not None:
        return "a balanced subset" if source.name == EMBEDDED else ""
    if not source.root.is_dir():
        return f"{source.root} is no such folder" if source.name == ENVIRONMENT else ""
    return unread(name, source.root)


def _looked(source: Source, name: str, split: str) -> str:
    if source.root is None:
        return "not set"
    if source.name == ENVIRONMENT and not source.root.is_dir():
        return f"{source.root} (no such folder)"
    return ", ".join(layout.place(source.root, split) for layout in LAYOUTS[name])
