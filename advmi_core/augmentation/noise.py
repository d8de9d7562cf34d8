"""Gaussian noise of a given length inside the box of images."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from advmi_core.attacks.core.ball import per_image
from advmi_core.rng import RowStreams

_NOISE = 21  # purpose of the random stream
_HALVINGS = 60


def noisy(x: Tensor, l2: Tensor, seed: int, rows: Sequence[int]) -> Tensor:
    """clip(x + s·n) with the strength s at which its distance from x is as wanted, each row by itself.

    Args:
        x: (B,C,H,W) images in [0,1].
        l2: (B,) wanted ‖x̃ − x‖₂ ≥ 0. A row whose box has no room for it gets the corner of the box that n
            points to.
        seed, rows: seed ≥ 0 and row ids of the directions n, standard normal.

    Returns:
        (B,C,H,W), where x lies; computed on the CPU in float64, so the same bits for every device.
    """
    direction = RowStreams(seed, rows, _NOISE).normal(*x.shape[1:]).double()
    centre, wanted = x.cpu().double(), l2.cpu().double()
    low, high = torch.zeros_like(wanted), torch.ones_like(wanted)
    for _ in range(_HALVINGS):  # the length grows with s, so double s until it is long enough
        high = torch.where(_length(centre, direction, high) < wanted, 2 * high, high)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        short = _length(centre, direction, middle) < wanted
        low, high = torch.where(short, middle, low), torch.where(short, high, middle)
    return _moved(centre, direction, low).float().to(x.device)


def _moved(x: Tensor, direction: Tensor, strength: Tensor) -> Tensor:
    return (x + per_image(strength, x) * direction).clamp(0, 1)


def _length(x: Tensor, direction: Tensor, strength: Tensor) -> Tensor:
    length: Tensor = (_moved(x, direction, strength) - x).flatten(1).norm(dim=1)
    return length
