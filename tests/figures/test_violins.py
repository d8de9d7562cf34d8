"""The violins hold the study's numbers and say them in words."""

from __future__ import annotations

import math

import numpy as np
import pytest

from advmi_core.figures.chart import Rule, Violin
from advmi_core.figures.matplotlib_renderer import figure as printed
from advmi_core.figures.mutual_information.violins import violins
from advmi_core.figures.plotly_renderer import figure as on_screen
from advmi_core.figures.text import fixed
from advmi_core.studies.sampling.results import StudyResult


def result(images: int = 30) -> StudyResult:
    draw = np.random.default_rng(0)
    values = {
        "conv": draw.normal(2, 0.5, (2, images)).astype(np.float32),
        "random": draw.normal(3, 0.2, (2, images)).astype(np.float32),
        "patches": np.full((2, images), np.nan, np.float32),
    }
    values["random"][1] = np.nan
    k = {"conv": 32, "random": 500, "patches": 0}
    return StudyResult({}, (0, 1), values, k, dict.fromkeys(values, math.nan))


def test_every_violin_holds_its_values_and_says_k_mean_and_spread() -> None:
    study = result()
    chart = violins(study)
    shown = {e.style.title: e for e in chart.elements if isinstance(e, Violin)}
    assert list(shown) == ["conv", "random", "patches"]
    np.testing.assert_allclose(sorted(shown["conv"].values), np.sort(study.values["conv"].ravel()))
    assert len(shown["random"].values) == 30, "a seed that is not measured yet is no zero"
    assert "K = 32" in chart.across.ticks[0][1]
    mean, std = study.values["conv"].mean(), study.values["conv"].std()
    assert shown["conv"].said == f"{mean:.2f} ± {std:.2f} nats"
    assert shown["patches"].said == "not measured yet"
    assert {e.said for e in shown.values()} <= {note.text for note in on_screen(chart).layout.annotations}
    assert "nats" in chart.up.title


def test_log_k_is_drawn_where_values_reach_it() -> None:
    study = result()
    assert [e for e in violins(study).elements if isinstance(e, Rule)] == []
    study.values["random"][0, 0] = 4
    (bar,) = (e for e in violins(study).elements if isinstance(e, Rule))
    assert bar.y == pytest.approx(math.log(32))
    assert any("log K = 3.47" in text.get_text() for text in printed(violins(study)).axes[0].texts)


def test_inks_differ_and_many_points_are_thinned() -> None:
    few, many = on_screen(violins(result(30))), on_screen(violins(result(400)))
    lines = [trace.line.color for trace in few.data if trace.type == "violin"]
    assert len(set(lines)) == 2  # nothing of patches is measured
    assert few.data[0].points == "all"
    assert many.data[0].points == "outliers"


def test_in_print_each_violin_has_its_name_and_its_numbers() -> None:
    axis = printed(violins(result())).axes[0]
    assert [label.get_text().split("\n")[0] for label in axis.get_xticklabels()] == [
        "conv", "random", "patches",
    ]  # fmt: skip
    assert any("not measured yet" in text.get_text() for text in axis.texts)


@pytest.mark.parametrize(("value", "text"), [(2.0, "2.00"), (-0.125, "−0.12"), (math.nan, "–")])
def test_two_digits(value: float, text: str) -> None:
    assert fixed(value) == text
