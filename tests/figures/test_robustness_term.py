"""NAMID's term alone: planted differences are counted, drawn where they are, never claimed beyond them."""

from __future__ import annotations

from typing import Any

import pytest

from advmi_core.figures.chart import Points
from advmi_core.figures.robustness import term as robustness_term

MI = {"natural_adv": 0.5, "adversarial_adv": -0.25}


def study(batch: int = 128, /, **settings: tuple[float, float, float]) -> dict[str, Any]:
    """Title → difference and its interval."""
    alone = {"name": "standard", "title": "alone", "clean": 0.8, "robust": 0.7, "validation": MI}
    others = [
        {**alone, "name": title, "title": title, "robust": 0.7 + d, "difference": d, "low": low, "high": high}
        for title, (d, low, high) in settings.items()
    ]
    standard = {"epochs": 10, "batch": batch, "seed": 0}
    spec = {"standard": standard, "after": 7, "held": 500, "attack": "PGD-10", "estimators": {"units": 64}}
    return {"spec": spec, "rows": [alone, *others]}


BETTER, WORSE, UNCLEAR = (0.02, 0.01, 0.03), (-0.03, -0.04, -0.02), (-0.003, -0.01, 0.004)


@pytest.mark.parametrize(
    ("settings", "tone", "heading"),
    [
        ({"a": BETTER, "b": UNCLEAR}, "good", "1 clearly makes a model more robust, none less"),
        ({"a": WORSE, "b": WORSE}, "bad", "none clearly makes a model more robust, 2 less"),
        ({"a": UNCLEAR}, "note", "none clearly makes a model more robust, none less"),
        ({"a": BETTER, "b": WORSE}, "note", "1 clearly makes a model more robust, 1 less"),
    ],
)
def test_only_intervals_without_zero_are_claimed(
    settings: dict[str, tuple[float, float, float]], tone: str, heading: str
) -> None:
    seen = robustness_term.said([study(128, **settings)])
    assert (seen[0], seen[1]) == (tone, f"Of {len(settings)} trials of NAMID's term {heading}")


def test_the_best_of_all_studies_is_told_with_its_interval() -> None:
    text = robustness_term.said([study(a=WORSE), study(512, b=UNCLEAR)])[2]
    where = "10 epochs, batches of 512, estimators of 64 units, seed 0"
    assert f"The best: b ({where}), −0.30 [−1.00, +0.40] percentage points" in text


def test_what_the_best_setting_gave_elsewhere_is_told_beside_it() -> None:
    text = robustness_term.said([study(a=BETTER, b=WORSE), study(512, a=UNCLEAR)])[2]
    assert "%]. The same setting otherwise: −0.30 [−1.00, +0.40] (10 epochs, batches of 512, " in text
    assert text.count("epochs, batches of 128") == text.count("epochs, batches of 512") == 1
    assert "otherwise" not in robustness_term.said([study(a=BETTER), study(512, b=WORSE)])[2]


def test_every_study_says_what_it_was_measured_on() -> None:
    said = "7 epochs are shared; x̃ by PGD-10, on 500 training images that no training saw"
    assert robustness_term.measured(study(a=BETTER)) == said


def test_more_studies_than_looks_are_drawn() -> None:
    many = [study(batch, a=BETTER) for batch in range(1, 9)]
    marks = [e for e in robustness_term.forest(many).elements if isinstance(e, Points)]
    assert len({mark.style.title for mark in marks}) == len(marks) == 8
    assert max(abs(mark.y[0]) for mark in marks) < 0.4  # nearer to their own setting than to the next


def test_a_setting_of_two_studies_stands_in_one_row_of_the_figure() -> None:
    first, second = study(a=BETTER, b=WORSE), study(512, b=UNCLEAR)
    chart = robustness_term.forest([first, second])
    one, other = (e for e in chart.elements if isinstance(e, Points))
    assert [text for _, text in chart.up.ticks] == ["a", "b"]
    assert list(one.x) == pytest.approx([2, -3])
    assert list(one.x_ends[1]) == pytest.approx([3, -2])
    assert list(other.x_ends[0]) == pytest.approx([-1])
    assert one.y[0] == 0  # alone in its row, at its name
    assert (one.y[1] + other.y[0]) / 2 == pytest.approx(1)  # beside each other
    assert 0.1 < other.y[0] - one.y[1] < 0.5
    titles = [mark.style.title for mark in (one, other)]
    assert titles == [f"10 epochs, batches of {n}, estimators of 64 units, seed 0" for n in (128, 512)]


def test_the_table_marks_what_leaves_zero_out() -> None:
    lines = robustness_term.table(study(a=WORSE, b=UNCLEAR))
    assert [line["− alone, points [95 %]"] for line in lines] == [
        "–", "−3.00 [−4.00, −2.00] ●", "−0.30 [−1.00, +0.40]"
    ]  # fmt: skip
    assert lines[1]["right on x̃, %"] == "67.00"
    assert lines[1]["adversarial MI of x̃, nats"] == "−0.25"


def test_a_study_that_lacks_something_is_not_shown() -> None:
    assert robustness_term.fits(study(a=BETTER))
    assert not robustness_term.fits(study())
    without = study(a=BETTER)
    del without["rows"][1]["low"]
    assert not robustness_term.fits(without)
    assert not robustness_term.fits({"spec": {}, "rows": []})
