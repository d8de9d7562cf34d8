"""A result as two small files: the means of every training as JSON, examples as pictures in an NPZ.

Losses of single images are not stored, and pictures have 256 levels.
"""

from __future__ import annotations

import math
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advmi_core import paths
from advmi_core.experiments import shipped
from advmi_core.experiments.artefact import Arrays
from advmi_core.files import json_number
from advmi_core.studies.autoencoders.results import Examples, Retrained, RetrainingResult

FORMAT = 2
_NUMBERS = ("asr_train", "asr_test", "l2", "start_l2", "moved_l2")
_PICTURES = tuple(field.name for field in fields(Examples))


def shipped_folder() -> Path:
    """Where the results lie that came with AdvMI."""
    return paths.assets() / "retraining"


def available(folder: Path | None = None) -> tuple[str, ...]:
    """Names of the results in a folder, by default those that came with AdvMI."""
    return tuple(sorted(path.stem for path in (folder or shipped_folder()).glob("*.json")))


def save(result: RetrainingResult, folder: Path, name: str) -> list[Path]:
    """Write NAME.json and NAME.npz; the same result gives the same bytes."""
    facts = {"spec": result.spec, "cells": [_facts(cell, found) for cell, found in result.cells.items()]}
    pictures = {
        f"{model}/{row}/{part}": _levels(getattr(shown, part))
        for (model, row), shown in result.shown.items()
        for part in _PICTURES
    }
    return shipped.save(folder, name, FORMAT, facts, pictures)


def load(name: str, folder: Path | None = None) -> RetrainingResult:
    """A stored result: losses are (S,1) float64 means, ``base`` and ``made`` are empty.

    Raises:
        StoredError: there is none of this name, or its JSON is damaged. Without the pictures there are no
            examples.
    """
    path = (folder or shipped_folder()) / f"{name}.json"
    return shipped.load(path, FORMAT, "advmi table reconstruction --run", _result)


def _result(facts: dict[str, Any], pictures: Arrays) -> RetrainingResult:
    cells = {(c["model"], c["row"], c["protocol"]): _retrained(c) for c in facts["cells"]}
    complete = all(np.isfinite(found.means).all() for found in cells.values())
    return RetrainingResult(facts["spec"], cells, complete, shown=_examples(pictures))


def _facts(cell: tuple[str, str, str], found: Retrained) -> dict[str, Any]:
    model, row, protocol = cell
    return {
        "model": model,
        "row": row,
        "protocol": protocol,
        "used": found.used,
        **{name: json_number(getattr(found, name)) for name in _NUMBERS},
        "means": [json_number(value) for value in found.means],
        "kept": [json_number(value) for value in found.kept],
        "curves": [[json_number(float(f"{value:.6g}")) for value in curve] for curve in found.curves],
    }


def _retrained(facts: dict[str, Any]) -> Retrained:
    numbers = {name: math.nan if facts[name] is None else float(facts[name]) for name in _NUMBERS}
    means = np.asarray(facts["means"], np.float64)  # null becomes NaN
    curves = np.asarray(facts["curves"], np.float32)
    kept = np.asarray(facts["kept"], np.float64)
    curves = curves.reshape(len(means), -1)
    return Retrained(means[:, None], curves, kept=kept, used=int(facts["used"]), **numbers)


def _examples(arrays: Arrays) -> dict[tuple[str, str], Examples]:
    names = {tuple(name.split("/")[:2]) for name in arrays}
    found = {}
    for model, row in sorted(names):
        parts = {part: arrays.get(f"{model}/{row}/{part}") for part in _PICTURES}
        if all(part is not None and part.dtype == np.uint8 for part in parts.values()):
            found[model, row] = Examples(**{name: _pixels(part) for name, part in parts.items()})
    return found


def _levels(pixels: NDArray[np.float32]) -> NDArray[np.uint8]:
    levels: NDArray[np.uint8] = np.round(255 * pixels).astype(np.uint8)
    return levels


def _pixels(levels: Any) -> NDArray[np.float32]:
    pixels: NDArray[np.float32] = levels.astype(np.float32) / 255
    return pixels
