"""A training on the splits of a data set: the best epoch on validation images, in a file with its card."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from advmi_core.models import checkpoints
from advmi_core.models.base import Network
from advmi_core.models.registry import build
from advmi_core.models.training.learner import NETWORK, Learner
from advmi_core.models.training.loop import Loop, RecordT
from advmi_core.models.training.progress import ProgressFile
from advmi_core.models.training.spec import Spec
from advmi_core.models.training.splits import Splits, stream


class ImageLoop(Loop[RecordT]):
    """Learns from all training images in each epoch, and writes the best epoch's network in the end.

    Args:
        spec, splits, learner: as of the training.
        epochs: passes over the training images.
        whole: whether a last incomplete batch is left out of an epoch.
        better: whether an epoch's value beats the best one so far.
        out: folder for weights and card, made now; None writes nothing.
        file: its progress.
        record_every: steps between two records.

    Attributes:
        weights: the file that was written; None if none was.

    Raises:
        ValueError: ``out`` cannot be written.
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
        if out is not None:  # now: a training should not fail at its end for the want of it
            _make(out)
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


def _make(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"out must be a folder that can be written, got {out}: {error.strerror}") from error
