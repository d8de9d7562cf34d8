"""Several bounds on one known truth, step by step side by side, for a viewer to compare as they learn."""

from __future__ import annotations

import re
import time
from collections.abc import Generator
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from advmi_core.fields import SEED, Field, check_fields
from advmi_core.mi.dataset.estimators import ESTIMATORS, MIEstimate, MIStep, VariationalEstimator
from advmi_core.mi.dataset.tasks import LARGEST_DIM, TASKS, Task
from advmi_core.run import Run
from advmi_core.validate import check_choice, check_count

Floats = NDArray[np.float64]
TASK = Field(
    "Pairs (a, b)", "Invertible maps of a and b change how the pairs look, but not their MI.",
    choices={
        "gaussian": "Correlated Gaussians", "half-cube": "Gaussians, half-cube map",
        "asinh": "Gaussians, asinh map", "spiral": "Gaussians wound into a spiral",
        "rotation-cubic": "Gaussians, rotated and cubed", "noisy-channel": "Symbols over a noisy channel",
    },
)  # fmt: skip
DIM = Field("Dimension d", "Of a and of b.", low=1, offered=(1, LARGEST_DIM))
TRUTH = Field(
    "True MI, nats: −½ d log(1 − ρ²)", "0: a and b are independent.",
    low=0, offered=(0, 8), step=0.1, slider=True,
)  # fmt: skip
STEPS = Field("Critic steps", "Adam steps of every run.", low=1, offered=(20, 5000), step=100)
TRAINED = {name: kind for name, kind in ESTIMATORS.items() if issubclass(kind, VariationalEstimator)}


@dataclass(frozen=True)
class RaceStep:
    """Where all runs stand; the seeds of one bound always stand at the same critic step.

    Attributes:
        step, total: critic steps of all runs together, done and wanted.
        at: (bounds,) critic step of each bound's newest values, 0 before the first.
        train, held_out: (bounds, seeds) nats, NaN before the first.
    """

    step: int
    total: int
    at: NDArray[np.int64]
    train: Floats
    held_out: Floats


@dataclass(frozen=True)
class RaceResult:
    """What the bounds came to.

    Attributes:
        bounds: their names; ``truth``: nats.
        values: (bounds, seeds) nats, held out.
        seconds: (bounds,) spent on each, all seeds together.
        warnings: for each bound what its runs say against themselves, one sentence a kind; where several
            seeds say it, their number is added.
    """

    bounds: tuple[str, ...]
    truth: float
    values: Floats
    seconds: Floats
    warnings: tuple[tuple[str, ...], ...]

    @property
    def mean(self) -> Floats:
        """(bounds,) mean over the seeds, nats."""
        mean: Floats = self.values.mean(1)
        return mean

    @property
    def spread(self) -> Floats:
        """(bounds,) standard deviation over the seeds, nats; NaN for a single one."""
        if self.values.shape[1] < 2:
            return np.full(len(self.values), np.nan)
        spread: Floats = self.values.std(1, ddof=1)
        return spread


@dataclass(frozen=True, kw_only=True)
class BoundComparison:
    """Estimate one known mutual information with several bounds and seeds, round robin.

    Attributes:
        bounds: distinct names in ``TRAINED``, at least one.
        seed: of the first of the ``seeds`` repetitions.
    """

    task: Annotated[str, TASK] = "gaussian"
    dim: Annotated[int, DIM] = 1
    mi: Annotated[float, TRUTH] = 1.0
    bounds: tuple[str, ...] = ("dv", "infonce", "nwj", "smile", "mine")
    seeds: Annotated[
        int, Field("Seeds", "Repetitions with other pairs and other critics.", low=1, offered=(1, 8))
    ] = 3
    samples: Annotated[
        int,
        Field(
            "Pairs N", "All of them, those held out included.", low=1, offered=(64, 10_000), step=100
        ),
    ] = 4000  # fmt: skip
    steps: Annotated[int, STEPS] = 300
    seed: Annotated[int, SEED] = 0

    def __post_init__(self) -> None:
        check_fields(self)
        if not self.bounds or len(set(self.bounds)) < len(self.bounds):
            raise ValueError(
                f"bounds must be at least one, each once, got {', '.join(self.bounds) or 'none'}"
            )
        for bound in self.bounds:
            check_choice(bound, "bounds", tuple(TRAINED))
        self.pairs()

    def pairs(self) -> Task:
        """The task itself, with its ``mutual_information``.

        Raises:
            ValueError: it cannot have this dimension or mutual information.
        """
        task: Task = TASKS[self.task](dim=self.dim, mi=self.mi)
        return task

    @property
    def truth(self) -> float:
        """The mutual information that the bounds should find, nats."""
        return float(self.pairs().mutual_information)

    def run(self, *, record_every: int = 10) -> Run[RaceStep, RaceResult]:
        """Start all runs; iterate for ``RaceStep`` records, close to keep what was found.

        Args:
            record_every: critic steps between two records of a run, ≥ 1.
        """
        check_count(record_every, "record_every")
        race = _Race(self, record_every)
        return Run(race.steps(), race.result, race.total)


