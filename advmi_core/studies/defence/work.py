"""A lesson at work: its four stages, each found on disk or computed."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import torch

from advmi_core import data
from advmi_core.attacks import Attack
from advmi_core.attacks.core.records import AttackResult, Step
from advmi_core.defenses.estimator_spec import Estimated, EstimatorStep
from advmi_core.defenses.estimators import train_estimators
from advmi_core.defenses.folders import once
from advmi_core.defenses.learner import DefenseLearner
from advmi_core.defenses.parallel import Ranks
from advmi_core.defenses.records import DefenseStep, Epoch, LossTerms
from advmi_core.defenses.spec import DefenseSpec
from advmi_core.defenses.trainer import train_defense
from advmi_core.defenses.validation import validate
from advmi_core.mi.local.estimators import LocalEstimators
from advmi_core.models import Classifier
from advmi_core.models.training.splits import make_splits
from advmi_core.objectives import Classification
from advmi_core.run import Run
from advmi_core.studies.defence import attacks
from advmi_core.studies.defence.attacks import cost, measure
from advmi_core.studies.defence.records import (
    ATTACKS,
    DEFENCE,
    ESTIMATORS,
    STAGES,
    STANDARD,
    DefenceStudyResult,
    DefenceStudyStep,
)
from advmi_core.studies.defence.spec import DefenceStudySpec
from advmi_core.studies.defence.store import TrainingStore

Records = Generator[DefenceStudyStep, None, None]
_STEP = 2.5  # a gradient step's own work on an image, in passes of its PGD
_ESTIMATOR_STEP = 3.0  # the estimators' work on an image, likewise
_RECORD_EVERY = 2
_LOOKS = 10  # records of an attack


class DefenceStudyWork:
    """One run of a lesson.

    Args and errors: see ``DefenceStudy.run``.
    """

    def __init__(self, lesson: DefenceStudySpec, directory: Path, device: torch.device) -> None:
        self.lesson, self.device = lesson, device
        self.images = data.load(lesson.dataset, "train").first(lesson.n)
        self.test = data.load(lesson.dataset, "test").first(lesson.measured)
        self.shelf = TrainingStore(directory, self.images, self.test, device)
        self.attacks = attacks.attacks(lesson.eps, lesson.seed)
        self._steps: list[DefenceStudyStep] = []
        self._weights: dict[str, Path] = {}
        self._complete = False
        self._costs = self._plan()
        self.total = sum(self._costs.values())

    def _plan(self) -> dict[str, int]:
        """Stage → its work, in passes of a PGD step over one image."""
        lesson = self.lesson
        training = lesson.n * lesson.epochs * (lesson.steps + _STEP)
        estimating = lesson.n * (lesson.steps + _ESTIMATOR_STEP * (lesson.first + lesson.optimised))
        attacking = 2 * lesson.measured * sum(map(cost, self.attacks.values()))
        costs = {STANDARD: training, ESTIMATORS: estimating, DEFENCE: training, ATTACKS: attacking}
        return {stage: math.ceil(costs[stage]) for stage in STAGES}

    def result(self) -> DefenceStudyResult:
        """Everything found so far."""
        return DefenceStudyResult(self.lesson, tuple(self._steps), dict(self._weights), self._complete)

    def records(self) -> Records:
        """The stages, one after the other."""
        for record in self._stages():
            self._steps.append(record)
            yield record
        self._complete = True

    def _stages(self) -> Records:
        lesson = self.lesson
        standard = yield from self._train(STANDARD, lesson.standard, None)
        estimated = yield from self._estimate(standard)
        yield self._record(ESTIMATORS, 1, reference=self._reference(standard, estimated.optimised))
        defence = yield from self._train(DEFENCE, lesson.defended, estimated.optimised)
        yield from self._attack({STANDARD: standard, DEFENCE: defence}, estimated)

    def _record(self, stage: str, share: float, **found: Any) -> DefenceStudyStep:
        """A record at this share of a stage; the stages before it are done."""
        before = sum(self._costs[name] for name in STAGES[: STAGES.index(stage)])
        return DefenceStudyStep(before + round(share * self._costs[stage]), self.total, stage, **found)

    def _train(
        self, stage: str, spec: DefenseSpec, estimators: LocalEstimators | None
    ) -> Generator[DefenceStudyStep, None, Classifier]:
        folder = self.shelf.training(spec, estimators)
        seen: set[int] = set()

        def record(step: DefenseStep | None) -> DefenceStudyStep:
            if step is None:
                return self._record(stage, 0)
            seen.update({step.finished.epoch} if step.finished else ())
            return self._record(stage, step.step / step.total, training=step)

        network, history = yield from once(
            folder,
            lambda: train_defense(
                spec, folder.path, estimators=estimators, images=self.images, test=self.test,
                device=self.device, record_every=_RECORD_EVERY,
            ),
            record,
        )  # fmt: skip
        for epoch in history:  # those that an earlier run has finished
            if epoch.epoch not in seen:
                yield self._record(stage, 1, training=_again(epoch, spec), reused=True)
        self._weights[stage] = folder.weights
        return network.to(self.device)

    def _estimate(self, target: Classifier) -> Generator[DefenceStudyStep, None, Estimated]:
        folder, computed = self.shelf.estimators(self.lesson.estimators, target), False

        def record(step: EstimatorStep | None) -> DefenceStudyStep:
            nonlocal computed
            computed = computed or step is not None
            return self._record(ESTIMATORS, step.step / step.total if step else 0, estimator=step)

        estimated = yield from once(
            folder,
            lambda: train_estimators(
                self.lesson.estimators, target, folder.path, images=self.images, test=self.test,
                device=self.device,
            ),
            record,
        )  # fmt: skip
        if not computed:
            yield self._record(ESTIMATORS, 1, reused=True)
        return estimated.to(self.device)

    def _reference(self, standard: Classifier, estimators: LocalEstimators) -> Epoch:
        """The Standard model on the images that the defence's curves are measured on, in the same way."""
        spec = self.lesson.standard
        splits = make_splits(spec, self.images, self.test)
        learner = DefenseLearner(
            copy.deepcopy(standard), spec, estimators, self.device, Ranks.current()
        )  # fmt: skip
        nothing = LossTerms(*[math.nan] * 6)
        return validate(learner, splits.validation_x, splits.validation_y, 0, nothing)

    def _attack(self, networks: Mapping[str, Classifier], estimated: Estimated) -> Records:
        whole, done = 2 * sum(map(cost, self.attacks.values())), 0.0
        for label, attack in self.attacks.items():
            for model, network in networks.items():
                here = {"model": model, "attack": label}
                folder = self.shelf.attacked(attack, network, estimated)
                measured = folder.load()
                reused = measured is not None
                if measured is None:
                    clock, run = time.perf_counter(), self._broken(attack, network)
                    with run:
                        for step in run:
                            share = (done + cost(attack) * step.step / step.total) / whole
                            yield self._record(ATTACKS, share, **here)
                    measured = measure(network, estimated, self.test, run.result.x_adv)
                    folder.keep(measured, time.perf_counter() - clock)
                done += cost(attack)
                yield self._record(ATTACKS, done / whole, measured=measured, reused=reused, **here)

    def _broken(self, attack: Attack, network: Classifier) -> Run[Step, AttackResult]:
        return attack.run(
            Classification(network, self.test.y), self.test.x,
            record_every=max(1, attack.iterations // _LOOKS),
        )  # fmt: skip


def _again(epoch: Epoch, spec: DefenseSpec) -> DefenseStep:
    """A finished epoch as the record of a training that takes one step an epoch."""
    lr = spec.learning_rate(epoch.epoch - 1)
    return DefenseStep(epoch.epoch, spec.epochs, epoch.epoch, spec.epochs, lr, epoch.train, epoch)
