"""The violins hold the study's numbers and say them in words."""

from __future__ import annotations

import math

import numpy as np
import pytest

from advmi_core.figures.attack import print as printing
from advmi_core.figures.mutual_information.violins import printed, violins
from advmi_core.figures.text import two_digits
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
    figure = violins(study)
    shown = {trace.name: trace for trace in figure.data if trace.type == "violin"}
    assert list(shown) == ["conv", "random", "patches"]
    np.testing.assert_allclose(sorted(shown["conv"].y), np.sort(study.values["conv"].ravel()))
    assert len(shown["random"].y) == 30, "a seed that is not measured yet is no zero"
    assert "K = 32" in shown["conv"].x[0]
    said = [note.text for note in figure.layout.annotations]
    mean, std = study.values["conv"].mean(), study.values["conv"].std()
    assert said[0] == f"{mean:.2f} ± {std:.2f} nats"
    assert said[2] == "not measured yet"
    assert "nats" in figure.layout.yaxis.title.text


def test_log_k_is_drawn_where_values_reach_it() -> None:
    study = result()
    assert [trace for trace in violins(study).data if trace.type == "scatter"] == []
    study.values["random"][0, 0] = 4
    (bar,) = (trace for trace in violins(study).data if trace.type == "scatter")
    assert bar.y[0] == pytest.approx(math.log(32))
    assert any("log K = 3.47" in text.get_text() for text in printed(study).axes[0].texts)


def test_inks_differ_and_many_points_are_thinned() -> None:
    few, many = violins(result(30)), violins(result(400))
    lines = [trace.line.color for trace in few.data if trace.type == "violin"]
    assert len(set(lines)) == 3
    assert few.data[0].points == "all"
    assert many.data[0].points == "outliers"


def test_the_print_figure_is_a_repeatable_file() -> None:
    content = printing.save(printed(result()), "png")
    assert content.startswith(b"\x89PNG")
    assert content == printing.save(printed(result()), "png")
    axis = printed(result()).axes[0]
    assert [label.get_text().split("\n")[0] for label in axis.get_xticklabels()] == [
        "conv", "random", "patches",
    ]  # fmt: skip
    assert any("not measured yet" in text.get_text() for text in axis.texts)


@pytest.mark.parametrize(("value", "text"), [(2.0, "2.00"), (-0.125, "−0.12"), (math.nan, "–")])
def test_two_digits(value: float, text: str) -> None:
    assert two_digits(value) == text