class _Race:
    """The runs of a race and where they stand."""

    def __init__(self, spec: BoundComparison, record_every: int) -> None:
        self.spec, self.record_every = spec, record_every
        task = spec.pairs()
        self.seeds = range(spec.seed, spec.seed + spec.seeds)
        self.data = [task.sample(spec.samples, seed=seed) for seed in self.seeds]
        self.begun: dict[int, list[Run[MIStep, MIEstimate]]] = {}
        shape = (len(spec.bounds), spec.seeds)
        self.at = np.zeros(len(spec.bounds), np.int64)
        self.train, self.held_out = np.full(shape, np.nan), np.full(shape, np.nan)
        self.seconds = np.zeros(len(spec.bounds))
        self.total = spec.steps * len(spec.bounds) * spec.seeds

    def runs(self, index: int) -> list[Run[MIStep, MIEstimate]]:
        """All seeds of one bound; prepared when its turn comes, so that the first curve need not wait."""
        if index not in self.begun:
            kind, steps = TRAINED[self.spec.bounds[index]], self.spec.steps
            self.begun[index] = [
                kind(seed=seed, steps=steps, record_every=self.record_every).run(*pairs)
                for seed, pairs in zip(self.seeds, self.data, strict=True)
            ]
        return self.begun[index]

    def steps(self) -> Generator[RaceStep, None, None]:
        """Round robin: every bound advances by one record, all its seeds together, then the next bound."""
        racing = list(range(len(self.spec.bounds)))
        while racing:
            for index in list(racing):
                if not self._advance(index):
                    racing.remove(index)
                    continue
                done = int(self.at.sum()) * self.spec.seeds
                yield RaceStep(done, self.total, self.at.copy(), self.train.copy(), self.held_out.copy())

    def _advance(self, index: int) -> bool:
        began = time.perf_counter()
        records = [next(run, None) for run in self.runs(index)]
        for seed, record in enumerate(records):
            if record is not None:
                self.at[index] = record.step
                self.train[index, seed], self.held_out[index, seed] = record.train, record.held_out
        self.seconds[index] += time.perf_counter() - began
        return records[0] is not None

    def result(self) -> RaceResult:
        """Close all runs and collect what they found."""
        ended = [[run.result for run in self.runs(index)] for index in range(len(self.spec.bounds))]
        values = np.array([[estimate.value for estimate in row] for row in ended], np.float64)
        warnings = tuple(
            _one_a_kind([text for estimate in row for text in estimate.warnings]) for row in ended
        )
        return RaceResult(self.spec.bounds, self.spec.truth, values, self.seconds, warnings)


def _one_a_kind(sentences: list[str]) -> tuple[str, ...]:
    """Sentences that differ in their numbers only are one kind: the first speaks for all."""
    kinds: dict[str, list[str]] = {}
    for sentence in sentences:
        kinds.setdefault(re.sub(r"[\d.,−-]+", "#", sentence), []).append(sentence)
    return tuple(
        alike[0] + (f" ({len(alike)} seeds alike)" if len(alike) > 1 else "") for alike in kinds.values()
    )
