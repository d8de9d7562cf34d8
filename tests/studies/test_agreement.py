"""Agreement of repeated measurements against known cases, scipy and a worked example of the literature."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import spearmanr

from advmi_core.studies.sampling.agreement import intraclass, rank_correlation

# Shrout & Fleiss (1979), table 2: six targets, four judges; they report ICC(2,1) = 0.29.
JUDGES = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]).T


def noisy(seeds: int, images: int, share: float) -> np.ndarray:
    """(S,N) values of unit variance, of which ``share`` belongs to the image."""
    draw = np.random.default_rng(4)
    image = draw.normal(size=images)
    return math.sqrt(share) * image + math.sqrt(1 - share) * draw.normal(size=(seeds, images))


@pytest.mark.parametrize("measure", [rank_correlation, intraclass])
def test_identical_seeds_agree_and_independent_ones_do_not(measure) -> None:
    same = np.tile(np.random.default_rng(0).normal(size=50), (3, 1))
    assert measure(same) == pytest.approx(1)
    assert abs(measure(noisy(2, 4000, 0))) < 0.05


@pytest.mark.parametrize("seeds", [2, 5])
def test_rank_correlation_is_scipys_averaged_over_pairs(seeds: int) -> None:
    values = np.round(noisy(seeds, 60, 0.6), 1)  # rounding makes ties
    assert len(np.unique(values[0])) < 60
    pairs = [spearmanr(values[a], values[b]).statistic for a in range(seeds) for b in range(a + 1, seeds)]
    assert rank_correlation(values) == pytest.approx(np.mean(pairs), abs=1e-12)


def test_only_the_order_counts_for_ranks_but_the_level_counts_for_icc() -> None:
    values = noisy(2, 200, 0.9)
    lifted = np.stack([values[0], np.exp(values[1]) + 10])
    assert rank_correlation(lifted) == pytest.approx(rank_correlation(values))
    assert intraclass(values + np.array([[0.0], [10.0]])) < 0.1 < 0.8 < intraclass(values)
    assert rank_correlation(np.stack([values[0], -values[0]])) == pytest.approx(-1)


def test_icc_is_that_of_the_literature_and_of_the_model() -> None:
    assert intraclass(JUDGES) == pytest.approx(0.29, abs=0.005)
    for share in (0.3, 0.8):
        assert intraclass(noisy(4, 20_000, share)) == pytest.approx(share, abs=0.02)


def test_far_from_zero_the_icc_keeps_its_digits() -> None:
    values = noisy(2, 100, 0.5)
    assert intraclass(1e6 + values) == pytest.approx(intraclass(values), abs=1e-6)


def test_no_spread_is_not_a_number() -> None:
    flat = np.ones((2, 5))
    assert math.isnan(rank_correlation(flat))
    assert math.isnan(intraclass(flat))


@pytest.mark.parametrize("measure", [rank_correlation, intraclass])
@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.ones(5), "at least 2 seeds"),
        (np.ones((1, 5)), "at least 2 seeds"),
        (np.ones((3, 1)), "2 images"),
        (np.array([[1.0, np.nan, 2.0], [1.0, 2.0, 3.0]]), "finite, got NaN or infinite values for 1 images"),
    ],
)
def test_what_cannot_be_compared_is_refused(measure, values: np.ndarray, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        measure(values)
