"""Training of the models that the robustness tables measure: Standard AT, estimators on it, every defence."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from advmi_core import data
from advmi_core.defenses import DEFENSES, train_defense, train_estimators
from advmi_core.defenses.estimator_spec import STAGES
from advmi_core.defenses.folders import PAUSE, DefenseFolder, EstimatorFolder, trained
from advmi_core.experiments.artefact import Artefact
from advmi_core.experiments.progress import StudyRun
from advmi_core.files import parse_json
from advmi_core.mi.local.dim import KINDS
from advmi_core.mi.local.estimators import LocalEstimators
from advmi_core.studies.robustness.trained_models import read
from advmi_core.studies.robustness.training_spec import (
    DefenceTrainingsSpec,
    Step,
    TrainedRow,
    TrainingsResult,
    TrainingsStep,
)

ESTIMATORS, STANDARD = "estimators", "standard"
_UNITS = 1000  # of progress in a training


@dataclass(frozen=True, kw_only=True)
class DefenceTrainings(DefenceTrainingsSpec):
    """DefenceTrainings with the parameters of ``DefenceTrainingsSpec``, ready to run."""

    def run(self, directory: Path, device: torch.device) -> StudyRun[TrainingsStep, TrainingsResult]:
        """Train what is not there yet; closed or killed, it goes on from the last epoch.

        Several processes may share a folder: each takes trainings that no other is at. Processes that
        ``torchrun`` has started, see ``parallel.processes``, train each model together.

        Args:
            directory: for ROW/seed-S/MODEL.safetensors with card and history, and estimators/seed-S.
            device: where to train.

        Raises:
            ValueError: there are too few images, or (while running) the folder holds other trainings.
            DataNotFoundError: the data set is not on this machine.
        """
        work = _Work(self, directory, device)
        artefact = Artefact(directory, "defences", self.spec())  # says how far they are
        artefact.open()
        title = f"Defences: {self.model} on {self.dataset}"
        return StudyRun(
            artefact, title, work.records(), work.result, work.total,
            done=lambda step: (step.part - 1, step.parts),
        )  # fmt: skip


@dataclass(frozen=True)
class _Task:
    """One training: a row, or the estimators, of a seed."""

    row: str
    seed: int


class _Work:
    """The state behind a run."""

    def __init__(self, study: DefenceTrainingsSpec, directory: Path, device: torch.device) -> None:
        self.study, self.directory, self.device = study, directory, device
        self.images = data.load(study.dataset, "train").first(study.n)
        self.test = data.load(study.dataset, "test")
        self.tasks = [_Task(row, seed) for seed in study.seeds for row in self._order()]
        self.total = _UNITS * len(self.tasks)
        self.done: set[_Task] = set()

    def _order(self) -> list[str]:
        """The trainings of a seed, those that others need before them."""
        names = self.study.names
        looking = [row for row in names if self._looks(row)]
        others = [row for row in names if row not in looking and row != STANDARD]
        first = [STANDARD] if looking or STANDARD in names else []
        return [*first, *others, *([ESTIMATORS] if looking else []), *looking]

    def _looks(self, row: str) -> bool:
        """Whether a row looks through estimators."""
        return row != ESTIMATORS and DEFENSES[self.study.variants[row].defense].term is not None

    def records(self) -> Generator[TrainingsStep, None, None]:
        """One task after the other; what another process is at is left to it and looked for again."""
        waiting, passed = deque(self.tasks), 0
        while waiting:
            task = waiting.popleft()
            steps = self._steps(task) if self._ready(task) else iter([None])
            for step in steps:
                if step is None:
                    break
                yield self._record(task, step)
            else:
                self.done.add(task)
                passed = 0
                continue
            waiting.append(task)
            passed += 1
            if passed >= len(waiting):
                yield self._record(task, None)
                time.sleep(PAUSE)
                passed = 0

    def _record(self, task: _Task, step: Step | None) -> TrainingsStep:
        share = 0 if step is None else _UNITS * step.step // step.total
        done, all_of_them = len(self.done), len(self.tasks)
        return TrainingsStep(
            _UNITS * done + share, self.total, done + 1, all_of_them, task.row, task.seed, step
        )  # fmt: skip

    def _ready(self, task: _Task) -> bool:
        if task.row == ESTIMATORS:
            return _Task(STANDARD, task.seed) in self.done
        return not self._looks(task.row) or _Task(ESTIMATORS, task.seed) in self.done

    def _steps(self, task: _Task) -> Generator[Step | None, None, Any]:
        given: dict[str, Any] = {
            "images": self.images, "test": self.test, "device": self.device,
            "command": self.study.command(STANDARD if task.row == ESTIMATORS else task.row, task.seed),
        }  # fmt: skip
        if task.row == ESTIMATORS:
            spec, folder = self.study.estimators(task.seed), EstimatorFolder(self._place(task))
            found = self._folder(STANDARD, task.seed).load()
            assert found is not None  # ``_ready`` saw to it
            target = found[0]
            aimed_at = {"model": target.name, "sha256": target.card["sha256"]}
            card = folder.path / STAGES[0] / f"local-dim-{KINDS[0]}.json"
            self._check(card, spec.to_dict(), target=aimed_at)
            return trained(folder, partial(train_estimators, spec, target, folder.path, **given), _told)
        wanted, place = self.study.training(task.row, task.seed), self._folder(task.row, task.seed)
        through = self._estimators(task)
        digest = None if through is None else through.digest()
        self._check(place.weights.with_suffix(".json"), wanted.to_dict(), estimators=digest)
        return trained(place, partial(train_defense, wanted, place.path, estimators=through, **given), _told)

    def _estimators(self, task: _Task) -> LocalEstimators | None:
        """What a row looks through."""
        if not self._looks(task.row):
            return None
        found = EstimatorFolder(self._place(_Task(ESTIMATORS, task.seed))).load()
        assert found is not None  # ``_ready`` saw to it
        return found.first if self.study.variants[task.row].first_stage else found.optimised

    def _place(self, task: _Task) -> Path:
        return self.directory / task.row / f"seed-{task.seed}"

    def _folder(self, row: str, seed: int) -> DefenseFolder:
        return DefenseFolder(self._place(_Task(row, seed)), self.study.model)

    def _check(self, card: Path, spec: dict[str, Any], **others: object) -> None:
        """Raise ValueError if a card is there and of another training; ``others`` it has to tell as well."""
        if not card.is_file():
            return
        told = parse_json(card.read_text(encoding="utf-8"))
        images = told["dataset"]["training_images"] + told["dataset"]["validation_images"]
        seen = {**told["spec"], "images": images, **{name: told.get(name) for name in others}}
        wanted = {**spec, "images": self.study.n, **others}
        for name in sorted(seen.keys() | wanted.keys()):
            if seen.get(name) != wanted.get(name):
                raise ValueError(
                    f"{card} is of another training: its {name} is {seen.get(name)}, wanted "
                    f"{wanted.get(name)}; choose another folder"
                )

    def result(self) -> TrainingsResult:
        """Every model of the study that is there."""
        rows = [
            TrainedRow(
                row, self.study.variants[row].title, seed, self.study.training(row, seed),
                read(folder.weights, folder.model).training["epoch"], found[1],
            )
            for row in self.study.names
            for seed in self.study.seeds
            if (found := (folder := self._folder(row, seed)).load()) is not None
        ]  # fmt: skip
        return TrainingsResult(tuple(rows), len(self.done) == len(self.tasks))


def _told(step: Step | None) -> Step | None:
    return step
