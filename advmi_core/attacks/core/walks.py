"""Two step rules for max value under a constraint e ≤ 0, row by row.

``Along`` is sequential quadratic programming with momentum: a Newton step to the border e = 0, and a step in
its tangent plane [Nocedal & Wright 2006, ch. 18]. ``Outwards`` is an augmented Lagrangian minimised by Adam,
one step for each update of the multiplier [ibid., ch. 17]. ``Walks`` follows each for the rows that need it.
"""

from __future__ import annotations

from typing import Generic, TypeVar

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

    Only the part of the value's gradient that does not change e is followed, with momentum; the Hessian is
    the identity.
    """

    _MOMENTUM, _FIRST, _LAST, _WAIT = 0.9, 0.01, 1e-4, 5

    def __init__(self, x: Tensor, steps: int) -> None:
        self._rate = _Falling(self._FIRST, self._LAST, steps)
        self._root: float = x[0].numel() ** 0.5
        self._mean = torch.zeros_like(x)

    def take(self, rows: Tensor) -> None:
        """Go on with the rows at these positions (r,) only."""
        self._mean = self._mean[rows]

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

    def take(self, rows: Tensor) -> None:
        """As in ``Along``."""
        self._mean, self._square = self._mean[rows], self._square[rows]
        self.multiplier = self.multiplier[rows]

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


class Walks:
    """``Outwards`` for the rows that are marked so at a step, ``Along`` for the others.

    A row in ``destroys`` is always marked, another one at most until it has won. So either rule is followed
    for no more rows than may still need it; on a device the host does not look who has won.

    Args:
        x: (B,C,H,W) images.
        steps: of the whole walk.
        destroys: (B,) bool on the CPU.
    """

    def __init__(self, x: Tensor, steps: int, destroys: Tensor) -> None:
        self._looks = x.device.type == "cpu"
        self._along = _Some(Along(x, steps), len(x), x.device)
        self._outwards = _Some(Outwards(x, steps), len(x), x.device)
        self._along.only(~destroys)
        self._destroys = destroys

    def move(
        self, rising: Tensor, slope: Tensor, excess: Tensor, outwards: Tensor, won: Tensor
    ) -> tuple[Tensor, Tensor]:
        """How to change x̃ (B,C,H,W), and the multipliers λ (B,) in force, NaN where there is none.

        Args:
            rising, slope, excess: as in ``Along``.
            outwards: (B,) bool, the rows that follow ``Outwards`` at this step.
            won: (B,) bool, those that have had a success.
        """
        if self._looks:
            self._outwards.only(self._destroys | ~won)
        pressed = torch.full_like(excess, torch.nan)
        pressed[self._outwards.rows] = self._outwards.walk.multiplier
        along = self._along.move(rising, slope, excess)
        out = self._outwards.move(rising, slope, excess)
        return torch.where(per_image(outwards, slope), out, along), torch.where(outwards, pressed, torch.nan)


Walk = TypeVar("Walk", Along, Outwards)


class _Some(Generic[Walk]):
    """A walk for some rows of a batch, fewer and fewer."""

    def __init__(self, walk: Walk, count: int, device: torch.device) -> None:
        self.walk: Walk = walk
        self._count, self._device = count, device
        self._here = torch.arange(count)
        #: where those rows are in the batch; a slice as long as they are all of it
        self.rows: Tensor | slice = slice(None)

    def only(self, needed: Tensor) -> None:
        """Leave the rows that are not ``needed`` (B,) bool, on the CPU, for good."""
        stay = needed[self._here]
        if bool(stay.all()):
            return
        places = stay.nonzero().flatten()
        self._here = self._here[places]
        self.rows = self._here.to(self._device)
        self.walk.take(places.to(self._device))

    def move(self, rising: Tensor, slope: Tensor, excess: Tensor) -> Tensor:
        """The walk's moves (B,C,H,W) of its rows; the others stay."""
        rows = self.rows
        if isinstance(rows, slice):
            whole: Tensor = self.walk.move(rising, slope, excess)
            return whole
        moves = torch.zeros_like(slope)
        if len(rows):
            moves[rows] = self.walk.move(rising[rows], slope[rows], excess[rows])
        return moves


def _length(images: Tensor) -> Tensor:
    """(B,) L2 norms, never 0."""
    length: Tensor = torch.linalg.vector_norm(images.flatten(1), dim=1).clamp_min(TINIEST)
    return length
