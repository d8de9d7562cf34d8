"""Intervals keep their level: by simulation, by exact sums, and against textbook values and SciPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from advmi_core.evaluation import Paired, paired, wilson

RATES = np.linspace(0.05, 0.95, 19)


def _covered(rate: float, trials: int) -> np.ndarray:
    """(trials + 1,) bool: whether the interval after k successes holds the true rate."""
    ends = [wilson(k, trials) for k in range(trials + 1)]
    return np.array([interval.low <= rate <= interval.high for interval in ends])


@pytest.mark.parametrize("trials", [200, 1000])
def test_wilson_covers_at_its_level_in_a_simulation(trials: int) -> None:
    stream = np.random.default_rng(0)
    for rate in RATES:
        hits = _covered(rate, trials)[stream.binomial(trials, rate, size=20_000)]
        assert hits.mean() == pytest.approx(0.95, abs=0.02), rate


def test_wilson_covers_by_exact_sums_where_the_plain_interval_does_not() -> None:
    trials, counts = 200, np.arange(201)
    for rate in (0.05, 0.31, 0.95):
        chance = stats.binom.pmf(counts, trials, rate)
        assert chance @ _covered(rate, trials) == pytest.approx(0.95, abs=0.02)
    share = counts / trials  # mean ± 1.96 standard errors, near the edge
    plain = np.abs(share - 0.05) <= 1.96 * np.sqrt(share * (1 - share) / trials)
    assert stats.binom.pmf(counts, trials, 0.05) @ plain < 0.93


@pytest.mark.parametrize(("k", "n"), [(0, 10), (1, 10), (7, 11), (263, 300), (10, 10), (1, 1), (0, 1)])
@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
def test_wilson_agrees_with_scipy(k: int, n: int, level: float) -> None:
    wanted = stats.binomtest(k, n).proportion_ci(level, method="wilson")
    found = wilson(k, n, level)
    assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high), abs=1e-12)
    assert 0 <= found.low <= k / n <= found.high <= 1


def test_wilson_ends_are_exact_where_all_trials_agree_and_unknown_without_any() -> None:
    z2 = stats.norm.ppf(0.975) ** 2
    assert wilson(0, 50).low == 0
    assert wilson(0, 50).high == pytest.approx(z2 / (50 + z2))
    assert wilson(50, 50).high == 1
    assert math.isnan(wilson(0, 0).low)
    assert math.isnan(wilson(0, 0).high)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((3, 2), "successes must be at most trials = 2, got 3"),
        ((-1, 2), "successes must be a whole number ≥ 0, got -1"),
        ((1, 2.5), "trials must be a whole number ≥ 0"),
        ((1, 2, 1.0), "level must be < 1"),
        ((1, 2, 0), "level must be > 0"),
    ],
)
def test_wilson_names_bad_input(arguments: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        wilson(*arguments)


@pytest.mark.parametrize("level", [0.9, 0.95])
def test_paired_agrees_with_scipy(level: float) -> None:
    stream = np.random.default_rng(1)
    a, b = stream.normal(0.3, 1, 40), stream.normal(0, 2, 40)
    wanted = stats.ttest_rel(a, b).confidence_interval(level)
    found = paired(a, b, level)
    assert (found.n, found.mean) == (40, pytest.approx((a - b).mean()))
    assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high))


def test_paired_leaves_out_what_one_side_did_not_measure() -> None:
    a, b = [1.0, np.nan, 3.0, 4.0, np.inf], [0.0, 1.0, np.nan, 1.0, 0.0]
    found = paired(a, b)
    assert (found.n, found.mean) == (2, 2.0)
    assert (found.low, found.high) == pytest.approx(stats.t.interval(0.95, 1, 2.0, 1.0))


@pytest.mark.parametrize(
    ("low", "high", "sign"), [(0.1, 2, 1), (-2, -0.1, -1), (-1, 1, 0), (math.nan, math.nan, 0)]
)
def test_a_difference_has_a_sign_where_its_interval_leaves_zero_out(
    low: float, high: float, sign: int
) -> None:
    assert Paired(3, 0.5, low, high).sign == sign


def test_paired_with_too_few_pairs_has_no_interval() -> None:
    one, none = paired([2.0], [0.5]), paired([np.nan], [0.5])
    assert (one.n, one.mean, math.isnan(one.low), math.isnan(one.high)) == (1, 1.5, True, True)
    assert (none.n, math.isnan(none.mean), math.isnan(none.low)) == (0, True, True)
    with pytest.raises(ValueError, match=r"a and b must both be \(N,\), got \(2,\) and \(3,\)"):
        paired([1, 2], [1, 2, 3])
