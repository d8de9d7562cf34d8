"""One training of an autoencoder on a fixed set of images, in a fixed number of gradient steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count, islice
from typing import cast

import numpy as np
import torch
from torch import Tensor

from advmi_core.experiments.artefact import Floats
from advmi_core.models import Autoencoder, build, default_spec
from advmi_core.models.training.learners import learner
from advmi_core.models.training.loop import Loop, Moment
from advmi_core.models.training.splits import stream

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


class Training(Loop[TrainingProgress]):
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
        self.spec = replace(default_spec(model), epochs=epochs, batch=batch, seed=seed)
        channels, height, width = lesson.x.shape[1:]
        network = build(model, (channels, height, width), seed=seed)
        self.network = cast(Autoencoder, network)
        self.learner = learner(network, self.spec, device)
        self._lesson = TrainingSet(
            *(part.to(device) for part in (lesson.x, lesson.targets, lesson.validation))
        )
        self._labels = torch.zeros(batch, dtype=torch.int64, device=device)
        self._order = orders(len(lesson.x), batch, seed)
        ends = [(epoch + 1) * steps // epochs for epoch in range(epochs)]
        super().__init__(self.spec, self.learner, ends, record_every=None)

    def batches(self, epoch: int) -> Iterator[Tensor]:
        start = self._ends[epoch - 1] if epoch else 0
        return islice(self._order, self._ends[epoch] - start)

    def learning_rate(self, epoch: int) -> float:
        return self.spec.learning_rate(self.progress.step, self.total)

    def learn(self, rows: Tensor, lr: float, generator: torch.Generator) -> tuple[float]:
        self.learner.progress = self.progress.step / self.total
        rows, lesson = rows.to(self._lesson.x.device), self._lesson
        with one_thread():
            return (self.learner.step(lesson.x[rows], self._labels, lr, generator, lesson.targets[rows]),)

    def validate(self, epoch: int, losses: Sequence[Sequence[float]]) -> tuple[float, float]:
        with one_thread():
            value = self.measure(self._lesson.validation)
        return value, value

    def measure(self, x: Tensor) -> float:
        """A point of the curve: the mean loss of images x (N,C,H,W)."""
        return float(per_image_loss(self.network, x).mean(dtype=np.float64))

    def record(self, moment: Moment) -> TrainingProgress:
        loss = float(np.mean([loss for (loss,) in moment.losses]))
        return TrainingProgress(moment.step, moment.epoch, loss, tuple(self.progress.history))


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
