"""The rows of the robustness tables: what was trained, its folder's name, and what it is held against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from advmi_core.defenses import DEFENSES


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One row.

    Attributes:
        title: its name in tables.
        defense: the key of ``DEFENSES`` that it is trained by.
        baseline: the row that it is compared with; None for a baseline.
        changes: fields of ``DefenseSpec`` that differ from the study's.
        first_stage: its estimators were trained by Eq. 4 alone.
    """

    title: str
    defense: str
    baseline: str | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)
    first_stage: bool = False


ROWS: dict[str, Variant] = {
    name: Variant(title=defense.title, defense=name, baseline=defense.baseline)
    for name, defense in DEFENSES.items()
}
"""Name of a defence → its row in the white-box and black-box tables."""

ABLATION: dict[str, Variant] = {
    "standard": ROWS["standard"],
    "namid": ROWS["namid"],
    "namid-no-adversarial": Variant(
        title="NAMID without E_a", defense="namid", baseline="namid", changes={"terms": "natural"}
    ),
    "namid-no-natural": Variant(
        title="NAMID without E_n", defense="namid", baseline="namid", changes={"terms": "adversarial"}
    ),
    "namid-no-penalty": Variant(
        title="NAMID, λ = 0", defense="namid", baseline="namid", changes={"penalty": 0.0}
    ),
    "namid-first-stage": Variant(
        title="NAMID, Eq. 4 estimators", defense="namid", baseline="namid", first_stage=True
    ),
}
"""Name → row of the ablation [NAMID, sec. 4.4]; the full NAMID has its estimators by Eq. 4 and then Eq. 5.

Without both estimators, or with α = 0, NAMID is Standard AT, weight for weight.
"""

KINDS: dict[str, dict[str, Variant]] = {"whitebox": ROWS, "blackbox": ROWS, "ablation": ABLATION}
"""Kind of table → its possible rows."""


def _other(defense: str, field: str, symbol: str, *values: float) -> dict[str, Variant]:
    """A defence with other values of one parameter."""
    title, name = DEFENSES[defense].title, field.rpartition("_")[2]
    return {
        f"{defense}-{name}-{value:g}": Variant(
            title=f"{title}, {symbol} = {value:g}", defense=defense, baseline=defense, changes={field: value}
        )
        for value in values
    }


TRAINED: dict[str, dict[str, Variant]] = {
    "defences": ROWS,
    "ablation": ABLATION,
    "alpha": {name: ROWS[name] for name in ("standard", "namid")}
    | _other("namid", "alpha", "α", 0.03, 0.3, 1.0, 5.0),
    "penalty": {name: ABLATION[name] for name in ("standard", "namid", "namid-no-penalty")}
    | _other("namid", "penalty", "λ", 1.0),
    "weight": {name: ROWS[name] for name in ("standard", "wmim")} | _other("wmim", "wmim_weight", "w", 0.3),
}
"""What is trained together: the rows of the tables, and those by which α, λ and w were chosen on validation
images (α = 5 is published, α = 0 is Standard AT)."""
