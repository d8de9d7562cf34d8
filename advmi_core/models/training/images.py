"""A training on the splits of a data set: augmented batches, the best epoch, and a file with its card."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from advmi_core.models import checkpoints
from advmi_core.models.base import Network
from advmi_core.models.metrics import measure
from advmi_core.models.registry import build
from advmi_core.models.training.augment import augmented
from advmi_core.models.training.cards import make_card, revision
from advmi_core.models.training.learner import NETWORK, Learner
from advmi_core.models.training.loop import Loop, RecordT
from advmi_core.models.training.progress import ProgressFile
from advmi_core.models.training.spec import Spec
from advmi_core.models.training.splits import Splits, stream


class ImageLoop(Loop[RecordT]):
    """Learns from the training images, keeps the best epoch on the validation images, measures on the test's.

    Args:
        spec: the training's parameters.
        splits: the images.
        learner: of the network, which is its ``NETWORK``.
        title: what is trained, for people.
        epochs: passes over the training images.
        whole: whether a last incomplete batch is left out of an epoch.
        crop, flip: the augmentation.
        better: whether an epoch's value beats the best one so far.
        out: folder for weights, card and progress, made now; None writes nothing.
        command: the command line that repeats the training, for the card.
        code: folders of the code that matter beside the models'.
        more: whatever else the training depends on, in words.
        half: keep the weights as float16.
        writes: whether this process is the one that writes files.
        record_every: steps between two records.

    Attributes:
        weights: the file that was written; None if none was.

    Raises:
        ValueError: ``out`` cannot be written.
    """

    def __init__(
        self,
        spec: Spec,
        splits: Splits,
        learner: Learner,
        *,
        title: str,
        epochs: int,
        whole: bool,
        crop: int,
        flip: bool,
        better: Callable[[float, float], bool],
        out: Path | None,
        command: str,
        code: tuple[str, ...] = (),
        more: str = "",
        half: bool = False,
        writes: bool = True,
        record_every: int,
    ) -> None:
        self._spec, self._splits, self._batch, self._out = spec, splits, spec.batch, _made(out)
        self._crop, self._flip, self._command, self._half = crop, flip, command, half
        self.device = learner.device
        self.x, self.y = splits.train_x.to(self.device), splits.train_y.to(self.device)
        self.per_epoch = len(self.y) // spec.batch if whole else -(-len(self.y) // spec.batch)
        self._revision = revision(*code)  # now: the files may change while the training runs
        self.weights: Path | None = None
        super().__init__(
            learner,
            title=title,
            seed=spec.seed,
            lr=spec.lr,
            ends=[(epoch + 1) * self.per_epoch for epoch in range(epochs)],
            better=better,
            file=None if out is None else ProgressFile(out, spec, splits, more),
            writes=writes,
            record_every=record_every,
        )

    @abstractmethod
    def about(self, network: Network) -> tuple[Mapping[str, float | None], dict[str, Any]]:
        """What the validation images say of the kept network, and what its card tells besides."""

    def batches(self, epoch: int) -> tuple[Tensor, ...]:
        """All training images in a new order."""
        order = torch.randperm(len(self.y), generator=stream(self._seed, "order", epoch))
        return torch.split(order, self._batch)[: self.per_epoch]

    def images(self, rows: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Augmented images x (B,C,H,W) and labels y (B,), on the device."""
        rows = rows.to(self.device)
        return augmented(self.x[rows], generator, crop=self._crop, flip=self._flip), self.y[rows]

    def records(self) -> Generator[RecordT, None, None]:
        """As ``Loop.records``; in the end weights and card are written."""
        yield from super().records()
        if self._out is not None and self._writes:
            self.write(self._out)
            self.forget()

    def write(self, out: Path) -> None:
        """Write what a training that went to its end leaves; its card comes last."""
        network = self._best()
        self.weights = checkpoints.save(network, network.card, out, self._half)

    def kept(self) -> Network:
        """The network as it was written, else as the best epoch left it (the current one if none ended).

        Frozen, with its card, on the device of the training.
        """
        if self.weights is None:
            return self._best()
        return checkpoints.load(self._spec.model, device=str(self.device), weights=self.weights)

    def _best(self) -> Network:
        state = self.progress.best or self._weights()
        if self._half:
            state = checkpoints.rounded(state)
        source, splits = self._learner.modules[NETWORK], self._splits
        assert isinstance(source, Network)
        network = build(source.name, source.in_shape, splits.classes)
        network.load_state_dict(state)
        network.to(self.device).freeze()
        validation, more = self.about(network)
        test = measure(network, splits.test_x, splits.test_y)
        epoch, command = self.progress.best_epoch, self._command
        card = make_card(self._spec, splits, epoch, validation, test, command, self._revision)
        network.card = card | more
        return network


def _made(out: Path | None) -> Path | None:
    """Make the folder now: a training should not fail at its end for the want of it."""
    if out is not None:
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ValueError(
                f"out must be a folder that can be written, got {out}: {error.strerror}"
            ) from error
    return out
