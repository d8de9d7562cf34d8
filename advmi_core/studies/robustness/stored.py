"""A complete result as two small files: its spec as JSON, and a bit for every image in an NPZ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advmi_core import paths
from advmi_core.attacks.core.ball import NORMS
from advmi_core.experiments import shipped
from advmi_core.experiments.artefact import Arrays
from advmi_core.studies.robustness.records import Cell
from advmi_core.studies.robustness.results import RobustnessResult
from advmi_core.studies.robustness.variants import KINDS
from advmi_core.validate import check_choice

FORMAT = 1


def shipped_folder() -> Path:
    """Where the results lie that came with AdvMI."""
    return paths.assets() / "robustness"


def save(result: RobustnessResult, folder: Path) -> list[Path]:
    """Write KIND-DATASET-NORM.json and .npz; the same result gives the same bytes.

    Raises:
        ValueError: the result is not complete.
    """
    if not result.complete:
        raise ValueError("only a complete result is stored; this one has images that are not measured yet")
    spec = result.spec
    # One array an attack: a row of bits for every model, in the order of rows and seeds.
    arrays = {
        attack: np.packbits([result.right[cell] for cell in _cells(spec, attack)], axis=1)
        for attack in spec["images"]
    }
    name = _name(spec["kind"], spec["dataset"], spec["norm"])
    return shipped.save(folder, name, FORMAT, {"spec": spec}, arrays)


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
    result = shipped.load(path, FORMAT, f"advmi table {kind} --run --trained DIR", _result)
    fits = (result.spec["kind"], result.spec["dataset"], result.spec["norm"]) == (kind, dataset, norm)
    known = set(result.spec["rows"]) <= set(KINDS[kind])
    if not (fits and known):
        raise shipped.StoredError(f"{path.name} is not the result that its name says")
    return result


def _name(kind: str, dataset: str, norm: str) -> str:
    return f"{kind}-{dataset}-{norm}"


def _cells(spec: dict[str, Any], attack: str) -> list[Cell]:
    return [(row, seed, attack) for row in spec["rows"] for seed in spec["seeds"]]


def _result(facts: dict[str, Any], arrays: Arrays) -> RobustnessResult:
    spec = facts["spec"]
    found: dict[Cell, NDArray[np.bool_]] = {}
    for attack, images in spec["images"].items():
        cells, bits = _cells(spec, attack), arrays.get(attack)
        if bits is None or bits.dtype != np.uint8 or bits.shape != (len(cells), -(-images // 8)):
            raise shipped.StoredError(f"lacks the answers under {attack}: its NPZ file is missing or damaged")
        right = np.unpackbits(bits, axis=1, count=images).astype(np.bool_)
        found |= dict(zip(cells, right, strict=True))
    return RobustnessResult(spec, found)
