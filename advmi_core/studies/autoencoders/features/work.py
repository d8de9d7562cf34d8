"""A study of learned features at work: base, new images and trainings, each found on disk or computed."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from advmi_core import __version__, data
from advmi_core.augmentation import Augmentation, Augmented
from advmi_core.models import Network, build, default_spec, measure
from advmi_core.models.metrics import main_metric
from advmi_core.parts import Parts, read_arrays
from advmi_core.studies.autoencoders.features.results import (
    PROBE_ROWS,
    UAE,
    Cell,
    ProbeRecord,
    ProbeResult,
    ProbeStep,
)
from advmi_core.studies.autoencoders.features.spec import ProbeSpec
from advmi_core.studies.autoencoders.records import GAUSSIAN, ORIGINAL, PROTOCOLS, MakingStep
from advmi_core.studies.autoencoders.training import Training, TrainingSet, one_thread

_WEIGHTS = "weights/"
_SHORT, _LONG = PROTOCOLS


class ProbeTraining(Training):
    """A training whose curve is the network's own loss, whichever it has."""

    def measure(self, x: Tensor) -> float:
        return measure(self.network, x, torch.zeros(len(x), dtype=torch.int64))[main_metric(self.network)]


class ProbeWork:
    """One run of a study; see ``ProbeStudy.run``."""

    def __init__(self, study: ProbeSpec, directory: Path, device: torch.device) -> None:
        self.study, self._device = study, device
        images = data.load(study.dataset, split="train")
        if study.n + study.validation > len(images):
            raise ValueError(
                f"n + validation must be at most the {len(images)} training images of {study.dataset} that "
                f"are here, got {study.n} + {study.validation}"
            )
        self.train = images.first(study.n)
        self.validation = images.take(range(study.n, study.n + study.validation)).x
        self.test = data.load(study.dataset, split="test")
        sets = {"train": self.train.x, "validation": self.validation, "test": self.test.x}
        usual = default_spec(study.model, study.dataset).to_dict()
        spec = {"advmi": __version__, **study.spec(), "training": usual}
        self.spec = spec | {"images": {name: _hash(x) for name, x in sets.items()}}
        if device.type != "cpu":  # whose trainings differ from a CPU's by far more than rounding
            self.spec["device"] = device.type
        self._directory, self._parts = directory, Parts(directory, study.kind, self.spec)
        self._parts.open()
        empty = np.full((len(study.seeds), len(study.metrics)), np.nan)
        self._values = {cell: empty.copy() for cell in study.cells}
        self._made: dict[str, Augmented] = {}
        self._done = 0
        trainings = study.gradient_steps(_SHORT) + len(PROBE_ROWS) * study.gradient_steps(_LONG)
        self.total = len(study.seeds) * trainings + study.n * (len(PROBE_ROWS) - 1)

    def records(self) -> Generator[ProbeRecord, None, None]:
        """The base, the new images, then seed after seed."""
        base = yield from self._base()
        objective = self.study.objective(base, self.validation)
        uaes = yield from self._make(UAE, self.study.augmentation(), objective)
        noise = Augmentation(method="gaussian", part=self.study.part)
        yield from self._make(GAUSSIAN, noise, objective, uaes.l2)
        for seed in self.study.seeds:
            if seed != self.study.seeds[0]:
                yield from self._train(ORIGINAL, _SHORT, seed)
            for row in PROBE_ROWS:
                yield from self._train(row, _LONG, seed)

    def _base(self) -> Generator[ProbeRecord, None, Network]:
        """The original of the first seed, frozen."""
        arrays = yield from self._train(ORIGINAL, _SHORT, self.study.seeds[0])
        network = self._build(self.study.seeds[0])
        kept = {
            key.removeprefix(_WEIGHTS): value for key, value in arrays.items() if key.startswith(_WEIGHTS)
        }
        network.load_state_dict({key: torch.from_numpy(value) for key, value in kept.items()})
        return network.to(self._device).freeze()

    def _build(self, seed: int) -> Network:
        channels, height, width = self.train.x.shape[1:]
        return build(self.study.model, (channels, height, width), seed=seed)

    def _make(
        self, row: str, how: Augmentation, objective: Any, l2: Tensor | None = None
    ) -> Generator[ProbeRecord, None, Augmented]:
        began, count = self._done, len(self.train)
        with how.run(objective, self.train.x, l2=l2, directory=self._directory) as run:
            for step in run:
                self._done = began + step.done
                yield MakingStep(
                    step=self._done,
                    total=self.total,
                    model=self.study.model,
                    row=row,
                    split="train",
                    done=step.done,
                    count=count,
                    success=step.success,
                    l2=math.nan,
                    start_l2=math.nan,
                    moved_l2=math.nan,
                    reused=step.reused,
                )
            self._made[row] = run.result
        return self._made[row]

    def _train(self, row: str, schedule: str, seed: int) -> Generator[ProbeRecord, None, dict[str, Any]]:
        """One training, found or computed; its arrays."""
        study, began = self.study, self._done
        name, steps = f"{row}-{schedule}-seed{seed}", study.gradient_steps(schedule)
        lesson = self._lesson(row)
        protocols = (schedule,) if row == ORIGINAL else PROTOCOLS
        now = ProbeStep(
            step=began,
            total=self.total,
            row=row,
            protocols=protocols,
            seed=seed,
            epoch=study.epochs,
            epochs=study.epochs,
            loss=math.nan,
            validation=math.nan,
            metrics={},
            used=len(lesson.x) - len(self.train),
            reused=True,
        )
        arrays = self._read(name, schedule == _SHORT and seed == study.seeds[0])
        if arrays is None:
            arrays = yield from self._learn(name, lesson, steps, now)
            now = replace(now, reused=False)
        self._done = began + steps
        for protocol in protocols:
            self._values[row, protocol][study.seeds.index(seed)] = arrays["metrics"]
        metrics = dict(zip(study.metrics, arrays["metrics"].tolist(), strict=True))
        last = float(arrays["curve"][-1])
        yield replace(now, step=self._done, validation=last, metrics=metrics)
        return arrays

    def _learn(
        self, name: str, lesson: TrainingSet, steps: int, now: ProbeStep
    ) -> Generator[ProbeRecord, None, dict[str, Any]]:
        """Train, measure, keep."""
        clock, study, began = time.perf_counter(), self.study, self._done
        training = ProbeTraining(
            study.model,
            lesson,
            seed=now.seed,
            epochs=study.epochs,
            steps=steps,
            batch=study.batch,
            device=self._device,
        )
        for moment in training.records():
            self._done = began + moment.step
            if moment.step < steps:
                last = moment.curve[-1] if moment.curve else math.nan
                yield replace(
                    now, step=self._done, epoch=moment.epoch, loss=moment.loss, validation=last, reused=False
                )
        with one_thread():
            values = study.probe(training.network.freeze(), self.train, self.test, now.seed)
        arrays: dict[str, NDArray[Any]] = {
            "metrics": np.asarray(values, np.float64),
            "curve": np.asarray(moment.curve, np.float64),
        }
        if name == f"{ORIGINAL}-{_SHORT}-seed{study.seeds[0]}":
            state = training.network.state_dict()
            arrays |= {_WEIGHTS + key: value.cpu().numpy().copy() for key, value in state.items()}
        self._parts.write_arrays(name, arrays, time.perf_counter() - clock)
        return arrays

    def _read(self, name: str, weights: bool) -> dict[str, Any] | None:
        """A training on disk; None if it is missing or damaged."""
        arrays = read_arrays(self._parts.part(name)) or {}
        shapes = {"metrics": (len(self.study.metrics),), "curve": (self.study.epochs,)}
        if weights:
            shapes |= {_WEIGHTS + k: tuple(v.shape) for k, v in self._build(0).state_dict().items()}
        whole = all(key in arrays and arrays[key].shape == shape for key, shape in shapes.items())
        return arrays if whole else None

    def _lesson(self, row: str) -> TrainingSet:
        """Originals and a row's new images; noise only for the images whose UAE is taken."""
        x = self.train.x
        if row == ORIGINAL:
            return TrainingSet(x, x, self.validation)
        chosen = self._chosen()
        new = self._made[row].x_adv[chosen]
        targets = new if self.study.targets == "self" else x[chosen]
        return TrainingSet(torch.cat([x, new]), torch.cat([x, targets]), self.validation)

    def _chosen(self) -> Tensor:
        """(N,) bool: the images whose UAE is mixed in."""
        success = self._made[UAE].success
        return success if self.study.only_successful else torch.ones_like(success)

    def result(self) -> ProbeResult:
        """Everything found so far."""
        uaes = self._made.get(UAE)
        complete = all(np.isfinite(values).all() for values in self._values.values())
        cells: dict[Cell, NDArray[np.float64]] = {cell: kept.copy() for cell, kept in self._values.items()}
        return ProbeResult(
            spec=self.spec,
            metrics=self.study.metrics,
            cells=cells,
            asr=math.nan if uaes is None else uaes.asr,
            used=0 if uaes is None else int(self._chosen().sum()),
            complete=complete,
            folder=self._parts.folder,
        )


def _hash(x: Tensor) -> str:
    return hashlib.sha256(x.numpy().tobytes()).hexdigest()
