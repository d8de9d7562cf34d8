"""Tables that benchmarks leave as JSON in assets/studies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from advmi_core import paths
from advmi_core.files import parse_json

Table = dict[str, Any]


def folder() -> Path:
    """Where they lie."""
    return paths.assets() / "studies"


def read(name: str, keys: set[str], place: Path | None = None) -> Table | None:
    """A benchmark's JSON object; None if there is none, or it lacks one of the keys.

    Args:
        name: of the file, without its ending.
        keys: that the object must have.
        place: folder of the file, default ``folder()``.
    """
    try:
        table = parse_json(((place or folder()) / f"{name}.json").read_text(encoding="utf-8"))
        return table if keys <= table.keys() else None
    except (OSError, ValueError, AttributeError):
        return None


def names(stem: str) -> list[str]:
    """Names of the tables that begin so, sorted."""
    return sorted(path.stem for path in folder().glob(f"{stem}*.json"))
