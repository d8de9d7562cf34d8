"""Confidence intervals: of a success rate, and of the mean difference of two methods' values."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri, stdtrit

from advmi_core.validate import check_count, check_number


@dataclass(frozen=True)
class Interval:
    """A confidence interval; NaN at both ends where nothing was measured."""

    low: float
    high: float


@dataclass(frozen=True)
class Paired:
    """The mean of a − b over n pairs with its confidence interval; NaN where there are too few pairs."""

    n: int
    mean: float
    low: float
    high: float

    @property
    def sign(self) -> int:
        """1 where the whole interval lies above 0, −1 below; 0 where it holds 0 or there is none."""
        return int(self.low > 0) - int(self.high < 0)

    def times(self, factor: float) -> Paired:
        """The same in another unit; ``factor`` > 0."""
        return Paired(self.n, factor * self.mean, factor * self.low, factor * self.high)


def wilson(successes: int, trials: int, level: float = 0.95) -> Interval:
    """Wilson's score interval of a probability [Wilson 1927]; keeps its level also near 0 and 1.

    Args:
        successes: 0…``trials``.
        trials: independent trials ≥ 0; the same image under two seeds is one trial, not two.
        level: in (0,1).

    Returns:
        An interval in [0,1]; (NaN, NaN) for 0 trials.

    Raises:
        ValueError: a number is out of its range.
    """
    check_count(trials, "trials", low=0)
    check_count(successes, "successes", low=0)
    if successes > trials:
        raise ValueError(f"successes must be at most trials = {trials}, got {successes}")
    _check_level(level)
    if trials == 0:
        return Interval(math.nan, math.nan)
    z2 = float(ndtri((1 + level) / 2)) ** 2
    rate, weight = successes / trials, trials + z2
    centre = (successes + z2 / 2) / weight
    half = math.sqrt(z2 * (trials * rate * (1 - rate) + z2 / 4)) / weight
    # The ends are exact where all trials agree; rounding would leave them a hair inside or outside.
    low = 0.0 if successes == 0 else centre - half
    return Interval(low, 1.0 if successes == trials else centre + half)


def paired(a: ArrayLike, b: ArrayLike, level: float = 0.95) -> Paired:
    """Student's t interval of the mean of a − b; pairs that were not measured on both sides are left out.

    Args:
        a, b: (N,) values of the same N images, NaN where not measured.
        level: in (0,1).

    Raises:
        ValueError: the arrays do not match, or the level is out of range.
    """
    _check_level(level)
    left, right = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if left.ndim != 1 or left.shape != right.shape:
        raise ValueError(f"a and b must both be (N,), got {left.shape} and {right.shape}")
    measured = np.isfinite(left) & np.isfinite(right)
    difference = left[measured] - right[measured]
    n = len(difference)
    if n == 0:
        return Paired(0, math.nan, math.nan, math.nan)
    mean = float(difference.mean())
    if n == 1:
        return Paired(1, mean, math.nan, math.nan)
    half = float(stdtrit(n - 1, (1 + level) / 2) * difference.std(ddof=1) / math.sqrt(n))
    return Paired(n, mean, mean - half, mean + half)


def _check_level(level: float) -> None:
    check_number(level, "level", low=0, high=1, above=True)
    if level == 1:
        raise ValueError("level must be < 1, got 1")
