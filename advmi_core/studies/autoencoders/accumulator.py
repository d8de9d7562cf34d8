"""From records to a result, at any moment of a study."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from advmi_core.studies.autoencoders.records import MakingStep, Record, RetrainStep
from advmi_core.studies.autoencoders.results import Retrained, RetrainingResult
from advmi_core.studies.autoencoders.spec import RetrainingSpec


def collect(study: RetrainingSpec, steps: Iterable[Record]) -> RetrainingResult:
    """Put what the records say in its places, for a study that is still running."""
    seen = Accumulator(study)
    for step in steps:
        seen.add(step)
    return seen.result()


class Accumulator:
    """The newest record of every training and of every set of images."""

    def __init__(self, study: RetrainingSpec) -> None:
        self._study = study
        self._trained: dict[tuple[str, str, str, int], RetrainStep] = {}
        self._made: dict[tuple[str, str, str], MakingStep] = {}

    def add(self, step: Record) -> None:
        """Take in the next record."""
        if isinstance(step, MakingStep):
            self._made[step.model, step.row, step.split] = step
            return
        for protocol in step.protocols:
            self._trained[step.model, step.row, protocol, step.seed] = step

    def result(self) -> RetrainingResult:
        """Everything said so far; what was not is NaN."""
        cells = {cell: self._cell(*cell) for cell in self._study.cells}
        complete = all(np.isfinite(found.means).all() for found in cells.values())
        return RetrainingResult(self._study.spec(), cells, complete)

    def _cell(self, model: str, row: str, protocol: str) -> Retrained:
        seeds = self._study.seeds
        found = [self._trained.get((model, row, protocol, seed)) for seed in seeds]
        there = [step for step in found if step is not None]
        losses = np.full(
            (len(seeds), max((len(step.losses) for step in there), default=0) or 1), np.nan, np.float32
        )
        curves = np.full((len(seeds), self._study.epochs_of(model)), np.nan, np.float32)
        kept = np.full(len(seeds), np.nan)
        for at, step in enumerate(found):
            if step is not None:
                curves[at, : len(step.curve)] = step.curve
                if len(step.losses):
                    losses[at] = step.losses
                if np.isfinite(step.kept).any():
                    kept[at] = np.nanmean(step.kept.astype(np.float64))
        train, test = (self._made.get((model, row, split)) for split in ("train", "test"))
        return Retrained(
            losses=losses,
            curves=curves,
            kept=kept,
            asr_train=math.nan if train is None else train.success,
            asr_test=math.nan if test is None else test.success,
            used=max((step.used for step in there), default=0),
            l2=math.nan if train is None else train.l2,
            start_l2=math.nan if train is None else train.start_l2,
            moved_l2=math.nan if train is None else train.moved_l2,
        )
