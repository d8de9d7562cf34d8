"""Result of a robustness study: image by image, and as a table that never mixes seeds or sources."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advmi_core.evaluation import Accuracy, Paired
from advmi_core.evaluation.bootstrap import paired_bootstrap
from advmi_core.studies.robustness.published import Published, published
from advmi_core.studies.robustness.records import Cell
from advmi_core.studies.robustness.sanity_checks import doubts
from advmi_core.studies.robustness.variants import KINDS

Right = NDArray[np.bool_]


@dataclass(frozen=True)
class SeedLine:
    """One trained model under one attack.

    Attributes:
        seed: of its training.
        accuracy: with Wilson's 95 % interval over the images.
        difference: this model minus the baseline's of the same seed, on the images that both have, with the
            95 % interval of the paired bootstrap; None without a baseline in the study.
    """

    seed: int
    accuracy: Accuracy
    difference: Paired | None


@dataclass(frozen=True)
class Line:
    """One row under one attack. Accuracies are in [0,1].

    Attributes:
        row, title: which models, and their name in tables.
        attack: label of the column.
        seeds: one line for each training that was measured.
        mean, std: of the seeds' accuracies (n − 1); NaN where there are too few.
        baseline: title of the row that it is compared with; None if there is none.
        difference, difference_std: mean and standard deviation of the seeds' differences; NaN likewise.
        published: the paper's figure, None if it has none; not measured here.
    """

    row: str
    title: str
    attack: str
    seeds: tuple[SeedLine, ...]
    mean: float
    std: float
    baseline: str | None
    difference: float
    difference_std: float
    published: Published | None

    @property
    def images(self) -> int:
        """Images of each seed; the smallest number while the study runs."""
        return min((line.accuracy.images for line in self.seeds), default=0)


@dataclass(frozen=True, eq=False)
class RobustnessResult:
    """Everything found so far.

    Attributes:
        spec: of the study, JSON-serialisable.
        right: (row, seed, attack) → (m,) bool, the model was right on x̃ of the first m images.
    """

    spec: dict[str, Any]
    right: Mapping[Cell, Right]

    @property
    def complete(self) -> bool:
        """No image is missing."""
        wanted = self.spec["images"]
        cells = {
            (row, seed, attack)
            for row in self.spec["rows"]
            for seed in self.spec["seeds"]
            for attack in wanted
        }
        return cells <= self.right.keys() and all(len(self.right[cell]) == wanted[cell[2]] for cell in cells)

    def table(self) -> list[Line]:
        """One line a row and attack, rows in the study's order, what is not measured at all left out."""
        made = [self._line(row, attack) for row in self.spec["rows"] for attack in self.spec["images"]]
        return [line for line in made if line.seeds]

    def doubts(self) -> list[str]:
        """What speaks against the attacks, a sentence for each model concerned.

        Nothing in a black box: x̃ that is made with more steps on the surrogate need not transfer better.
        """
        if self.spec["surrogate"] is not None:
            return []
        return [
            f"{self._title(row)}, seed {seed}: {said}"
            for row in self.spec["rows"]
            for seed in self.spec["seeds"]
            for said in doubts(
                {attack: right for (r, s, attack), right in self.right.items() if (r, s) == (row, seed)}
            )
        ]

    def _title(self, row: str) -> str:
        return KINDS[self.spec["kind"]][row].title

    def _line(self, row: str, attack: str) -> Line:
        variant = KINDS[self.spec["kind"]][row]
        baseline = variant.baseline if variant.baseline in self.spec["rows"] else None
        seeds = tuple(
            SeedLine(seed, Accuracy.of(right), self._difference(right, baseline, seed, attack))
            for seed in self.spec["seeds"]
            if len(right := self.right.get((row, seed, attack), np.zeros(0, np.bool_)))
        )
        mean, std = _moments([line.accuracy.value for line in seeds])
        apart = [line.difference.mean for line in seeds if line.difference is not None]
        difference, difference_std = _moments(apart)
        return Line(
            row=row,
            title=variant.title,
            attack=attack,
            seeds=seeds,
            mean=mean,
            std=std,
            baseline=None if baseline is None else self._title(baseline),
            difference=difference,
            difference_std=difference_std,
            published=published(self.spec["kind"], self.spec["dataset"], self.spec["norm"], row, attack),
        )

    def _difference(self, right: Right, baseline: str | None, seed: int, attack: str) -> Paired | None:
        other = None if baseline is None else self.right.get((baseline, seed, attack))
        if other is None or not len(other):
            return None
        both = min(len(right), len(other))
        return paired_bootstrap(right[:both], other[:both])


def _moments(values: list[float]) -> tuple[float, float]:
    """Mean and standard deviation (n − 1); NaN where there are too few."""
    mean = float(np.mean(values)) if values else math.nan
    return mean, float(np.std(values, ddof=1)) if len(values) > 1 else math.nan
