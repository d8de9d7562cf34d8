"""Two models on the same images: the paired bootstrap of their difference in accuracy."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import ArrayLike

from advmi_core.evaluation.intervals import Paired
from advmi_core.validate import check_count, check_number


def paired_bootstrap(
    a: ArrayLike, b: ArrayLike, *, level: float = 0.95, draws: int = 10_000, seed: int = 0
) -> Paired:
    """Accuracy of a minus that of b with the percentile interval over images drawn anew [Efron 1979].

    An image adds 1, −1 or 0 to the difference, so a resample is told by how often it has each: two binomial
    numbers instead of N indices, with the same distribution.

    Args:
        a, b: (N,) bool, whether each of the same N images was classified correctly. The same image under two
            seeds is no second image: compare one seed at a time.
        level: in (0,1).
        draws: resamples ≥ 1.
        seed: of the resamples, ≥ 0.

    Returns:
        In parts of one; NaN without images.

    Raises:
        ValueError: the arrays do not match or are not bool, or a number is out of its range.
    """
    check_number(level, "level", low=0, high=1, above=True)
    check_count(draws, "draws")
    check_count(seed, "seed", low=0)
    one, other = np.asarray(a), np.asarray(b)
    if one.ndim != 1 or one.shape != other.shape or any(side.dtype != np.bool_ for side in (one, other)):
        raise ValueError(
            f"a and b must both be (N,) bool, got {one.dtype} {one.shape} and {other.dtype} {other.shape}"
        )
    n = len(one)
    if n == 0:
        return Paired(0, math.nan, math.nan, math.nan)
    gained, lost = int((one & ~other).sum()), int((other & ~one).sum())
    return Paired(n, (gained - lost) / n, *_interval(n, gained, lost, level, draws, seed))


@lru_cache(maxsize=4096)  # a table shows the same comparison in many places, and again at every look at it
def _interval(n: int, gained: int, lost: int, level: float, draws: int, seed: int) -> tuple[float, float]:
    """Bounds of the difference where a alone is right ``gained`` times and b alone ``lost`` times in n."""
    generator = torch.Generator().manual_seed(seed)
    trials = torch.full((draws,), float(n), dtype=torch.float64)
    ups = torch.binomial(trials, torch.full_like(trials, gained / n), generator=generator)
    chance = lost / (n - gained) if gained < n else 0.0
    downs = torch.binomial(trials - ups, torch.full_like(trials, chance), generator=generator)
    low, high = np.quantile(((ups - downs) / n).numpy(), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
