"""Two ways to raise a value under a constraint e ≤ 0, row by row: along its border, and from the outside."""

from __future__ import annotations

import torch
from torch import Tensor

from advmi_core.attacks.core.ball import TINIEST, per_image

_LARGEST = 1e3  # of a multiplier


class _Falling:
    """A rate that falls geometrically from the first step to the last."""

    def __init__(self, first: float, last: float, steps: int) -> None:
        self._first, self._factor, self.done = first, (last / first) ** (1 / max(1, steps - 1)), 0

    def next(self) -> float:
        self.done += 1
        rate: float = self._first * self._factor ** (self.done - 1)
        return rate


class Along:
    """Newton's step back to the border e = 0, and a step of falling length along it.

    Only the part of the value's gradient that does not change e is followed, with momentum: sequential
    quadratic programming with the identity for a Hessian [Nocedal & Wright 2006, ch. 18].
    """

    _MOMENTUM, _FIRST, _LAST, _WAIT = 0.9, 0.01, 1e-4, 5

    def __init__(self, x: Tensor, steps: int) -> None:
        self._rate = _Falling(self._FIRST, self._LAST, steps)
        self._root: float = x[0].numel() ** 0.5
        self._mean = torch.zeros_like(x)

    def move(self, rising: Tensor, slope: Tensor, excess: Tensor) -> Tensor:
        """How to change x̃ (B,C,H,W), from the gradients of value and e there, and e (B,)."""
        length = self._rate.next() * self._root
        steepness = _length(slope)
        normal = slope / per_image(steepness, slope)
        along = rising - normal * per_image((rising * normal).flatten(1).sum(1), normal)
        self._mean = self._MOMENTUM * self._mean + (1 - self._MOMENTUM) * along
        back = (-excess / steepness).clamp(-4 * length, 4 * length)
        move = per_image(back, normal) * normal
        if self._rate.done <= self._WAIT:  # the border comes first
            return move
        return move + self._mean * per_image(length / _length(self._mean), along)


class Outwards:
    """Adam on −value + λ·e⁺ + ρ·(e⁺)², whose multiplier follows e: λ ← max(0, λ + η·e)."""

    _BETAS, _FIRST, _LAST, _RHO, _ETA = (0.9, 0.99), 0.02, 2e-3, 5.0, 0.5

    def __init__(self, x: Tensor, steps: int) -> None:
        self._rate = _Falling(self._FIRST, self._LAST, steps)
        self._mean, self._square = torch.zeros_like(x), torch.zeros_like(x)
        #: (B,) λ of the next step.
        self.multiplier = torch.ones(len(x), device=x.device)

    def move(self, rising: Tensor, slope: Tensor, excess: Tensor) -> Tensor:
        """How to change x̃, as in ``Along``."""
        rate = self._rate.next()
        outside = excess.clamp_min(0)
        pressure = torch.where(excess > 0, self.multiplier + 2 * self._RHO * outside, 0.0)
        gradient = per_image(pressure, slope) * slope - rising
        first, second = self._BETAS
        self._mean = first * self._mean + (1 - first) * gradient
        self._square = second * self._square + (1 - second) * gradient.square()
        mean = self._mean / (1 - first**self._rate.done)
        square = self._square / (1 - second**self._rate.done)
        self.multiplier = (self.multiplier + self._ETA * excess).clamp(0, _LARGEST)
        move: Tensor = -rate * mean / (square.sqrt() + 1e-12)
        return move


def _length(images: Tensor) -> Tensor:
    """(B,) L2 norms, never 0."""
    length: Tensor = torch.linalg.vector_norm(images.flatten(1), dim=1).clamp_min(TINIEST)
    return length
