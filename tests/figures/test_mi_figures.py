"""Figures of the page Mutual information: what they hold is what was computed."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from advmi_core.figures.chart import Bars, Line, Points, Rule, end_labels, spread_out
from advmi_core.figures.mutual_information import bounds as mi_bounds
from advmi_core.figures.mutual_information import overshoot as mi_overshoot
from advmi_core.figures.mutual_information import scores as mi_scores
from advmi_core.figures.plotly_renderer import figure as on_screen
from advmi_core.studies.critics.live import RaceStep
from advmi_core.studies.critics.one_image import Scores
from advmi_core.studies.critics.overshoot import SampleSizeResult, SampleSizeStep

NAN = math.nan


def scores(step: int = 10, lift: float = 3.0) -> Scores:
    rng = np.random.default_rng(step)
    joint = rng.normal(lift, 1, 32).astype(np.float32)
    marginal = rng.normal(0, 2, 992).astype(np.float32)
    return Scores(step, 40, float(lift), joint, marginal)


def test_the_bars_of_each_heap_add_up_to_all_pairs() -> None:
    bars = [e for e in mi_scores.histograms(scores()).elements if isinstance(e, Bars)]
    assert [sum(each.y) for each in bars] == pytest.approx([100, 100])
    assert "(32)" in bars[0].style.title
    assert "(992)" in bars[1].style.title


def test_the_heaps_differ_without_colour() -> None:
    joint, shuffled = on_screen(mi_scores.histograms(scores())).data
    assert joint.marker.pattern.shape != shuffled.marker.pattern.shape


def test_the_two_lines_are_what_the_bound_subtracts() -> None:
    seen = scores()
    lines = [e.x for e in mi_scores.histograms(seen).elements if isinstance(e, Rule)]
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
    chart = mi_scores.histograms(moments[0], (low, high))
    assert chart.across.range == (low, high)
    assert sum(chart.elements[0].y) == pytest.approx(100)


def test_growth_shows_log_k_and_the_chosen_step() -> None:
    line, limit, shown = mi_scores.growth([scores(0, 0.0), scores(10), scores(20, 5.0)], shown=10).elements
    assert limit.y == pytest.approx(math.log(32))
    assert list(line.y) == [0.0, 3.0, 5.0]
    assert list(shown.x) == [10]


def race_records() -> list[RaceStep]:
    """Two bounds, two seeds: the second bound is one record behind and runs away downwards."""
    table = [([1, 0], [[0.1, 0.3], [NAN, NAN]]), ([1, 1], [[0.1, 0.3], [0.0, -0.2]]),
             ([9, 1], [[0.9, 1.1], [0.0, -0.2]]), ([9, 9], [[0.9, 1.1], [-50.0, -60.0]])]  # fmt: skip
    return [
        RaceStep(i, 4, np.array(at), np.zeros((2, 2)), np.array(values))
        for i, (at, values) in enumerate(table)
    ]


def test_a_curve_is_the_mean_over_seeds_at_each_bounds_own_steps() -> None:
    seen = mi_bounds.curves(race_records(), ("dv", "nwj"))
    assert seen["dv"].steps.tolist() == [1, 9]
    assert seen["dv"].mean.tolist() == pytest.approx([0.2, 1.0])
    assert seen["dv"].spread.tolist() == pytest.approx([0.1, 0.1])
    assert seen["nwj"].mean.tolist() == pytest.approx([-0.1, -55.0])
    assert mi_bounds.curves([], ("dv",))["dv"].steps.size == 0


def test_the_race_shows_the_truth_and_says_what_left_the_picture() -> None:
    chart = mi_bounds.race(race_records(), ("dv", "nwj"), 1.0, 9)
    assert [e.y for e in chart.elements if isinstance(e, Rule)] == [1.0]
    low, high = chart.up.range
    assert -3 < low < 0 < 1 < high
    texts = [text for text, _, _ in end_labels(chart)]
    figure = on_screen(chart)
    nwj = next(trace for trace in figure.data if trace.name == "NWJ")
    assert list(nwj.hovertext) == ["-0.100", "-55.000"]
    assert low - 3 * (high - low) < nwj.y[-1] < low
    assert set(texts) <= {note.text for note in figure.layout.annotations}
    assert "NWJ −55 ↓" in texts
    assert "DV 1" in texts


def test_bounds_differ_in_dash_and_mark_not_in_colour_alone() -> None:
    styles = mi_bounds.styles([*mi_bounds.STYLES, "another"]).values()
    assert len({style.dash for style in styles}) == len({style.mark for style in styles}) == len(styles)


@pytest.mark.parametrize("wanted", [[1.0, 1.0, 1.0, 1.0, 1.0, 1.0], [0.0, -9.0, 9.0], [0.5, 0.51, 0.1], []])
def test_labels_keep_their_order_and_their_distance(wanted: list[float]) -> None:
    placed = spread_out(wanted, 0.0, 1.0)
    pairs = sorted(zip(placed, wanted, strict=True))
    assert [w for _, w in pairs] == sorted(wanted)
    assert all(b - a >= 0.06 - 1e-9 for (a, _), (b, _) in itertools.pairwise(pairs))
    assert all(-1e-9 <= at <= 1 for at in placed)


def sweep_step(k: int, at: int, train: float, held_out: float) -> SampleSizeStep:
    return SampleSizeStep(at, 20, k, at, np.array([train, train]), np.array([held_out, held_out]))


def test_the_course_shows_one_k_and_its_logarithm() -> None:
    records = [sweep_step(16, 5, 1, 0), sweep_step(16, 10, 4, -9), sweep_step(64, 5, 7, 7)]
    chart = mi_overshoot.course(records, 16, 1.0, 10)
    drawn = {e.style.title: e for e in chart.elements if isinstance(e, Line)}
    assert list(drawn["in sample"].x) == [5, 10]
    assert list(drawn["held out"].y) == [0.0, -9.0]
    texts = [text for text, _, _ in end_labels(chart)]
    assert any(text.startswith("log K 2.77") for text in texts)
    assert "held out −9 ↓" in texts
    assert on_screen(mi_overshoot.course([], 16, 1.0, 10)).layout.yaxis.range


def test_what_leaves_the_axis_over_k_is_told_in_numbers() -> None:
    result = SampleSizeResult(
        1.0, (16, 64), np.array([[180.0, 190.0], [1.2, 1.4]]), np.array([[-700.0], [0.9]])
    )
    chart = mi_overshoot.by_k(result, (16, 64), 64)
    outside = [e for e in chart.elements if isinstance(e, Points) and any(e.labels)]
    assert [list(e.labels) for e in outside] == [["185"], ["−700"]]
    assert [e.style.mark for e in outside] == ["triangle-up", "triangle-down"]
    low, high = chart.up.range
    assert all(low <= y <= high for e in chart.elements if isinstance(e, Points) for y in e.y)
