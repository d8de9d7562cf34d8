"""Training of a model of ``MODELS``: parameters in, records on the way, weights and card in the end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from advmi_core import device as devices
from advmi_core.data import ImageSet
from advmi_core.models.base import Network
from advmi_core.models.metrics import better, main_metric, measure
from advmi_core.models.registry import build
from advmi_core.models.training.augment import augmented
from advmi_core.models.training.cards import make_card, revision, train_command
from advmi_core.models.training.learners import learner
from advmi_core.models.training.loop import ImageLoop, Moment
from advmi_core.models.training.progress import ProgressFile
from advmi_core.models.training.spec import TrainSpec
from advmi_core.models.training.splits import Splits, make_splits
from advmi_core.run import Run
from advmi_core.validate import check_count


@dataclass(frozen=True)
class TrainStep:
    """One moment of a training.

    Attributes:
        step: gradient steps done so far, 1…``total``.
        total: gradient steps of the whole training.
        epoch: the epoch this step belongs to, 1…``epochs``.
        epochs: epochs of the whole training.
        loss: training loss of this step's batch before the step.
        lr: learning rate of this step.
        metric: name of ``validation``: accuracy (share of hits) or mse (squared error per pixel).
        validation: the metric on the validation images after the last whole epoch; NaN before the first.
    """

    step: int
    total: int
    epoch: int
    epochs: int
    loss: float
    lr: float
    metric: str
    validation: float


@dataclass(frozen=True)
class TrainResult:
    """What a training, whole or cut short, has found.

    Attributes:
        network: the weights of the best epoch on the validation images (the current ones if no epoch was
            finished), frozen, with its card.
        spec: the parameters of the training.
        card: the network's card, its metrics measured on the test images.
        complete: the training went to its end.
        weights: the file written, None if nothing was.
    """

    network: Network
    spec: TrainSpec
    card: dict[str, Any]
    complete: bool
    weights: Path | None


def train(
    spec: TrainSpec,
    out: Path | str | None = None,
    *,
    images: ImageSet | None = None,
    test: ImageSet | None = None,
    device: str = "cpu",
    record_every: int = 20,
) -> Run[TrainStep, TrainResult]:
    """Train a model; iterate the run for records, read ``result`` for the model.

    A training that ends writes its weights and card to ``out``. One that is closed or killed leaves a
    progress file there instead (a kill loses at most the epoch in progress), and the next call with the
    same spec, data and folder goes on from it to the same weights.

    Args:
        spec: what to train and how; ``default_spec`` gives good values.
        out: folder for NAME.safetensors and NAME.json; None writes nothing.
        images: training images instead of the data set's training split.
        test: test images instead of the data set's test split.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        record_every: steps between two records; the end of an epoch always has one.

    Raises:
        ValueError: a bad argument, or images that the model cannot take.
        DataNotFoundError: the data set is not on this machine.
        TrainingError: (while running) the loss is no longer a finite number.
    """
    check_count(record_every, "record_every")
    splits, folder = make_splits(spec, images, test), None if out is None else Path(out)
    training = _Training(spec, splits, folder, devices.pick(device), record_every)
    return Run(training.records(), training.result, training.total)


class _Training(ImageLoop[TrainStep]):
    """The state behind a run."""

    def __init__(
        self, spec: TrainSpec, splits: Splits, out: Path | None, device: torch.device, record_every: int
    ) -> None:
        channels, height, width = splits.train_x.shape[1:]
        network = build(spec.model, (channels, height, width), splits.classes, spec.seed)
        self.spec, self.learner, self.metric = spec, learner(network, spec, device), main_metric(network)
        self.half, self.about = spec.half, (train_command(spec, out), revision())  # now: files may change
        file = None if out is None else ProgressFile(out, spec, splits)
        super().__init__(
            spec, splits, self.learner, epochs=spec.epochs, whole=False, better=partial(better, self.metric),
            out=out, file=file, record_every=record_every,
        )  # fmt: skip

    def learning_rate(self, epoch: int) -> float:
        return self.spec.learning_rate(self.progress.step, self.total)

    def learn(self, rows: Tensor, lr: float, generator: torch.Generator) -> tuple[float]:
        self.learner.progress = self.progress.step / self.total
        rows = rows.to(self.device)
        x = augmented(self.x[rows], generator, flip=self.spec.flip, crop=self.spec.crop)
        return (self.learner.step(x, self.y[rows], lr, generator),)

    def validate(self, epoch: int, losses: Sequence[Sequence[float]]) -> tuple[float, float]:
        value = self._measured(self.learner.network)[self.metric]
        return value, value

    def record(self, moment: Moment) -> TrainStep:
        history = self.progress.history
        return TrainStep(
            moment.step, self.total, moment.epoch, self.spec.epochs, moment.losses[-1][0], moment.lr,
            self.metric, history[-1] if history else math.nan,
        )  # fmt: skip

    def card(self, network: Network) -> dict[str, Any]:
        test = measure(network, self.splits.test_x, self.splits.test_y)
        return make_card(
            self.spec, self.splits, self.progress.best_epoch, self._measured(network), test, *self.about
        )  # fmt: skip

    def _measured(self, network: Network) -> dict[str, float]:
        return measure(network, self.splits.validation_x, self.splits.validation_y)

    def result(self) -> TrainResult:
        network = self.kept()
        return TrainResult(network, self.spec, network.card, self.complete, self.weights)
