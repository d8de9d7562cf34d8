"""Answers that an earlier result already has, so that a table grows without measuring anything twice."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from advmi_core.studies.robustness.records import Cell
from advmi_core.studies.robustness.results import RobustnessResult

Right = NDArray[np.bool_]
_SAME = ("kind", "dataset", "digest", "norm", "surrogate")


def known_answers(spec: dict[str, Any], earlier: RobustnessResult | None) -> dict[Cell, Right]:
    """(row, seed, attack) → (m,) bool, answers of ``earlier`` that a study with this spec would find again.

    They are those of the same images, the same weights (whatever the row is called) and the same attacks with
    the same parameters; m may be less than the study wants.
    """
    if earlier is None or any(spec.get(name) != earlier.spec.get(name) for name in _SAME):
        return {}
    before = {sha: cell.split("/") for cell, sha in earlier.spec["weights"].items()}
    alike = [
        attack for attack, made in spec["attacks"].items() if earlier.spec["attacks"].get(attack) == made
    ]
    found: dict[Cell, Right] = {}
    for cell, sha in spec["weights"].items():
        if sha in before:
            (row, seed), (old_row, old_seed) = cell.split("/"), before[sha]
            for attack in alike:
                found[row, int(seed), attack] = earlier.right[old_row, int(old_seed), attack]
    return found


def check_nothing_lost(spec: dict[str, Any], earlier: RobustnessResult) -> None:
    """Raise ValueError if a result of this spec would lack a row, seed or column that ``earlier`` has."""
    for name, option in (("rows", "--row"), ("seeds", "--seeds"), ("images", "--attack")):
        lost = [str(value) for value in earlier.spec[name] if value not in spec[name]]
        if lost:
            raise ValueError(
                f"the result stored there has {', '.join(lost)}, which this run leaves out: ask for it by "
                f"{option} as well, or choose another --out"
            )
