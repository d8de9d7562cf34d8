"""The allowed perturbations: an L∞ or L2 ball around x, cut with the box of images [0,1]."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

NORMS = ("linf", "l2")
UNBOUNDED = 100.0  # an ε that bounds nothing in either norm, for images of up to 100×100 pixels
# How far a pixel may lie beyond ε: x, x̃ and ε are float32 numbers, each rounded by half a last unit.
ROUNDING = 7e-8
RELATIVE_ROUNDING = 5e-7  # the same for an L2 norm, in parts of ε
_GRID = 255
TINIEST = 1.2e-38  # float32's smallest normal number: below it numbers may be taken for 0


class Ball:
    """Keeps x̃ within ε of x, up to float32's rounding, and inside [0,1] exactly.

    Every pixel can move by ε in both directions where the box has room, and no pixel further than ε + 10⁻⁷.
    An L2 norm exceeds ε by a millionth of it at most, on the (rounded) levels of the grid by 10⁻⁷ more.

    Args:
        x: (B,C,H,W) centres in [0,1].
        eps: ε ≥ 0, one number or (B,).
        norm: ``"linf"`` or ``"l2"``.
        quantize: allow only the 256 levels of an 8-bit picture.
    """

    def __init__(self, x: Tensor, eps: float | Tensor, norm: str, quantize: bool = False) -> None:
        self.x = x
        self.eps: Any = eps  # (B,) only of an attack that takes one for each row
        self.norm = norm
        self._wide = per_image(eps, x) if isinstance(eps, Tensor) else eps
        reach: Any = self._wide if norm == "linf" else 1.0
        self._low, self._high = (x - reach).clamp_min(0), (x + reach).clamp_max(1)
        self._grid = _Grid(x.device) if quantize else None

    def project(self, x_adv: Tensor) -> Tensor:
        """The nearest point of box and L∞ ball, or the point of box and L2 ball in its direction."""
        boxed = torch.clamp(x_adv, self._low, self._high)
        return boxed if self.norm == "linf" else self._shrink(boxed)

    def gap(self, x_adv: Tensor, gradient: Tensor) -> Tensor:
        """(B,) ‖x̃ − Π(x̃ − ∇F)‖₂, the proximal gradient gap."""
        moved = self.project(x_adv - gradient).sub_(x_adv)
        length: Tensor = torch.linalg.vector_norm(moved.flatten(1), dim=1)
        return length

    def snap(self, x_adv: Tensor) -> Tensor:
        """A projected point moved to the 8-bit grid, if asked for, within ball and box.

        A pixel that has no level within ε stays x.
        """
        if self._grid is None:
            return x_adv
        if self.norm == "l2":
            return self._snap_inwards(x_adv, self._grid)
        level = self._grid.nearest(x_adv)
        beyond = (level - self.x).abs() > self._wide + ROUNDING
        level = torch.where(beyond, self._grid.next(level, self.x), level)
        return torch.where((level - self.x).abs() > self._wide + ROUNDING, self.x, level)

    def _snap_inwards(self, x_adv: Tensor, grid: _Grid) -> Tensor:
        """The last level on the way from x to x̃: no pixel moves further, so the norm does not grow."""
        level = grid.nearest(x_adv)
        # A level that differs from x̃ by rounding is x̃, unless many of them together leave the ball.
        tolerance = torch.where(self._outside(level - self.x, ROUNDING), 0.0, ROUNDING)
        limit = (x_adv - self.x).abs() + per_image(tolerance, level)
        level = torch.where((level - self.x).abs() > limit, grid.next(level, self.x), level)
        crossed = (level - self.x) * (x_adv - self.x) <= 0
        return torch.where(crossed | ((level - self.x).abs() > limit), self.x, level)

    def _shrink(self, boxed: Tensor) -> Tensor:
        """Scale δ back to the L2 ball; shrinking towards x never leaves the box."""
        delta = boxed - self.x
        length = self._length(delta)
        outside = self._beyond(length)
        if _surely_none(outside):
            return boxed
        scaled = delta.mul_(per_image(self.eps / length.clamp_min(1e-30), delta))
        moved = torch.where(per_image(outside, boxed), self.x + scaled, boxed)
        # Rounding to the nearest number may lengthen δ by more than a norm may err; then round inwards.
        after = moved - self.x
        still = self._outside(after) & outside
        if _surely_none(still):
            return moved
        longer = per_image(still, delta) & (after.abs() > scaled.abs())
        return torch.where(longer, moved.nextafter(self.x), moved)

    def _outside(self, delta: Tensor, rounding: float = 0.0) -> Tensor:
        """(B,) bool: the L2 norm exceeds ε by more than rounding."""
        return self._beyond(self._length(delta), rounding)

    def _beyond(self, length: Tensor, rounding: float = 0.0) -> Tensor:
        beyond: Tensor = length > self.eps * (1 + RELATIVE_ROUNDING) + rounding
        return beyond

    @staticmethod
    def _length(delta: Tensor) -> Tensor:
        """(B,) L2 norms by ``sum``, which adds pairwise: ``norm`` errs by more than ε may on large images."""
        return delta.square().flatten(1).sum(1).sqrt()


class _Grid:
    """The levels k/255 as an 8-bit picture holds them: the same numbers on every device."""

    def __init__(self, device: torch.device) -> None:
        self._levels = (torch.arange(_GRID + 1) / _GRID).to(device)

    def nearest(self, values: Tensor) -> Tensor:
        """The level next to each value in [0,1]."""
        return self._levels[(values * _GRID).round().long()]

    def next(self, levels: Tensor, towards: Tensor) -> Tensor:
        """One level further, in the direction of ``towards``."""
        place = (levels * _GRID).round().long()
        return self._levels[place + torch.sign(towards - levels).long()]


def _surely_none(rows: Tensor) -> bool:
    """None of the rows (B,) bool is marked: a CPU can look for free; for a device the host does not wait."""
    return rows.device.type == "cpu" and not bool(rows.any())


def per_image(values: Tensor, images: Tensor) -> Tensor:
    """(B,) values shaped to broadcast over images (B,…)."""
    return values.reshape(-1, *[1] * (images.ndim - 1))


def steepest(gradient: Tensor, norm: str) -> Tensor:
    """The direction (B,C,H,W) of length 1 in ``norm`` along which a linear function grows fastest."""
    return gradient.sign() if norm == "linf" else normalised(gradient, 2)


def normalised(gradient: Tensor, order: int) -> Tensor:
    """(B,…) scaled to an L1 (``order`` 1) or L2 norm (2) of 1 however small or large it is; 0 stays 0."""
    largest = gradient.flatten(1).abs().amax(1).clamp_min(TINIEST)
    scaled = gradient / per_image(largest, gradient)  # the largest is ±1, so nothing that counts underflows
    length = torch.linalg.vector_norm(scaled.flatten(1), order, dim=1).clamp_min(TINIEST)
    return scaled.div_(per_image(length, scaled))
