"""Pictures of one cell of a sweep: x, x̃ and the perturbation with its gain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advmi_core.figures.attack.pictures import DIVERGING
from advmi_core.figures.encode import data_url, default_gain

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Triplet:
    """Three pictures as ``data:`` URLs."""

    x: str
    x_adv: str
    change: str


def gain(x: Floats, x_adv: Floats) -> int:
    """One gain for all pictures, (N,C,H,W) each, so that they compare."""
    return default_gain(float(np.abs(x_adv - x).max(initial=0.0)))


def triplets(x: Floats, x_adv: Floats, factor: int) -> list[Triplet]:
    """Every image (C,H,W) with x̃ and the perturbation times ``factor``: blue darker, orange brighter."""
    return [
        Triplet(data_url(before), data_url(after), data_url(_change(after - before, factor)))
        for before, after in zip(x, x_adv, strict=True)
    ]


def _change(delta: Floats, factor: int) -> Floats:
    """(C,H,W) → (3,H,W); the channels' mean through the palette of the printed perturbation."""
    coloured = DIVERGING(0.5 + 0.5 * np.clip(factor * delta.mean(axis=0), -1, 1))
    return np.moveaxis(np.asarray(coloured)[..., :3], -1, 0).astype(np.float32)
