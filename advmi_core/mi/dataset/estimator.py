"""Interface of the estimators of a data set's mutual information."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from advmi_core.mi import diagnostics, ties
from advmi_core.mi.dataset.gaussianise import Samples, check_pairs, gaussianise, standardise
from advmi_core.run import Run
from advmi_core.validate import check_count


@dataclass(frozen=True)
class MIStep:
    """One record of a training: the bound in nats, averaged over the folds.

    ``train`` is its value on at most 512 samples that a critic is trained on, ``held_out`` on at most 512 of
    the fold that it has not seen; both with the weights averaged over the latest steps.
    """

    step: int
    total: int
    train: float
    held_out: float


@dataclass(frozen=True)
class MIEstimate:
    """What an estimator found.

    Attributes:
        value: mutual information in nats, held out and averaged over the folds.
        trace: ``step``, ``train`` and ``held_out``, (S,) float32 each, see ``MIStep``.
        warnings: sentences about the training that a reader of the value should know.
        parameters: the estimator's parameters and the sizes of the data (``samples`` used, ``copies`` left
            out), JSON-serialisable.
    """

    value: float
    trace: dict[str, NDArray[np.float32]]
    warnings: tuple[str, ...]
    parameters: dict[str, Any]


@dataclass(frozen=True)
class Prepared:
    """What an estimator computes with.

    Attributes:
        x, y: (N,dx) and (N,dy) float64 on the CPU, transformed; of equal pairs that are copies one is left.
        x_side, y_side: what the samples are like.
        copies: samples that were left out.
        notes: sentences for the reader of the value.
    """

    x: Tensor
    y: Tensor
    x_side: ties.Side
    y_side: ties.Side
    copies: int
    notes: tuple[str, ...]

    def warnings(self, value: float) -> tuple[str, ...]:
        """``notes``, and what is to be said of this value in nats."""
        return self.notes + tuple(diagnostics.discrete(value, self.x_side, self.y_side))


@dataclass(frozen=True, kw_only=True)
class Estimator(ABC):
    """What all estimators have in common.

    Attributes:
        seed: ≥ 0; the same seed and samples give the same bytes on the same device.
        gaussianise: bring every coordinate to standard normal shape by its ranks first, else only to zero
            mean and unit variance. Neither changes the mutual information; equal values stay equal.

    Raises:
        ValueError: a parameter out of its range.
    """

    bound: ClassVar[str]

    seed: int = 0
    gaussianise: bool = True

    def __post_init__(self) -> None:
        check_count(self.seed, "seed", low=0)
        if not isinstance(self.gaussianise, bool):
            raise ValueError(f"gaussianise must be True or False, got {self.gaussianise!r}")

    @abstractmethod
    def run(self, x: Samples, y: Samples) -> Run[MIStep, MIEstimate]:
        """The estimate step by step; closing it early keeps the best found so far.

        Args:
            x: (N,dx) tensor or array of real numbers, N ≥ 4 (and ≥ 2 a fold) different pairs.
            y: (N,dy); row n belongs to row n of ``x``. Copies of a pair are used once, see ``ties``.

        Raises:
            ValueError: shapes or lengths are not as stated, a value is not finite, or a side is constant.
        """

    def estimate(self, x: Samples, y: Samples) -> MIEstimate:
        """``run`` to the end."""
        return self.run(x, y).drain()

    def _prepare(self, x: Samples, y: Samples, least: int = 4) -> Prepared:
        """Checked and transformed samples without copies.

        Raises:
            ValueError: see ``run``.
        """
        given = check_pairs(x, y, least)
        seen = ties.look_at(given[0]), ties.look_at(given[1])
        kept = ties.originals(*seen)
        copies = int((~kept).sum())
        if kept.sum() < least:
            raise ValueError(
                f"x and y must hold at least {least} different paired samples, got {kept.sum()} "
                f"and {copies} copies of them"
            )
        transform = gaussianise if self.gaussianise else standardise
        a, b = (transform(side[kept]) for side in given)
        x_side, y_side = (side.take(kept) for side in seen)
        notes = [*diagnostics.copies(copies, len(kept)), *diagnostics.repeats(x_side, y_side)]
        notes += [] if self.gaussianise else diagnostics.heavy_tails(a, b)
        return Prepared(torch.from_numpy(a), torch.from_numpy(b), x_side, y_side, copies, tuple(notes))

    def _parameters(self, prepared: Prepared) -> dict[str, Any]:
        x, y = prepared.x, prepared.y
        sizes = {"samples": len(x), "copies": prepared.copies, "dim_x": x.shape[1], "dim_y": y.shape[1]}
        return {"estimator": self.bound, **asdict(self), **sizes}


def as_trace(records: list[MIStep]) -> dict[str, NDArray[np.float32]]:
    """The records as one array per quantity."""
    keys = ("step", "train", "held_out")
    return {key: np.array([getattr(r, key) for r in records], dtype=np.float32) for key in keys}
