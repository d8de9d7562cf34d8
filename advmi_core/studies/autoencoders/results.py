"""Result of a retraining study: losses by seed, their table with paired differences, and examples."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advmi_core.augmentation import Augmented
from advmi_core.evaluation import Paired, paired
from advmi_core.experiments.artefact import Floats
from advmi_core.models import Autoencoder
from advmi_core.studies.autoencoders.records import GAUSSIAN, ORIGINAL, SOLVED, longest

Cell = tuple[str, str, str]


@dataclass(frozen=True, eq=False)
class Retrained:
    """The trainings of one model on one row's images under one protocol.

    Attributes:
        losses: (S,N) squared error per pixel of N measured images for S seeds, float32; a row of NaN where a
            training is not there yet. A stored result keeps their means only: (S,1) float64.
        curves: (S,E) float32 squared error per pixel on the validation images after each epoch; NaN likewise.
        asr_train: share of the images to be mixed in that succeeded on the base model; NaN for the original.
        asr_test: the same for images that were never trained on; NaN where not asked for.
        kept: (S,) what a new UAE by the solver keeps of the information in a measured image, mean over those
            that it fooled the retrained network with, 1 is all; NaN where not asked for.
        used: new images mixed in.
        l2, start_l2, moved_l2: means over all images made of ‖x̃ − x‖₂, of its random start and of what the
            optimisation moved; NaN for the original.
    """

    losses: NDArray[Any]
    curves: Floats
    asr_train: float = math.nan
    asr_test: float = math.nan
    kept: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    used: int = 0
    l2: float = math.nan
    start_l2: float = math.nan
    moved_l2: float = math.nan

    @property
    def means(self) -> NDArray[np.float64]:
        """(S,) mean loss of each seed; NaN where not there yet."""
        means: NDArray[np.float64] = self.losses.astype(np.float64).mean(axis=1)
        return means


@dataclass(frozen=True)
class RowSummary:
    """One line of the table. Losses are squared errors per pixel on clean images that no training saw.

    Attributes:
        model, row, protocol: which trainings.
        seeds: trainings that are there.
        mean, std: of their mean losses, over seeds (n − 1); NaN where there are too few.
        change: mean against the original's of the same protocol, in percent; below 0 is better.
        against_original, against_gaussian: paired over seeds, this row minus that one of the same protocol,
            with Student's 95 % interval; None for that row itself or where it is not part of the study, and
            against noise that is as long as the solver's UAEs where the row's are not.
        kept, kept_std: of ``Retrained.kept``, over seeds.
        kept_against_original: paired over seeds, as above.
        asr_train, asr_test, used, l2, start_l2, moved_l2: see ``Retrained``.
        moved_share: ``moved_l2`` in ``start_l2 + moved_l2``, in [0,1].
    """

    model: str
    row: str
    protocol: str
    seeds: int
    mean: float
    std: float
    change: float
    against_original: Paired | None
    against_gaussian: Paired | None
    kept: float
    kept_std: float
    kept_against_original: Paired | None
    asr_train: float
    asr_test: float
    used: int
    l2: float
    start_l2: float
    moved_l2: float
    moved_share: float


@dataclass(frozen=True, eq=False)
class Examples:
    """The first images of the training set, each (n,C,H,W) float32 in [0,1].

    Attributes:
        x, x_adv: originals and new images (for the row ``original``, themselves).
        before, before_adv: both rebuilt by the base model.
        after, after_adv: both rebuilt by the model retrained on this row, of the first seed.
    """

    x: Floats
    x_adv: Floats
    before: Floats
    before_adv: Floats
    after: Floats
    after_adv: Floats


@dataclass(frozen=True, eq=False)
class RetrainingResult:
    """Everything found so far.

    Attributes:
        spec: the study's parameters, JSON-serialisable.
        cells: (model, row, protocol) → its trainings.
        complete: no training is missing.
        folder: where a complete result is stored as result.json and result.npz; None for one read from there.
        loaded: nothing had to be computed, all was found.
        base: model → the network that the UAEs were made for; empty for a stored result.
        made: (model, row) → the new images, as soon as all are there; empty for a stored result.
        shown: (model, row) → examples.
    """

    spec: dict[str, Any]
    cells: dict[Cell, Retrained]
    complete: bool
    folder: Path | None = None
    loaded: bool = False
    base: dict[str, Autoencoder] = field(default_factory=dict)
    made: dict[tuple[str, str], Augmented] = field(default_factory=dict)
    shown: dict[tuple[str, str], Examples] = field(default_factory=dict)

    def examples(self, model: str, row: str) -> Examples | None:
        """The row's first images before and after; None where they are not there (yet)."""
        return self.shown.get((model, row))

    def table(self) -> list[RowSummary]:
        """One line a cell, in the study's order: of each autoencoder one protocol, then the other."""
        models, protocols = (list(dict.fromkeys(cell[place] for cell in self.cells)) for place in (0, 2))
        return [
            self._line(cell)
            for cell in sorted(self.cells, key=lambda cell: (models.index(cell[0]), protocols.index(cell[2])))
        ]

    def _line(self, cell: Cell) -> RowSummary:
        model, row, protocol = cell
        found = self.cells[cell]
        means = found.means
        mean, std = _over_seeds(means)
        kept, kept_std = _over_seeds(found.kept)
        original = self._against(cell, ORIGINAL)
        reference = self.cells.get((model, ORIGINAL, protocol))
        return RowSummary(
            model=model,
            row=row,
            protocol=protocol,
            seeds=int(np.isfinite(means).sum()),
            mean=mean,
            std=std,
            change=math.nan if reference is None else _change(means, reference.means),
            against_original=original,
            against_gaussian=self._against(cell, GAUSSIAN) if self._as_long(row) else None,
            kept=kept,
            kept_std=kept_std,
            kept_against_original=self._against(cell, ORIGINAL, "kept"),
            asr_train=found.asr_train,
            asr_test=found.asr_test,
            used=found.used,
            l2=found.l2,
            start_l2=found.start_l2,
            moved_l2=found.moved_l2,
            moved_share=_share(found.moved_l2, found.start_l2),
        )

    def _as_long(self, row: str) -> bool:
        """Whether noise may be compared with a row: it is much longer than other UAEs where it follows the
        solver's."""
        return row in SOLVED or longest([name for _, name, _ in self.cells]) not in SOLVED

    def _against(self, cell: Cell, row: str, what: str = "means") -> Paired | None:
        model, own, protocol = cell
        other = self.cells.get((model, row, protocol))
        if other is None or own == row:
            return None
        return paired(getattr(self.cells[cell], what), getattr(other, what))


def _over_seeds(values: NDArray[np.float64]) -> tuple[float, float]:
    """Mean and standard deviation of those that are there."""
    there = values[np.isfinite(values)]
    mean = float(there.mean()) if len(there) else math.nan
    return mean, float(there.std(ddof=1)) if len(there) > 1 else math.nan


def _change(means: NDArray[np.float64], reference: NDArray[np.float64]) -> float:
    """Percent between the means over the seeds that both have."""
    both = np.isfinite(means) & np.isfinite(reference)
    return float(100 * (means[both].mean() / reference[both].mean() - 1)) if both.any() else math.nan


def _share(moved: float, start: float) -> float:
    return moved / (start + moved) if start + moved > 0 else math.nan
