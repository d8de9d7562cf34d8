"""The one training loop: epochs of gradient steps that survive a kill, with hooks for step and validation."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

from advmi_core.models import checkpoints
from advmi_core.models.base import Network
from advmi_core.models.registry import build
from advmi_core.models.training.learner import NETWORK, Learner
from advmi_core.models.training.progress import Progress, ProgressFile
from advmi_core.models.training.spec import Spec
from advmi_core.models.training.splits import Splits, stream

RecordT = TypeVar("RecordT")
_SILENCE = 1.0  # seconds without a record, where no number of steps is told


class TrainingError(ValueError):
    """The training cannot go on."""


@dataclass(frozen=True)
class Moment:
    """A gradient step that was taken.

    Attributes:
        step: steps done so far, 1…total.
        epoch: that it belongs to, 1…
        lr: its learning rate.
        losses: what this step, the last of them, and the epoch's earlier ones have told.
        ended: it ended its epoch, which was validated.
    """

    step: int
    epoch: int
    lr: float
    losses: Sequence[Sequence[float]]
    ended: bool


class Loop(ABC, Generic[RecordT]):
    """A training: what is learnt and told is said by a subclass, through the abstract methods.

    Args:
        spec: its name and the seed of every random stream.
        learner: what learns.
        ends: steps done at the end of each epoch.
        better: whether an epoch's value beats the best one so far, whose weights are then kept; None keeps
            the last epoch's.
        file: where progress is kept after every epoch and when ``records`` is closed, and found again.
        record_every: steps between two records; None gives one after the first step and about every second.
            The end of an epoch always has one.
    """

    def __init__(
        self,
        spec: Spec,
        learner: Learner,
        ends: Sequence[int],
        *,
        better: Callable[[float, float], bool] | None = None,
        file: ProgressFile | None = None,
        record_every: int | None = 1,
    ) -> None:
        self._seed, self._learner, self._ends, self._better = spec.seed, learner, ends, better
        self.title, self.file, self._record_every = spec.model, file, record_every
        self.total = ends[-1] if ends else 0
        self.progress = Progress()
        if file is not None and (found := file.read()) is not None:
            self.progress, tensors = found
            learner.restore(tensors)

    @abstractmethod
    def batches(self, epoch: int) -> Iterable[Tensor]:
        """The images of each step of an epoch 0…, as positions (B,) on the CPU."""

    @abstractmethod
    def learning_rate(self, epoch: int) -> float:
        """Of the next step, which belongs to this epoch 0…"""

    @abstractmethod
    def learn(self, rows: Tensor, lr: float, generator: torch.Generator) -> Sequence[float]:
        """One gradient step on these images, with its own random stream: the loss before it, and more."""

    @abstractmethod
    def validate(self, epoch: int, losses: Sequence[Sequence[float]]) -> tuple[float, Any]:
        """The value that an epoch 1… with these losses is chosen by, and what its history tells, as JSON."""

    @abstractmethod
    def record(self, moment: Moment) -> RecordT:
        """What people are told of a step."""

    @property
    def complete(self) -> bool:
        """Whether the training went to its end."""
        return self.progress.step == self.total

    def records(self) -> Generator[RecordT, None, None]:
        """Go on from where the progress file left off; closed before the end, the progress is kept."""
        try:
            for epoch, (start, end) in enumerate(pairwise((0, *self._ends))):
                if end > self.progress.step:
                    yield from self._epoch(epoch, start, end)
        except GeneratorExit:
            self._keep()
            raise

    def _epoch(self, epoch: int, start: int, end: int) -> Generator[RecordT, None, None]:
        progress, began = self.progress, time.perf_counter()
        for rows in islice(self.batches(epoch), progress.step - start, None):
            lr = self.learning_rate(epoch)
            self._step(rows, lr)
            moment = Moment(progress.step, epoch + 1, lr, progress.losses, progress.step == end)
            if moment.ended:
                self._end(epoch + 1)
            if moment.ended or self._due(began):
                yield self.record(moment)
                began = time.perf_counter()

    def _step(self, rows: Tensor, lr: float) -> None:
        progress = self.progress
        with torch.enable_grad():
            told = self.learn(rows, lr, stream(self._seed, "step", progress.step))
        if not math.isfinite(told[0]):
            raise TrainingError(
                f"the loss of {self.title} became {told[0]} at step {progress.step + 1} of {self.total}: "
                f"try a learning rate below {lr:g}"
            )
        progress.step += 1
        progress.losses.append(list(told))

    def _due(self, began: float) -> bool:
        if self._record_every is None:
            return self.progress.step == 1 or time.perf_counter() - began > _SILENCE
        return self.progress.step % self._record_every == 0

    def _end(self, epoch: int) -> None:
        """Validate an epoch, and keep its weights if it is the best, and the progress."""
        progress = self.progress
        value, told = self.validate(epoch, progress.losses)
        progress.losses = []
        progress.history.append(told)
        if self._better is not None and (not progress.best or self._better(value, progress.best_value)):
            progress.best_value, progress.best_epoch, progress.best = value, epoch, self._weights()
        self._keep()

    def _keep(self) -> None:
        if self.file is not None:
            self.file.write(self.progress, self._learner.state())

    def _weights(self) -> dict[str, Tensor]:
        # A file takes contiguous tensors only, and weights may lie with the channels last.
        return {
            key: value.detach().cpu().clone(memory_format=torch.contiguous_format)
            for key, value in self._learner.modules[NETWORK].state_dict().items()
        }


class ImageLoop(Loop[RecordT]):
    """Learns from all training images in each epoch, and writes the best epoch's network in the end.

    Args:
        epochs: passes over the training images.
        whole: whether a last incomplete batch is left out of an epoch.
        out: folder for weights and card, made now; None writes nothing. Others as of ``Loop``.

    Attributes:
        weights: the file that was written; None if none was.
    """

    half = False

    def __init__(
        self,
        spec: Spec,
        splits: Splits,
        learner: Learner,
        *,
        epochs: int,
        whole: bool,
        better: Callable[[float, float], bool],
        out: Path | None,
        file: ProgressFile | None,
        record_every: int,
    ) -> None:
        try:  # now: a training should not fail at its end for the want of it
            if out is not None:
                out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ValueError(
                f"out must be a folder that can be written, got {out}: {error.strerror}"
            ) from error
        network = learner.modules[NETWORK]
        assert isinstance(network, Network)
        network.fit(splits.train_x)
        self.splits, self._batch, self._out, self.device = splits, spec.batch, out, learner.device
        self.x, self.y = splits.train_x.to(self.device), splits.train_y.to(self.device)
        self.per_epoch = len(self.y) // spec.batch if whole else -(-len(self.y) // spec.batch)
        self.weights: Path | None = None
        ends = [(epoch + 1) * self.per_epoch for epoch in range(epochs)]
        super().__init__(spec, learner, ends, better=better, file=file, record_every=record_every)

    @abstractmethod
    def card(self, network: Network) -> dict[str, Any]:
        """What is told of the network that is kept."""

    def batches(self, epoch: int) -> tuple[Tensor, ...]:
        """All training images in a new order."""
        order = torch.randperm(len(self.y), generator=stream(self._seed, "order", epoch))
        return torch.split(order, self._batch)[: self.per_epoch]

    def records(self) -> Generator[RecordT, None, None]:
        """As ``Loop.records``; in the end weights and card are written."""
        yield from super().records()
        if self._out is not None and self.file is not None and self.file.writes:
            self.write(self._out)
            self.file.remove()

    def write(self, out: Path) -> None:
        """Write what a training that went to its end leaves; its card comes last."""
        network = self._best()
        self.weights = checkpoints.save(network, network.card, out, self.half)

    def kept(self) -> Network:
        """The network as it was written, else as the best epoch left it (the current one if none ended).

        Frozen, with its card, on the device of the training.
        """
        if self.weights is None:
            return self._best()
        return checkpoints.load(self.weights.stem, device=str(self.device), weights=self.weights)

    def _best(self) -> Network:
        state = self.progress.best or self._weights()
        if self.half:
            state = checkpoints.rounded(state)
        source = self._learner.modules[NETWORK]
        assert isinstance(source, Network)
        network = build(source.name, source.in_shape, self.splits.classes)
        network.load_state_dict(state)
        network.to(self.device).freeze()
        network.card = self.card(network)
        return network
