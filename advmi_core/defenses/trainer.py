"""The trainer of all defences: a generator of records that survives a kill and learns from no test image."""

from __future__ import annotations

import math
from collections.abc import Generator
from pathlib import Path
from typing import Any

import torch

from advmi_core import device as devices
from advmi_core.data import ImageSet
from advmi_core.defenses.learner import DefenseLearner
from advmi_core.defenses.parallel import Ranks
from advmi_core.defenses.records import DefenseResult, DefenseStep, Epoch, LossTerms
from advmi_core.defenses.spec import DefenseSpec
from advmi_core.defenses.validation import VALIDATED_BY, validate
from advmi_core.mi.local.estimators import LocalEstimators
from advmi_core.models import Network, TrainingError, build, checkpoints, measure
from advmi_core.models.training.cards import make_card, revision
from advmi_core.models.training.crops import random_crop
from advmi_core.models.training.loop import mirror
from advmi_core.models.training.progress import Progress, ProgressFile
from advmi_core.models.training.splits import Splits, make_splits, stream
from advmi_core.run import Run
from advmi_core.validate import check_count


def train_defense(
    spec: DefenseSpec,
    out: Path | str | None = None,
    *,
    estimators: LocalEstimators | None = None,
    images: ImageSet | None = None,
    test: ImageSet | None = None,
    device: str | torch.device = "cpu",
    record_every: int = 20,
    command: str = "",
) -> Run[DefenseStep, DefenseResult]:
    """Train a classifier adversarially; iterate the run for records, read ``result`` for the model.

    A training that ends writes its weights and card to ``out``. One that is closed or killed leaves a
    progress file there (a kill loses at most the epoch in progress), and the next call with the same spec,
    data, estimators and folder goes on from it to the same weights, bit for bit on a CPU. Under ``torchrun``
    every process calls this alike, inside ``parallel.processes``; all of them must see the same folder.

    Args:
        spec: what to train and how.
        out: folder for MODEL.safetensors and MODEL.json; None writes nothing.
        estimators: needed by the defences with a term of mutual information; others only measure by them.
        images, test: instead of the data set's training and test split.
        device: where to train.
        record_every: steps between two records; the end of an epoch always has one.
        command: the command line that repeats the training, for the card.

    Raises:
        ValueError: a bad argument, or images that the model or the estimators cannot take.
        DataNotFoundError: the data set is not on this machine.
        TrainingError: (while running) the loss is no longer a finite number.
    """
    check_count(record_every, "record_every")
    splits = make_splits(spec, images, test)
    target = devices.pick(str(device))
    _check(spec, splits, estimators)
    training = _Training(spec, splits, estimators, target, None if out is None else Path(out))
    training.command = command
    return Run(training.records(record_every), training.result, training.total)


def _check(spec: DefenseSpec, splits: Splits, estimators: LocalEstimators | None) -> None:
    ranks = Ranks.current()
    if spec.batch % ranks.size:
        raise ValueError(f"batch must be a multiple of the {ranks.size} processes, got {spec.batch}")
    if spec.batch > len(splits.train_y):
        raise ValueError(f"batch must be at most the {len(splits.train_y)} training images, got {spec.batch}")
    if estimators is None:
        if spec.method.term:
            raise ValueError(f"{spec.method.title} needs estimators, got None")
        return
    shape, classes = tuple(splits.train_x.shape[1:]), splits.classes
    seen = (tuple(estimators.natural.in_shape), estimators.natural.classes)
    if seen != (shape, classes):
        raise ValueError(
            f"estimators must be of images {shape} and {classes} classes, got {seen[0]} and {seen[1]}"
        )


