"""Accuracy of trained defences: white box, black box, and NAMID without its pieces (METHODS §5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from advmi_core import models
from advmi_core.attacks.core.ball import NORMS
from advmi_core.studies.robustness import suite
from advmi_core.studies.robustness.trained_models import TrainedModel, check_alike, find, read
from advmi_core.studies.robustness.variants import KINDS
from advmi_core.validate import check_choice, check_count, check_number

TRANSFERRED = (*suite.LABELS["linf"][:4], "TI-DIM")
"""Columns of a black-box table: the published ones, and the attack that is made to transfer."""


@dataclass(frozen=True, kw_only=True)
class RobustnessSpec:
    """Rows × seeds × attacks over the first test images; frozen, JSON-serialisable through ``spec()``.

    Attributes:
        kind: ``"whitebox"``, ``"blackbox"`` (x̃ is made on a surrogate and judged by the row's model) or
            ``"ablation"`` (NAMID without its pieces).
        trained: folder of the trained models, as ``advmi train-defences`` fills it:
            ROW/seed-S/MODEL.safetensors with its card.
        dataset: whose test split is used.
        model: architecture of the rows' models, a key of ``MODELS``.
        rows: some of the kind's rows; None takes all.
        seeds: of the trainings, ≥ 0, all different; seeds are never pooled as if they were more images.
        attacks: labels of ``suite.labels(norm)``; None takes the published columns of the kind, in a white
            box all labels.
        n: images, the first of the split; at most what it has.
        autoattack_images: images under AutoAttack, the first of these; it costs far more than the others.
        guard_images: images under the columns that are no published ones, PGD with other numbers of steps and
            with restarts; the first of these.
        eps: ε ≥ 0; None takes the one that all the models were trained with, if they were in this norm.
        norm: ``"linf"`` or ``"l2"``.
        surrogate, surrogate_weights: of a black-box study: the name of another architecture and its weights.
        batch: images of a part, which is what a kill loses at most.
        device: auto, cuda, mps or cpu.

    Raises:
        ValueError: a parameter is outside its range.
    """

    kind: str
    trained: Path
    dataset: str = "fashion-mnist"
    model: str = "resnet18-w8"
    rows: Sequence[str] | None = None
    seeds: Sequence[int] = (0, 1)
    attacks: Sequence[str] | None = None
    n: int = 10_000
    autoattack_images: int = 500
    guard_images: int = 1_000
    eps: float | None = None
    norm: str = "linf"
    surrogate: str | None = None
    surrogate_weights: Path | None = None
    batch: int = 250
    device: str = "auto"

    def __post_init__(self) -> None:
        check_choice(self.kind, "kind", tuple(KINDS))
        check_choice(self.norm, "norm", NORMS)
        check_choice(self.model, "model", tuple(models.MODELS))
        object.__setattr__(self, "rows", tuple(KINDS[self.kind]) if self.rows is None else tuple(self.rows))
        object.__setattr__(self, "attacks", self._usual() if self.attacks is None else tuple(self.attacks))
        object.__setattr__(self, "seeds", tuple(self.seeds))
        for name, known in (("rows", tuple(KINDS[self.kind])), ("attacks", suite.labels(self.norm))):
            for value in _distinct(getattr(self, name), name):
                check_choice(value, name, known)
        for seed in _distinct(self.seeds, "seeds"):
            check_count(seed, "seeds", low=0)
        for name in ("n", "autoattack_images", "guard_images", "batch"):
            check_count(getattr(self, name), name)
        if self.eps is not None:
            check_number(self.eps, "eps", low=0)
        self._check_surrogate()

    def _usual(self) -> tuple[str, ...]:
        if self.kind == "whitebox":
            return suite.labels(self.norm)
        return TRANSFERRED if self.kind == "blackbox" and self.norm == "linf" else suite.LABELS[self.norm]

    def _check_surrogate(self) -> None:
        given = (self.surrogate, self.surrogate_weights)
        if self.kind != "blackbox":
            if given != (None, None):
                raise ValueError(
                    f"surrogate belongs to a blackbox study, got {self.surrogate!r} for {self.kind}"
                )
            return
        if self.surrogate is None or self.surrogate_weights is None:
            raise ValueError(
                "a blackbox study needs surrogate and surrogate_weights, a model's name and its file"
            )
        check_choice(self.surrogate, "surrogate", tuple(models.MODELS))
        if self.surrogate == self.model:
            raise ValueError(
                f"surrogate must be of another architecture than model, got {self.model!r} for both"
            )

    @property
    def title(self) -> str:
        """What people call it."""
        return f"Table {self.kind}: {self.model} on {self.dataset}, {self.norm}"

    def images_of(self, attack: str) -> int:
        """How many images a column has."""
        if attack == suite.AUTOATTACK:
            return min(self.n, self.autoattack_images)
        return self.n if attack in suite.LABELS[self.norm] else min(self.n, self.guard_images)

    @cached_property
    def subjects(self) -> dict[tuple[str, int], TrainedModel]:
        """(row, seed) → its trained model.

        Raises:
            ValueError: one is missing or of another training, or they were not trained alike.
        """
        variants = KINDS[self.kind]
        found = {
            (row, seed): find(self.trained, row, variants[row], seed, self.model, self.dataset)
            for row in self.rows or ()
            for seed in self.seeds
        }
        check_alike(found)
        return found

    def radius(self) -> float:
        """ε, where none was given the one of the trainings.

        Raises:
            ValueError: they differ, or were in another norm.
        """
        if self.eps is not None:
            return self.eps
        seen = {(found.spec.get("eps"), found.spec.get("norm")) for found in self.subjects.values()}
        (eps, norm) = next(iter(seen))
        if len(seen) > 1 or norm != self.norm or eps is None:
            raise ValueError(
                f"eps must be given: trained with (eps, norm) {sorted(seen)}, asked for {self.norm}"
            )
        return float(eps)

    def spec(self) -> dict[str, Any]:
        """All that the numbers depend on; models by their hash, no folder.

        Raises:
            ValueError: a model is missing.
        """
        eps, attacks = self.radius(), tuple(self.attacks or ())
        columns = suite.suite(eps, self.norm)
        return {
            "study": "robustness", "kind": self.kind, "dataset": self.dataset, "model": self.model,
            "rows": list(self.rows or ()), "seeds": list(self.seeds), "eps": eps, "norm": self.norm,
            "attacks": {label: [attack.spec() for attack in columns[label]] for label in attacks},
            "images": {label: self.images_of(label) for label in attacks},
            "weights": {f"{row}/{seed}": found.sha256 for (row, seed), found in self.subjects.items()},
            "trained": {f"{row}/{seed}": found.training for (row, seed), found in self.subjects.items()},
            "surrogate": self._surrogate_facts(), "batch": self.batch,
        }  # fmt: skip

    @cached_property
    def surrogate_subject(self) -> TrainedModel | None:
        """The model that x̃ is made on; None in a white box.

        Raises:
            ValueError: it is missing, or was not trained adversarially as the published one was.
        """
        if self.surrogate is None or self.surrogate_weights is None:
            return None
        found = read(self.surrogate_weights, self.surrogate)
        if found.spec.get("defense") is None:
            raise ValueError(
                f"the surrogate must be trained adversarially, its card {found.path.stem}.json names no "
                "defence; `advmi train-defences --model vgg19-w8 --row standard --seeds 1 --out DIR` trains "
                "one"
            )
        return found

    def _surrogate_facts(self) -> dict[str, Any] | None:
        found = self.surrogate_subject
        if found is None:
            return None
        return {"model": found.model, "sha256": found.sha256, "trained": found.training}


def _distinct(values: Sequence[Any], name: str) -> Sequence[Any]:
    if not values or len(set(values)) < len(values):
        raise ValueError(f"{name} must be at least one and all different, got {tuple(values)}")
    return values
