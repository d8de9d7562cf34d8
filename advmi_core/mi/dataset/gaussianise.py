"""Paired samples as the data-set estimators take them: checked, and each coordinate made standard normal.

Mutual information does not change under one-to-one maps of either side, so the coordinates may be brought
to a common shape first: heavy tails and scales then cost a critic nothing.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import ndtri
from torch import Tensor

Samples = Tensor | NDArray[np.generic]
Array = NDArray[np.float64]


def check_pairs(x: object, y: object, least: int = 4) -> tuple[Array, Array]:
    """Return (N,dx) and (N,dy) float64 copies of paired samples.

    Raises:
        ValueError: not a real-valued tensor or array, not two-dimensional, not finite, constant, of
            different lengths, or fewer than ``least`` samples.
    """
    a, b = _check_side(x, "x"), _check_side(y, "y")
    if len(a) != len(b):
        raise ValueError(f"x and y must have the same number of samples, got {len(a)} and {len(b)}")
    if len(a) < least:
        raise ValueError(f"x and y must hold at least {least} paired samples, got {len(a)}")
    for side, name in ((a, "x"), (b, "y")):
        if not np.ptp(side, axis=0).any():
            raise ValueError(f"{name} must vary, got {len(side)} equal samples")
    return a, b


def _check_side(samples: object, name: str) -> Array:
    if not isinstance(samples, Tensor | np.ndarray):
        raise ValueError(f"{name} must be a torch.Tensor or numpy array, got {type(samples).__name__}")
    real = not samples.is_complex() if isinstance(samples, Tensor) else samples.dtype.kind in "fiub"
    if not real:
        raise ValueError(f"{name} must hold real numbers, got {samples.dtype}")
    if samples.ndim != 2 or 0 in samples.shape:
        raise ValueError(f"{name} must have shape (N,d), got {tuple(samples.shape)}")
    if isinstance(samples, Tensor):
        array: Array = samples.detach().to("cpu", torch.float64).numpy()
    else:
        array = samples.astype(np.float64)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got NaN or infinite values")
    return array


def gaussianise(samples: Array) -> Array:
    """Each coordinate's ranks through the normal quantile function; equal values share their mean rank.

    The map is strictly increasing on the values seen, so that it keeps the mutual information; it uses
    each side alone and can therefore not leak which x belongs to which y.
    """
    return standardise(ndtri(mean_ranks(samples) / (len(samples) + 1)))


def mean_ranks(samples: Array) -> Array:
    """The ranks 1…N of each column of (N,d) finite values; equal values share their mean rank."""
    return np.stack([_mean_ranks(column) for column in samples.T], axis=1)


# scipy.stats has this too, but its import would add a second to every start of the program.
def _mean_ranks(values: Array) -> Array:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    shared: Array = counts.cumsum() - (counts - 1) / 2
    return shared[place]


def standardise(samples: Array) -> Array:
    """Zero mean and unit variance per coordinate; a constant coordinate becomes 0."""
    centred = samples - samples.mean(0)
    spread = centred.std(0)
    varies = np.ptp(samples, axis=0) > 0
    return np.where(varies, centred / np.where(varies & (spread > 0), spread, 1), 0)
