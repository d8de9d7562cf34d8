"""A complete result as two small files: its spec as JSON, and a bit for every image in an NPZ."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advmi_core import paths
from advmi_core.attacks.core.ball import NORMS
from advmi_core.experiments.artefact import read_arrays
from advmi_core.files import parse_json, write_atomically, write_text
from advmi_core.studies.robustness.records import Cell
from advmi_core.studies.robustness.results import RobustnessResult
from advmi_core.studies.robustness.variants import KINDS
from advmi_core.validate import check_choice

FORMAT = 1


class StoredError(ValueError):
    """A stored result is missing or damaged."""


def shipped_folder() -> Path:
    """Where the results lie that came with AdvMI."""
    return paths.assets() / "robustness"


def save(result: RobustnessResult, folder: Path) -> list[Path]:
    """Write KIND-DATASET-NORM.json and .npz, each whole or not at all; the same result gives the same bytes.

    Raises:
        ValueError: the result is not complete.
    """
    if not result.complete:
        raise ValueError("only a complete result is stored; this one has images that are not measured yet")
    spec = result.spec
    name = _name(spec["kind"], spec["dataset"], spec["norm"])
    table, bits = folder / f"{name}.json", folder / f"{name}.npz"
    # One array an attack: a row of bits for every model, in the order of rows and seeds.
    arrays = {
        attack: np.packbits([result.right[cell] for cell in _cells(spec, attack)], axis=1)
        for attack in spec["images"]
    }
    write_atomically(bits, lambda temporary: _compress(temporary, arrays))
    facts = {"format": FORMAT, "spec": spec}
    write_text(table, json.dumps(facts, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    return [table, bits]


def available(dataset: str, folder: Path | None = None) -> list[str]:
    """KIND-NORM of every stored result of a data set, sorted; damaged ones too."""
    found = sorted((folder or shipped_folder()).glob(f"*-{dataset}-*.json"))
    return [name.replace(f"-{dataset}-", "-") for name in (path.stem for path in found)]


def found(kind: str, dataset: str, norm: str, folder: Path) -> RobustnessResult | None:
    """The stored result of a folder; None if it has none.

    Raises:
        StoredError: it is damaged.
        ValueError: no such kind or norm.
    """
    there = (folder / f"{_name(kind, dataset, norm)}.json").exists()
    return load(kind, dataset, norm, folder) if there else None


def load(kind: str, dataset: str, norm: str = "linf", folder: Path | None = None) -> RobustnessResult:
    """A stored result, by default one that came with AdvMI.

    Raises:
        StoredError: there is none, or it is damaged.
        ValueError: no such kind or norm.
    """
    check_choice(kind, "kind", tuple(KINDS))
    check_choice(norm, "norm", NORMS)
    path = (folder or shipped_folder()) / f"{_name(kind, dataset, norm)}.json"
    if not path.is_file():
        here = ", ".join(sorted(found.stem for found in path.parent.glob("*.json"))) or "none"
        raise StoredError(
            f"no stored result {path.stem!r}; there are: {here}; "
            f"`advmi table {kind} --run --trained DIR` makes one"
        )
    try:
        facts = parse_json(path.read_text(encoding="utf-8"))
        if facts["format"] != FORMAT:
            raise StoredError(f"{path.name} has format {facts['format']!r}, wanted {FORMAT}")
        result = RobustnessResult(facts["spec"], _right(facts["spec"], path.with_suffix(".npz")))
        fits = (result.spec["kind"], result.spec["dataset"], result.spec["norm"]) == (kind, dataset, norm)
        known = set(result.spec["rows"]) <= set(KINDS[kind])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, StoredError):
            raise
        raise StoredError(f"{path.name} is no stored result: {error!r}") from error
    if not (fits and known):
        raise StoredError(f"{path.name} is not the result that its name says")
    return result


def _name(kind: str, dataset: str, norm: str) -> str:
    return f"{kind}-{dataset}-{norm}"


def _cells(spec: dict[str, Any], attack: str) -> list[Cell]:
    return [(row, seed, attack) for row in spec["rows"] for seed in spec["seeds"]]


def _right(spec: dict[str, Any], path: Path) -> dict[Cell, NDArray[np.bool_]]:
    arrays = read_arrays(path) or {}
    found: dict[Cell, NDArray[np.bool_]] = {}
    for attack, images in spec["images"].items():
        cells, bits = _cells(spec, attack), arrays.get(attack)
        if bits is None or bits.dtype != np.uint8 or bits.shape != (len(cells), -(-images // 8)):
            raise StoredError(f"{path.name} is missing or damaged: it lacks the answers under {attack}")
        right = np.unpackbits(bits, axis=1, count=images).astype(np.bool_)
        found |= dict(zip(cells, right, strict=True))
    return found


def _compress(path: Path, arrays: dict[str, NDArray[np.uint8]]) -> None:
    with path.open("wb") as file:  # given a name, numpy would append .npz to it
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # numpy's stub takes the names for a flag
