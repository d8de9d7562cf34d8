"""One training of an autoencoder on a fixed set of images, in a fixed number of gradient steps."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from typing import cast

import numpy as np
import torch
from torch import Tensor

from advmi_core.models import Autoencoder, TrainingError, build, default_spec
from advmi_core.models.training.learners import learner
from advmi_core.models.training.loop import learning_rate
from advmi_core.models.training.splits import stream
from advmi_core.parts import Floats

_SILENCE = 1.0  # seconds without a record
_AT_ONCE = 500  # images measured at once


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """What is learnt: images (N,C,H,W) and what each is to be rebuilt to; and the images of the curve."""

    x: Tensor
    targets: Tensor
    validation: Tensor


@dataclass(frozen=True)
class TrainingProgress:
    """Where a training stands after ``step`` gradient steps: see ``RetrainStep``."""

    step: int
    epoch: int
    loss: float
    curve: tuple[float, ...]


class Training:
    """A network on its way from the initial weights of a seed.

    Args:
        model: name of an autoencoder; its default spec gives optimiser and learning rate, whose schedule
            spans the whole training.
        lesson: what it learns.
        seed: of initial weights and batch order; the order depends on the seed and the number of images.
        epochs: into which the steps are divided for the curve.
        steps: gradient steps ≥ ``epochs``.
        batch: images of a step; a step never takes fewer, the next pass fills up the last batch of one.
        device: where it learns; on the CPU with a single compute thread, so that cores change no bit.
    """

    def __init__(
        self,
        model: str,
        lesson: TrainingSet,
        *,
        seed: int,
        epochs: int,
        steps: int,
        batch: int,
        device: torch.device,
    ) -> None:
        self.epochs, self.steps = epochs, steps
        self.spec = replace(default_spec(model), epochs=epochs, batch=batch, seed=seed)
        channels, height, width = lesson.x.shape[1:]
        network = build(model, (channels, height, width), seed=seed)
        self.network = cast(Autoencoder, network)
        self._learner = learner(network, self.spec, device)
        self._lesson = TrainingSet(
            *(part.to(device) for part in (lesson.x, lesson.targets, lesson.validation))
        )
        self._labels = torch.zeros(batch, dtype=torch.int64, device=device)
        self._order = orders(len(lesson.x), batch, seed)
        self._done, self._epoch_losses = 0, [0.0]
        self._curve: list[float] = []

    def moments(self) -> Generator[TrainingProgress, None, None]:
        """Train: after the first step, every second or so, and after every epoch."""
        while self._done < self.steps:
            with one_thread():
                self._advance()
            yield TrainingProgress(
                self._done,
                min(len(self._curve) + (not self._at_end_of_epoch()), self.epochs),
                float(np.mean(self._epoch_losses)),
                tuple(self._curve),
            )

    def _at_end_of_epoch(self) -> bool:
        return self._done == self._end(len(self._curve) - 1)

    def _end(self, epoch: int) -> int:
        """Steps done at the end of an epoch 0…; −1 stands for the start."""
        return (epoch + 1) * self.steps // self.epochs

    def _advance(self) -> None:
        """Gradient steps up to the end of the epoch, to the first step, or for about a second."""
        began = time.perf_counter()
        if self._at_end_of_epoch():
            self._epoch_losses = []
        end = self._end(len(self._curve))
        while True:
            self._epoch_losses.append(self._step())
            if self._done == end:
                self._curve.append(self._validate())
                return
            if self._done == 1 or time.perf_counter() - began > _SILENCE:
                return

    def _step(self) -> float:
        chosen = next(self._order).to(self._lesson.x.device)
        self._learner.progress = self._done / self.steps
        rate = learning_rate(self.spec, self._done, self.steps)
        generator = stream(self.spec.seed, "step", self._done)
        with torch.enable_grad():
            loss = self._learner.step(
                self._lesson.x[chosen], self._labels, rate, generator, self._lesson.targets[chosen]
            )
        if not math.isfinite(loss):
            raise TrainingError(
                f"the loss of {self.spec.model} became {loss} at step {self._done + 1} of {self.steps}"
            )
        self._done += 1
        return loss

    def _validate(self) -> float:
        return float(per_image_loss(self.network, self._lesson.validation).mean(dtype=np.float64))


def per_image_loss(network: Autoencoder, x: Tensor) -> Floats:
    """(N,) float32 squared error per pixel of images x (N,C,H,W), each rebuilt in evaluation mode."""
    errors = [
        (part - rebuilt(network, part)).square().flatten(1).mean(1) for part in torch.split(x, _AT_ONCE)
    ]
    losses: Floats = torch.cat(errors).cpu().numpy()
    return losses


def rebuilt(network: Autoencoder, x: Tensor) -> Tensor:
    """Images x (B,C,H,W) as the network rebuilds them in evaluation mode; the mode is restored."""
    training = network.training
    network.eval()
    with torch.no_grad():
        seen: Tensor = network(x.to(next(network.parameters()).device)).to(x.device)
    network.train(training)
    return seen


def orders(images: int, batch: int, seed: int) -> Iterator[Tensor]:
    """(batch,) positions, for ever: pass after pass over all images, each in a new order, cut in batches."""
    left = torch.empty(0, dtype=torch.int64)
    for number in count():
        left = torch.cat([left, torch.randperm(images, generator=stream(seed, "order", number))])
        while len(left) >= batch:
            yield left[:batch]
            left = left[batch:]


@contextmanager
def one_thread() -> Iterator[None]:
    """A single compute thread; afterwards as many as before."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
