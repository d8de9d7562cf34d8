"""The one trainer: a generator of records that survives a kill and never looks at the test split."""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from advmi_core import device as devices
from advmi_core.data import ImageSet
from advmi_core.models import checkpoints
from advmi_core.models.base import Network
from advmi_core.models.metrics import better, main_metric, measure
from advmi_core.models.registry import build
from advmi_core.models.training.cards import make_card, revision, train_command
from advmi_core.models.training.crops import random_crop
from advmi_core.models.training.learners import learner
from advmi_core.models.training.progress import Progress, ProgressFile
from advmi_core.models.training.spec import TrainSpec
from advmi_core.models.training.splits import Splits, make_splits, stream
from advmi_core.run import Run
from advmi_core.validate import check_count


class TrainingError(ValueError):
    """The training cannot go on."""


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
    folder = None if out is None else _folder(Path(out))
    training = _Training(spec, make_splits(spec, images, test), folder, devices.pick(device), record_every)
    return Run(training.records(), training.result, training.total)


def _folder(out: Path) -> Path:
    """Make the folder now: a training should not fail at its end for the want of it."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"out must be a folder that can be written, got {out}: {error.strerror}") from error
    return out


class _Training:
    """The state behind a run."""

    def __init__(
        self, spec: TrainSpec, splits: Splits, out: Path | None, device: torch.device, record_every: int
    ) -> None:
        self.spec, self.splits, self.out, self.record_every = spec, splits, out, record_every
        shape = splits.train_x.shape
        network = build(spec.model, (shape[1], shape[2], shape[3]), splits.classes, spec.seed)
        network.fit(splits.train_x)
        self.learner = learner(network, spec, device)
        self.metric = main_metric(network)
        self.x, self.y = splits.train_x.to(device), splits.train_y.to(device)
        self.steps_per_epoch = math.ceil(len(self.y) / spec.batch)
        self.total = spec.epochs * self.steps_per_epoch
        self.progress = Progress()
        self.weights: Path | None = None
        self.revision = revision()  # now: the files may change while the training runs
        self.file = None if out is None else ProgressFile(out, spec, splits)
        if self.file is not None and (found := self.file.read()) is not None:
            self.progress, tensors = found
            self.learner.restore(tensors)

    def records(self) -> Generator[TrainStep, None, None]:
        try:
            for epoch in range(self.progress.step // self.steps_per_epoch, self.spec.epochs):
                yield from self._epoch(epoch)
        except GeneratorExit:
            self._keep_progress()
            raise
        if self.out is not None:
            network, card = self._best()
            self.weights = checkpoints.save(network, card, self.out, self.spec.half)
        if self.file is not None:
            self.file.remove()

    def _epoch(self, epoch: int) -> Generator[TrainStep, None, None]:
        order = torch.randperm(len(self.y), generator=stream(self.spec.seed, "order", epoch))
        batches = torch.split(order, self.spec.batch)
        for batch in batches[self.progress.step - epoch * self.steps_per_epoch :]:
            loss, lr = self._step(batch)
            last = self.progress.step % self.steps_per_epoch == 0
            if last:
                self._validate(epoch + 1)
            if last or self.progress.step % self.record_every == 0:
                yield self._record(epoch + 1, loss, lr)

    def _step(self, batch: Tensor) -> tuple[float, float]:
        step = self.progress.step
        generator = stream(self.spec.seed, "step", step)
        batch = batch.to(self.x.device)
        x = self.x[batch]
        if self.spec.flip:
            x = mirror(x, generator)
        if self.spec.crop:
            x = random_crop(x, self.spec.crop, generator)
        lr = learning_rate(self.spec, step, self.total)
        self.learner.progress = step / self.total
        with torch.enable_grad():
            loss = self.learner.step(x, self.y[batch], lr, generator)
        if not math.isfinite(loss):
            raise TrainingError(
                f"the loss of {self.spec.model} became {loss} at step {step + 1} of {self.total}: "
                f"try a learning rate below {self.spec.lr:g}"
            )
        self.progress.step += 1
        return loss, lr

    def _validate(self, epoch: int) -> None:
        network = self.learner.network
        value = measure(network, self.splits.validation_x, self.splits.validation_y)[self.metric]
        self.progress.validation = value
        if not self.progress.best or better(self.metric, value, self.progress.best_value):
            self.progress.best_value, self.progress.best_epoch = value, epoch
            self.progress.best = _copy(network)
        self._keep_progress()

    def _record(self, epoch: int, loss: float, lr: float) -> TrainStep:
        done, validation = self.progress.step, self.progress.validation
        return TrainStep(done, self.total, epoch, self.spec.epochs, loss, lr, self.metric, validation)

    def _keep_progress(self) -> None:
        if self.file is not None:
            self.file.write(self.progress, self.learner.state())

    def _best(self) -> tuple[Network, dict[str, Any]]:
        state = self.progress.best or _copy(self.learner.network)
        if self.spec.half:
            state = checkpoints.rounded(state)
        source = self.learner.network
        network = build(source.name, source.in_shape, self.splits.classes)
        network.load_state_dict(state)
        network.to(self.x.device).freeze()
        validation = measure(network, self.splits.validation_x, self.splits.validation_y)
        test = measure(network, self.splits.test_x, self.splits.test_y)
        epoch = self.progress.best_epoch
        command = train_command(self.spec, self.out)
        card = make_card(self.spec, self.splits, epoch, validation, test, command, self.revision)
        return network, card

    def result(self) -> TrainResult:
        if self.weights is not None:
            network = checkpoints.load(self.spec.model, device=str(self.x.device), weights=self.weights)
        else:
            network, network.card = self._best()
        complete = self.progress.step == self.total
        return TrainResult(network, self.spec, network.card, complete, self.weights)


def learning_rate(spec: TrainSpec, step: int, total: int) -> float:
    """The learning rate of a step 0…total−1: a linear rise to ``spec.lr``, then half a cosine towards 0."""
    rise = spec.warmup * total
    if step < rise:
        return spec.lr * (step + 1) / (rise + 1)
    return spec.lr * 0.5 * (1 + math.cos(math.pi * (step - rise) / (total - rise)))


def mirror(x: Tensor, generator: torch.Generator) -> Tensor:
    """Each image of x (B,C,H,W) mirrored left to right with probability ½."""
    chosen = torch.rand(len(x), generator=generator) < 0.5
    return torch.where(chosen.to(x.device)[:, None, None, None], x.flip(-1), x)


def _copy(network: Network) -> dict[str, Tensor]:
    return {key: value.detach().cpu().clone() for key, value in network.state_dict().items()}
