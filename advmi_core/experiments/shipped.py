"""A result as two small files, as those lie there that come with AdvMI: facts in JSON, arrays in an NPZ."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from advmi_core.experiments.artefact import Arrays, read_arrays
from advmi_core.files import parse_json, write_atomically, write_text

ResultT = TypeVar("ResultT")


class StoredError(ValueError):
    """A stored result is missing or damaged."""


def save(folder: Path, name: str, form: int, facts: dict[str, Any], arrays: Arrays) -> list[Path]:
    """Write NAME.json and NAME.npz, each whole or not at all; the same result gives the same bytes.

    Args:
        form: version of the format.
        facts, arrays: what is stored; JSON-serialisable without NaN.
    """
    table, numbers = folder / f"{name}.json", folder / f"{name}.npz"
    text = json.dumps({"format": form, **facts}, indent=1, ensure_ascii=False, allow_nan=False)
    write_atomically(numbers, lambda temporary: _compress(temporary, arrays))
    write_text(table, text + "\n")
    return [table, numbers]


def load(path: Path, form: int, command: str, parse: Callable[[dict[str, Any], Arrays], ResultT]) -> ResultT:
    """What ``save`` stored.

    Args:
        path: of the JSON file.
        form: the format that is understood.
        command: makes such a result.
        parse: makes it of the facts and the arrays, which are none where their file is missing or damaged;
            a StoredError that it raises goes on where the file's name ends.

    Raises:
        StoredError: there is none, or it is damaged.
    """
    if not path.is_file():
        here = ", ".join(sorted(found.stem for found in path.parent.glob("*.json"))) or "none"
        raise StoredError(f"no stored result named {path.stem!r}; there are: {here}; `{command}` makes one")
    try:
        facts = parse_json(path.read_text(encoding="utf-8"))
        if facts["format"] != form:
            raise StoredError(f"has format {facts['format']!r}, wanted {form}")
        return parse(facts, read_arrays(path.with_suffix(".npz")) or {})
    except StoredError as error:
        raise StoredError(f"{path.name} {error}") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoredError(f"{path.name} is no stored result: {error!r}") from error


def _compress(path: Path, arrays: Arrays) -> None:
    with path.open("wb") as file:  # given a name, numpy would append .npz to it
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # numpy's stub takes the names for a flag
