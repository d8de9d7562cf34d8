"""One model of a study: its base, its new images, and its trainings, each found on disk or computed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from advmi_core.augmentation import Augmented
from advmi_core.augmentation.generation import Generation
from advmi_core.experiments.artefact import Arrays, Artefact
from advmi_core.experiments.compute import compute_one
from advmi_core.models import Network, build
from advmi_core.models.registry import skeleton
from advmi_core.objectives import Objective
from advmi_core.studies.autoencoders.images import Images, chosen, lesson
from advmi_core.studies.autoencoders.records import (
    NOISES,
    ORIGINAL,
    PROTOCOLS,
    MakingStep,
    Record,
    RetrainStep,
)
from advmi_core.studies.autoencoders.retraining import Retraining
from advmi_core.studies.autoencoders.training import (
    Training,
    TrainingProgress,
    TrainingSet,
    one_thread,
)

TRAIN, TEST = "train", "test"
_WEIGHTS = "weights/"
_EPOCHS, _STEPS = PROTOCOLS


class ModelWork(ABC):
    """All that a study wants of one model; where a training is kept and what is measured says a subclass.

    Args:
        study: what is wanted.
        model: its name.
        images: the study's images.
        directory: where the folders lie.
        device: where to compute.
        uses: gets every artefact that holds parts, as soon as it is known.
        tested: (T,C,H,W) images of which new ones are made only to tell the success rate.

    Attributes:
        total: gradient steps and new images.
        parts, finished: trainings and sets of new images, wanted and finished.
        loaded: nothing had to be computed so far.
        base: the network that new images are made for, as soon as there is one.
        made: (row, split) → new images, as soon as all of them are there.
        found: (row, schedule, seed) → a training's arrays; of the one in hand, its ``curve`` so far.
    """

    training: Callable[..., Training] = Training

    def __init__(
        self,
        study: Retraining,
        model: str,
        images: Images,
        directory: Path,
        device: torch.device,
        uses: list[Artefact],
        tested: Tensor | None = None,
    ) -> None:
        self.study, self.model, self.images = study, model, images
        self._directory, self._device, self._uses = directory, device, uses
        self._tested = images.train.x[:0] if tested is None else tested
        # Noise comes after the UAEs that it is as long as.
        self._rows = sorted((row for row in study.rows if row != ORIGINAL), key=lambda row: row in NOISES)
        self.base: Network | None = None
        self.made: dict[tuple[str, str], Augmented] = {}
        self.found: dict[tuple[str, str, int], Arrays] = {}
        self._done, self.finished, self.loaded = 0, 0, True
        short, long = (study.gradient_steps(model, name) for name in PROTOCOLS)
        seeds, rows, original = len(study.seeds), len(self._rows), ORIGINAL in study.rows
        making = rows * (len(images.train) + len(self._tested))
        self.total = (seeds * (short + long) if original else short) + making + seeds * rows * long
        sets = rows * (1 + bool(len(self._tested)))
        self.parts = (2 * seeds if original else 1) + sets + seeds * rows

    @abstractmethod
    def artefact(self, row: str) -> Artefact:
        """What keeps a row's trainings."""

    @abstractmethod
    def name(self, row: str, schedule: str, seed: int) -> str:
        """Of a training in its artefact."""

    @abstractmethod
    def objective(self, base: Network) -> Objective:
        """What UAEs of the base pursue."""

    @abstractmethod
    def good(self, arrays: Arrays) -> bool:
        """Whether these are a training's arrays, its weights aside."""

    @abstractmethod
    def measure(self, training: Training, now: TrainingProgress, row: str) -> Arrays:
        """What is kept of a training that has ended, its weights aside; at least its ``curve``."""

    @abstractmethod
    def metrics(self, arrays: Arrays) -> dict[str, float]:
        """What the last record of a training says of it."""

    def records(self) -> Generator[Record, None, None]:
        """Everything for the first seed, then the other seeds, then new images of the tested images."""
        first, *others = self.study.seeds
        original = (_EPOCHS, _STEPS) if ORIGINAL in self.study.rows else ()
        base = yield from self._train(ORIGINAL, _EPOCHS, first)
        self.base = self._network(base)
        for schedule in original[1:]:
            yield from self._train(ORIGINAL, schedule, first)
        for row in self._rows:
            yield from self._make(row, TRAIN, self.images.train.x)
            yield from self._train(row, _STEPS, first)
        for seed in others:
            for schedule in original:
                yield from self._train(ORIGINAL, schedule, seed)
            for row in self._rows:
                yield from self._train(row, _STEPS, seed)
        for row in self._rows if len(self._tested) else ():
            yield from self._make(row, TEST, self._tested)

    def _network(self, arrays: Arrays) -> Network:
        channels, height, width = self.images.train.x.shape[1:]
        network = build(self.model, (channels, height, width))
        network.load_state_dict(
            {
                key.removeprefix(_WEIGHTS): torch.from_numpy(value)
                for key, value in arrays.items()
                if key.startswith(_WEIGHTS)
            }
        )
        return network.to(self._device).freeze()

    def _make(self, row: str, split: str, x: Tensor) -> Generator[Record, None, None]:
        """A row's new images of all x (N,C,H,W) of a split."""
        assert self.base is not None  # it is trained before anything else
        study, began, l2 = self.study, self._done, None
        if row in NOISES:
            l2 = self.made[study.matched or "", split].l2 * study.length(row, self.model)
        making = Generation(
            study.augmentation(row, self.model), self.objective(self.base), x, l2, self._directory
        )
        assert making.artefact is not None
        self._uses.append(making.artefact)
        with closing(making.steps()) as steps:
            for step in steps:
                self._done = began + step.done
                self.loaded &= step.reused
                if step.done == len(x):
                    self.made[row, split] = making.result()
                    self.finished += 1
                yield MakingStep(
                    self._done,
                    self.total,
                    self.model,
                    row,
                    split,
                    step.done,
                    len(x),
                    step.success,
                    step.reused,
                )

    def _train(self, row: str, schedule: str, seed: int) -> Generator[Record, None, Arrays]:
        """One training; its last record says what was measured."""
        study, began, key = self.study, self._done, (row, schedule, seed)
        steps, positions = study.gradient_steps(self.model, schedule), self.positions(row)
        is_base = key == (ORIGINAL, _EPOCHS, study.seeds[0])
        served = (schedule,) if row == ORIGINAL else PROTOCOLS
        epochs, nothing = study.epochs_of(self.model), float("nan")
        now = RetrainStep(
            step=began, total=self.total, model=self.model, row=row,
            protocols=served if row in study.rows else (), seed=seed, epoch=1, epochs=epochs, loss=nothing,
            validation=nothing, metrics={}, used=len(positions), reused=False,
        )  # fmt: skip

        def good(arrays: Arrays) -> bool:
            return self.good(arrays) and (not is_base or self._has_weights(arrays))

        def make() -> Generator[RetrainStep, None, Arrays]:
            training = self.training(
                self.model, self._lesson(row, positions), seed=seed, epochs=epochs, steps=steps,
                batch=study.batch, device=self._device,
            )  # fmt: skip
            for moment in training.records():
                self._done = began + moment.step
                self.found[key] = {"curve": np.asarray(moment.curve, np.float32)}
                if moment.step < steps:
                    last = moment.curve[-1] if moment.curve else nothing
                    yield replace(
                        now, step=self._done, epoch=moment.epoch, loss=moment.loss, validation=last
                    )  # fmt: skip
            with one_thread():
                arrays = self.measure(training, moment, row)
            return arrays | _weights(training.network) if is_base else arrays

        part = yield from compute_one(self.artefact(row), self.name(row, schedule, seed), good, make, now)
        arrays = self.found[key] = part.arrays
        self._done, self.finished = began + steps, self.finished + 1
        self.loaded &= part.reused
        yield replace(
            now, step=self._done, epoch=epochs, loss=float(arrays.get("loss", nothing)),
            validation=float(arrays["curve"][-1]), metrics=self.metrics(arrays), reused=part.reused,
        )  # fmt: skip
        return arrays

    def positions(self, row: str) -> Tensor:
        """(u,) of the new images that are mixed in.

        Noise has no success of its own: it takes the place of the very UAEs that it is as long as.
        """
        source = self.made.get((self.study.matched or "" if row in NOISES else row, TRAIN))
        return torch.empty(0, dtype=torch.int64) if source is None else chosen(self.study, source.success)

    def _lesson(self, row: str, positions: Tensor) -> TrainingSet:
        return lesson(self.images, self.made.get((row, TRAIN)), positions, self.study.target(row))

    def _has_weights(self, arrays: Arrays) -> bool:
        channels, height, width = self.images.train.x.shape[1:]
        state: Mapping[str, Tensor] = skeleton(self.model, (channels, height, width), 10).state_dict()
        return all(
            _WEIGHTS + key in arrays and arrays[_WEIGHTS + key].shape == value.shape
            for key, value in state.items()
        )


def _weights(network: Network) -> Arrays:
    """A network's weights and buffers."""
    return {_WEIGHTS + key: value.cpu().numpy().copy() for key, value in network.state_dict().items()}
