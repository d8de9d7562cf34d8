"""Figures of the page Mutual information: what they hold is what was computed."""

from __future__ import annotations

import math

import numpy as np
import pytest

from advmi_core.figures import mi_scores
from advmi_core.studies.one_image import Scores


def scores(step: int = 10, lift: float = 3.0) -> Scores:
    rng = np.random.default_rng(step)
    joint = rng.normal(lift, 1, 32).astype(np.float32)
    marginal = rng.normal(0, 2, 992).astype(np.float32)
    return Scores(step, 40, float(lift), joint, marginal)


def test_the_bars_of_each_heap_add_up_to_all_pairs() -> None:
    figure = mi_scores.histograms(scores())
    assert [sum(bars.y) for bars in figure.data] == pytest.approx([100, 100])
    assert "(32)" in figure.data[0].name
    assert "(992)" in figure.data[1].name


def test_the_heaps_differ_without_colour() -> None:
    joint, shuffled = mi_scores.histograms(scores()).data
    assert joint.marker.pattern.shape != shuffled.marker.pattern.shape


def test_the_two_lines_are_what_the_bound_subtracts() -> None:
    seen = scores()
    lines = [shape.x0 for shape in mi_scores.histograms(seen).layout.shapes]
    exact = math.log(np.exp(seen.marginal.astype(np.float64)).mean())
    assert lines == pytest.approx([float(seen.joint.mean()), exact], rel=1e-5)


def test_huge_scores_do_not_overflow() -> None:
    assert mi_scores.log_mean_exp(np.array([1000.0, 1000.0])) == pytest.approx(1000)
    assert mi_scores.log_mean_exp(np.array([0.0, 2000.0])) == pytest.approx(2000 - math.log(2))


def test_one_range_holds_all_moments() -> None:
    moments = [scores(1), scores(2, lift=30)]
    low, high = mi_scores.extent(moments)
    assert low < min(float(m.marginal.min()) for m in moments)
    assert high > max(float(m.joint.max()) for m in moments)
    figure = mi_scores.histograms(moments[0], (low, high))
    assert tuple(figure.layout.xaxis.range) == (low, high)
    assert sum(figure.data[0].y) == pytest.approx(100)


def test_growth_shows_log_k_and_the_chosen_step() -> None:
    figure = mi_scores.growth([scores(0, 0.0), scores(10), scores(20, 5.0)], shown=10)
    assert figure.layout.shapes[0].y0 == pytest.approx(math.log(32))
    assert list(figure.data[0].y) == [0.0, 3.0, 5.0]
    assert list(figure.data[1].x) == [10]
