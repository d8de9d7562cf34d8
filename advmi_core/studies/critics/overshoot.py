"""Overshoot of Donsker–Varadhan: a critic on few and on many pairs, scored in sample and held out."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from advmi_core.fields import SEED, Field, check_fields
from advmi_core.mi.dataset.cross_fit import validation_size
from advmi_core.mi.dataset.estimators import DV, MIEstimate, MIStep
from advmi_core.mi.dataset.tasks import TASKS, Task
from advmi_core.run import Run
from advmi_core.studies.critics.live import DIM, STEPS, TASK, TRUTH
from advmi_core.validate import check_count

Floats = NDArray[np.float64]
KS = (16, 32, 64, 128, 256, 512, 1024, 2048)
_FOLDS = 2


@dataclass(frozen=True)
class SampleSizeStep:
    """A moment of the critics that see ``k`` pairs.

    Attributes:
        step, total: critic steps of the whole sweep, done and wanted.
        k: pairs that each critic trains on.
        at: its own critic step.
        train, held_out: (seeds,) nats, on the pairs trained on and on as yet unseen ones.
    """

    step: int
    total: int
    k: int
    at: int
    train: Floats
    held_out: Floats


@dataclass(frozen=True)
class SampleSizeResult:
    """Where the critics of every K ended.

    Attributes:
        truth: nats.
        ks: those that reached their last step, ascending.
        train, held_out: (ks, seeds) nats at the last step.
    """

    truth: float
    ks: tuple[int, ...]
    train: Floats
    held_out: Floats


@dataclass(frozen=True, kw_only=True)
class SampleSizeSweep:
    """Train DV critics on K pairs of a known task, for several K one after the other.

    Attributes:
        ks: distinct numbers of pairs ≥ 4, in the order in which they are computed.
        seed: of the first of the ``seeds`` repetitions.
    """

    task: Annotated[str, TASK] = "gaussian"
    dim: Annotated[int, DIM] = 3
    mi: Annotated[
        float,
        replace(
            TRUTH, offered=(0, 5),
            help="Of correlated Gaussians. With 0 everything that the critic finds is made up.",
        ),
    ] = 1.0  # fmt: skip
    ks: tuple[int, ...] = KS
    steps: Annotated[
        int, replace(STEPS, help="Adam steps for each K.", offered=(20, 2000), step=50)
    ] = 200  # fmt: skip
    lr: Annotated[
        float, Field("Adam's rate", "Low, so that one sees the overshoot come.", low=0, above=True)
    ] = 5e-4  # fmt: skip
    seeds: Annotated[int, Field("Seeds", "Repetitions, each with its own pairs and critics.", low=1)] = 2
    seed: Annotated[int, SEED] = 0

    def __post_init__(self) -> None:
        check_fields(self)
        if not self.ks or len(set(self.ks)) < len(self.ks):
            raise ValueError(f"ks must be at least one, each once, got {self.ks}")
        for k in self.ks:
            check_count(k, "ks", low=4)
        self.pairs()

    def pairs(self) -> Task:
        """The task itself, with its ``mutual_information``.

        Raises:
            ValueError: it cannot have this dimension or mutual information.
        """
        return TASKS[self.task](dim=self.dim, mi=self.mi)

    @property
    def truth(self) -> float:
        """Nats."""
        return self.pairs().mutual_information

    def run(self, *, record_every: int = 5) -> Run[SampleSizeStep, SampleSizeResult]:
        """Start the sweep; iterate for ``SampleSizeStep`` records, close to keep the K that are done.

        Args:
            record_every: critic steps between two records of one K, ≥ 1.
        """
        check_count(record_every, "record_every")
        ends: list[SampleSizeStep] = []
        total = self.steps * len(self.ks)
        return Run(self._sweep(record_every, ends, total), lambda: reached(self, ends), total)

    def _sweep(
        self, record_every: int, ends: list[SampleSizeStep], total: int
    ) -> Generator[SampleSizeStep, None, None]:
        for index, k in enumerate(self.ks):
            runs = [self._critic(k, self.seed + i, record_every) for i in range(self.seeds)]
            for records in zip(*runs, strict=True):
                at = records[0].step
                train, held_out = ([getattr(r, name) for r in records] for name in ("train", "held_out"))
                step = SampleSizeStep(
                    index * self.steps + at, total, k, at, np.array(train), np.array(held_out)
                )
                if at == self.steps:
                    ends.append(step)
                yield step

    def _critic(self, k: int, seed: int, record_every: int) -> Run[MIStep, MIEstimate]:
        sample = self.pairs().sample(_FOLDS * pairs_a_fold(k), seed=seed)
        kind = DV(seed=seed, steps=self.steps, lr=self.lr, folds=_FOLDS, record_every=record_every)
        return kind.run(*sample)


def reached(sweep: SampleSizeSweep, records: Sequence[SampleSizeStep]) -> SampleSizeResult:
    """The K whose critics have taken their last step, from the records so far."""
    ends = {record.k: record for record in records if record.at == sweep.steps}
    ks = tuple(sorted(ends))
    shape = (len(ks), sweep.seeds)
    train = np.array([ends[k].train for k in ks]).reshape(shape)
    return SampleSizeResult(sweep.truth, ks, train, np.array([ends[k].held_out for k in ks]).reshape(shape))


def pairs_a_fold(k: int) -> int:
    """Pairs that a fold needs so that its critic trains on ``k``, after those set aside for validation."""
    return next(n for n in count(k) if n - validation_size(n) == k)
