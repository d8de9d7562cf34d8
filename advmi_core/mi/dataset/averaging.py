"""Which weights of a training are used: averages over its late steps, the best of them by validation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

# The average reaches back over about the last ninth of the steps: long enough to smooth Adam's noise,
# short enough to forget the beginning.
_REACH = 9


class Averages:
    """Running average of B critics' weights, and for each critic the average that validated best.

    Args:
        weights: the live weights, tensors (B,…) that training changes in place.
    """

    def __init__(self, weights: list[Tensor]) -> None:
        self._live = [weight.detach() for weight in weights]
        self._mean = [weight.clone() for weight in self._live]
        self._best = [weight.clone() for weight in self._live]
        self._score = torch.full((len(self._live[0]),), -torch.inf, device=self._live[0].device)
        self._steps = 0

    def update(self) -> None:
        """Take in the live weights of one more step."""
        self._steps += 1
        for mean, live in zip(self._mean, self._live, strict=True):
            mean.lerp_(live, _REACH / (self._steps + _REACH))

    def keep_best(self, score: Tensor) -> None:
        """Keep the average of every critic whose ``score`` (B,) is its highest so far."""
        better = score > self._score
        self._score = torch.where(better, score, self._score)
        for best, mean in zip(self._best, self._mean, strict=True):
            best[better] = mean[better]

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """The live weights are the average inside this block."""
        with self._swapped(self._mean):
            yield

    @contextmanager
    def best(self) -> Iterator[None]:
        """The live weights are the best average inside this block."""
        with self._swapped(self._best):
            yield

    @contextmanager
    def _swapped(self, other: list[Tensor]) -> Iterator[None]:
        held = [live.clone() for live in self._live]
        for live, weight in zip(self._live, other, strict=True):
            live.copy_(weight)
        try:
            yield
        finally:
            for live, weight in zip(self._live, held, strict=True):
                live.copy_(weight)