class _Training:
    """The state behind a run."""

    def __init__(
        self,
        spec: DefenseSpec,
        splits: Splits,
        estimators: LocalEstimators | None,
        device: torch.device,
        out: Path | None,
    ) -> None:
        self.spec, self.splits, self.out, self.device, self.command = spec, splits, out, device, ""
        shape = splits.train_x.shape
        network = build(spec.model, (shape[1], shape[2], shape[3]), splits.classes, spec.seed)
        self.ranks = Ranks.current()
        estimators = None if estimators is None else estimators.to(device)
        self.learner = DefenseLearner(network, spec, estimators, device, self.ranks)
        self.x, self.y = splits.train_x.to(device), splits.train_y.to(device)
        self.steps_per_epoch = (
            len(self.y) // spec.batch
        )  # BN wants whole batches; others are left out each time
        self.total = spec.epochs * self.steps_per_epoch
        self.progress = Progress(notes={"history": [], "sums": [0.0] * 6})
        self.revision = revision("advmi_core/defenses", "advmi_core/mi")
        self.estimators = "" if estimators is None else estimators.digest()
        self.file = None if out is None else ProgressFile(out, spec, splits, self.estimators)
        if self.file is not None and (found := self.file.read()) is not None:
            self.progress, tensors = found
            self.learner.restore(tensors)
        self.ranks.agree(self.progress.step, "the step to go on from", device)

    @property
    def history(self) -> list[Epoch]:
        return [Epoch.from_dict(values) for values in self.progress.notes["history"]]

    def records(self, record_every: int) -> Generator[DefenseStep, None, None]:
        try:
            for epoch in range(self.progress.step // self.steps_per_epoch, self.spec.epochs):
                yield from self._epoch(epoch, record_every)
        except GeneratorExit:
            self._keep_progress()
            raise
        if self.out is not None and self.ranks.rank == 0:
            network, card = self._best()
            checkpoints.save(network, card, self.out)
            if self.file is not None:
                self.file.remove()

    def _epoch(self, epoch: int, record_every: int) -> Generator[DefenseStep, None, None]:
        spec, lr = self.spec, self.spec.learning_rate(epoch)
        order = torch.randperm(len(self.y), generator=stream(spec.seed, "order", epoch))
        for place in range(self.progress.step % self.steps_per_epoch, self.steps_per_epoch):
            batch = order[place * spec.batch : (place + 1) * spec.batch].to(self.device)
            parts = self._step(batch, lr)
            finished = self._validate(epoch + 1) if place + 1 == self.steps_per_epoch else None
            if finished is not None or self.progress.step % record_every == 0:
                yield DefenseStep(
                    self.progress.step, self.total, epoch + 1, spec.epochs, lr, parts, finished
                )  # fmt: skip

    def _step(self, batch: torch.Tensor, lr: float) -> LossTerms:
        step = self.progress.step
        generator = stream(self.spec.seed, "step", step)
        x = self.x[batch]
        if self.spec.crop:
            x = random_crop(x, self.spec.crop, generator)
        if self.spec.flip:
            x = mirror(x, generator)
        strength = self.spec.strength(step / self.steps_per_epoch)
        parts = self.learner.step(x, self.y[batch], lr, generator, strength)
        if not math.isfinite(parts.loss):
            raise TrainingError(
                f"the loss of {self.spec.method.title} became {parts.loss} at step {step + 1} of "
                f"{self.total}: try a learning rate below {self.spec.lr:g}"
            )
        self.progress.step += 1
        sums = self.progress.notes["sums"]
        self.progress.notes["sums"] = [a + b for a, b in zip(sums, parts.values(), strict=True)]
        return parts

    def _validate(self, epoch: int) -> Epoch:
        progress = self.progress
        train = LossTerms(*(total / self.steps_per_epoch for total in progress.notes["sums"]))
        found = validate(self.learner, self.splits.validation_x, self.splits.validation_y, epoch, train)
        progress.validation, progress.notes["sums"] = found.robust, [0.0] * 6
        progress.notes["history"].append(found.to_dict())
        if not progress.best or found.robust > progress.best_value:
            progress.best_value, progress.best_epoch = found.robust, epoch
            progress.best = self._weights()
        self._keep_progress()
        return found

    def _keep_progress(self) -> None:
        if self.file is not None and self.ranks.rank == 0:
            self.file.write(self.progress, self.learner.state())

    def _weights(self) -> dict[str, torch.Tensor]:
        return {
            key: value.detach().cpu().clone(memory_format=torch.contiguous_format)
            for key, value in self.learner.network.state_dict().items()
        }

    def _best(self) -> tuple[Network, dict[str, Any]]:
        source, splits, best = self.learner.network, self.splits, self.progress.best_epoch
        network = build(source.name, source.in_shape, splits.classes)
        network.load_state_dict(self.progress.best or self._weights())
        network.to(self.device).freeze()
        chosen = self.history[best - 1].numbers() if best else {}
        test = measure(network, splits.test_x, splits.test_y)
        card = make_card(self.spec, splits, best, chosen, test, self.command, self.revision)
        return network, card | {"validated_by": VALIDATED_BY, "estimators": self.estimators or None}

    def result(self) -> DefenseResult:
        network, card = self._best()
        network.card = card
        complete = self.progress.step == self.total
        return DefenseResult(network, self.spec, tuple(self.history), complete)
