"""Gradients that cannot be followed, exactly zero or not finite, and what is followed instead."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from advmi_core.attacks.core.ball import per_image

_TURNS, _PLACES = 2**16, 40503  # consecutive pixels lie a golden ratio of a full turn apart


class Mended(NamedTuple):
    """A gradient (b,C,H,W) that is finite, and the rows (b,) bool that had none of their own."""

    gradient: Tensor
    lost: Tensor


def mended(
    gradient: Tensor,
    x_adv: Tensor,
    arrived: Tensor,
    of_model: Tensor | None = None,
    reached: Tensor | None = None,
) -> Mended:
    """Put a random direction in the place of a row's gradient that is exactly zero or not finite.

    A row that has ``arrived`` (b,), adversarial by more than rounding, may have a gradient of zero.
    ``of_model`` (b,C,H,W) is the model's part of a sum, which must not be either: another part would hide it.
    Rows that have ``reached`` (b,) their aim do not need that part.
    """
    # Layers may hand it back channels last, and every later operation on it and x̃ would be slow.
    gradient = gradient.contiguous()
    lost = _unusable(gradient, arrived)
    if of_model is not None:
        lost = lost | _unusable(of_model, arrived if reached is None else arrived | reached)
    # A CPU can look for free; for a device the host does not wait.
    if gradient.device.type == "cpu" and not bool(lost.any()):
        return Mended(gradient, lost)
    return Mended(torch.where(per_image(lost, gradient), wandering(x_adv), gradient), lost)


def _unusable(gradient: Tensor, arrived: Tensor) -> Tensor:
    size = gradient.abs().flatten(1).amax(1)  # NaN if one of them is
    return ~(size < torch.inf) | ((size == 0) & ~arrived)


def wandering(x: Tensor) -> Tensor:
    """A direction (b,C,H,W) in [−1,1) that looks random and is another one at every x.

    It hangs on the row's own pixels alone: no number is drawn, so a row has the same direction alone or in a
    batch, in any order of computing.
    """
    place = torch.arange(x[0].numel(), device=x.device) * _PLACES % _TURNS
    phase = (place * (2 * math.pi / _TURNS)).to(x.dtype).view_as(x[0]) + 1e3 * x
    return 2 * (1e4 * (phase.sin() + 1)).frac() - 1
