"""A defence study at work: its four stages, each found on disk or computed."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Generator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from advmi_core import data
from advmi_core.defenses.estimator_spec import Estimated
from advmi_core.defenses.estimators import train_estimators
from advmi_core.defenses.folders import DefenseFolder, EstimatorFolder, Folder
from advmi_core.defenses.learner import DefenseLearner
from advmi_core.defenses.parallel import Ranks
from advmi_core.defenses.records import DefenseStep, Epoch, LossTerms
from advmi_core.defenses.spec import DefenseSpec
from advmi_core.defenses.trainer import train_defense
from advmi_core.defenses.validation import validate
from advmi_core.experiments.artefact import Arrays, Artefact
from advmi_core.experiments.compute import Part, compute_one
from advmi_core.mi.local.estimators import LocalEstimators
from advmi_core.models import Classifier
from advmi_core.models.training.splits import make_splits
from advmi_core.objectives import Classification
from advmi_core.studies.defence import attacks
from advmi_core.studies.defence.attacks import measure
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
from advmi_core.studies.defence.store import TrainingStore, to_measured

TRAINED, VALUES = "trained", "values"
FoundT = TypeVar("FoundT")
Records = Generator[DefenceStudyStep, None, None]
Making = Generator[DefenceStudyStep, None, Arrays]
_RECORD_EVERY = 2
_LOOKS = 10  # records of an attack
_DRAWN = 200  # moments of a training that a result keeps, beside the ends of its epochs


class DefenceStudyWork:
    """One run of a study.

    Args and errors: see ``DefenceStudy.run``.
    """

    def __init__(self, lesson: DefenceStudySpec, directory: Path, device: torch.device) -> None:
        self.lesson, self.device = lesson, device
        self.images = data.load(lesson.dataset, "train").first(lesson.n)
        self.test = data.load(lesson.dataset, "test").first(lesson.measured)
        self.store = TrainingStore(directory, self.images, self.test, device)
        self.artefact = self.store.study(lesson)
        self.attacks = attacks.attacks(lesson.eps, lesson.seed)
        self._steps: list[DefenceStudyStep] = []
        self._weights: dict[str, Path] = {}
        self._finished, self._iterations, self._loaded, self._complete = 0, 0, True, False
        self._passes = self._plan()
        self.total = sum(self._passes.values())

    def _plan(self) -> dict[str, int]:
        """Stage → passes of an image, in an attack or in a gradient step."""
        lesson = self.lesson
        training = lesson.n * lesson.epochs * (lesson.steps + 1)
        estimating = lesson.n * (lesson.steps + lesson.first + lesson.optimised)
        attacking = 2 * lesson.measured * sum(attack.iterations for attack in self.attacks.values())
        return dict(zip(STAGES, (training, estimating, training, attacking), strict=True))

    def result(self) -> DefenceStudyResult:
        """Everything found so far."""
        return DefenceStudyResult(
            self.lesson, tuple(self._steps), dict(self._weights), self._complete, self._loaded
        )

    def done(self, _: DefenceStudyStep) -> tuple[int, int]:
        """Trainings and models under attack, finished and wanted."""
        return self._finished, 3 + 2 * len(self.attacks)

    def records(self) -> Records:
        """The stages, one after the other."""
        for record in self._stages():
            if _kept(record):
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
        before = sum(self._passes[name] for name in STAGES[: STAGES.index(stage)])
        return DefenceStudyStep(before + round(share * self._passes[stage]), self.total, stage, **found)

    def _count(self, part: Part[str]) -> None:
        self._finished += 1
        self._loaded &= part.reused

    def _train(
        self, stage: str, spec: DefenseSpec, estimators: LocalEstimators | None
    ) -> Generator[DefenceStudyStep, None, Classifier]:
        artefact, told = self.store.training(spec, estimators), set[int]()
        folder = DefenseFolder(artefact.folder, spec.model)

        def make() -> Making:
            with train_defense(
                spec, folder.path, estimators=estimators, images=self.images, test=self.test,
                device=self.device, record_every=_RECORD_EVERY,
            ) as run:  # fmt: skip
                for step in run:
                    told.update({step.finished.epoch} if step.finished else ())
                    yield self._record(stage, step.step / step.total, training=step)
            return {"robust": np.array([epoch.robust for epoch in run.result.history])}

        network, history = yield from self._once(artefact, folder, make, self._record(stage, 0))
        for epoch in history:  # those that an earlier run has finished
            if epoch.epoch not in told:
                yield self._record(stage, 1, training=_again(epoch, spec), reused=True)
        self._weights[stage] = folder.weights
        return network.to(self.device)

    def _estimate(self, target: Classifier) -> Generator[DefenceStudyStep, None, Estimated]:
        spec, computed = self.lesson.estimators, False
        artefact = self.store.estimators(spec, target)
        folder = EstimatorFolder(artefact.folder)

        def make() -> Making:
            nonlocal computed
            computed = True
            with train_estimators(
                spec, target, folder.path, images=self.images, test=self.test, device=self.device
            ) as run:
                for step in run:
                    yield self._record(ESTIMATORS, step.step / step.total, estimator=step)
            return {"natural": np.array([held.natural_adv for _, held in run.result.history])}

        estimated = yield from self._once(artefact, folder, make, self._record(ESTIMATORS, 0))
        if not computed:
            yield self._record(ESTIMATORS, 1, reused=True)
        return estimated.to(self.device)

    def _once(
        self, artefact: Artefact, folder: Folder[FoundT], make: Callable[[], Making], now: DefenceStudyStep
    ) -> Generator[DefenceStudyStep, None, FoundT]:
        """What a training has left in its folder; the part says that it has ended."""
        part = yield from compute_one(artefact, TRAINED, lambda _: folder.load() is not None, make, now)
        self._count(part)
        found = folder.load()
        assert found is not None  # it was just read, or written
        return found

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
        for label, attack in self.attacks.items():
            for model, network in networks.items():
                part = yield from compute_one(
                    self.store.attacked(attack, network, estimated),
                    VALUES,
                    lambda arrays: to_measured(arrays) is not None,
                    partial(self._break, label, model, network, estimated),
                    self._moment(label, model),
                )
                self._count(part)
                self._iterations += attack.iterations
                yield self._moment(label, model, measured=to_measured(part.arrays), reused=part.reused)

    def _break(self, label: str, model: str, network: Classifier, estimated: Estimated) -> Making:
        attack = self.attacks[label]
        run = attack.run(
            Classification(network, self.test.y), self.test.x,
            record_every=max(1, attack.iterations // _LOOKS),
        )  # fmt: skip
        with run:
            for step in run:
                yield self._moment(label, model, attack.iterations * step.step / step.total)
        measured = measure(network, estimated, self.test, run.result.x_adv)
        return {name: values.numpy() for name, values in attacks.to_arrays(measured).items()}

    def _moment(self, label: str, model: str, iterations: float = 0, **found: Any) -> DefenceStudyStep:
        """A record after so many iterations of an attack."""
        whole = 2 * sum(attack.iterations for attack in self.attacks.values())
        share = (self._iterations + iterations) / whole
        return self._record(ATTACKS, share, model=model, attack=label, **found)


def _kept(record: DefenceStudyStep) -> bool:
    """Whether a result keeps it: what was found, and as many moments of a training as can be drawn."""
    training, estimator = record.training, record.estimator
    if training is not None:
        return training.finished is not None or _nth(training.step, training.total)
    if estimator is not None:
        return estimator.held is not None or _nth(estimator.step, estimator.total)
    return record.measured is not None or record.reference is not None


def _nth(step: int, total: int) -> bool:
    return step % max(1, total // _DRAWN) < _RECORD_EVERY


def _again(epoch: Epoch, spec: DefenseSpec) -> DefenseStep:
    """A finished epoch as the record of a training that takes one step an epoch."""
    lr = spec.learning_rate(epoch.epoch - 1)
    return DefenseStep(epoch.epoch, spec.epochs, epoch.epoch, spec.epochs, lr, epoch.train, epoch)
