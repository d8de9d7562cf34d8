"""Figures, files and words of a lesson in defence: they hold what was measured and claim no more."""

from __future__ import annotations

import csv
import io
import math

import numpy as np
import pytest
import torch
from torch import Tensor

from advmi_core.defenses import DefenseStep, Epoch
from advmi_core.defenses.records import LossTerms
from advmi_core.figures.chart import Bars, Points, Words
from advmi_core.figures.defence import charts
from advmi_core.figures.defence import series as defence
from advmi_core.figures.defence import table as defence_table
from advmi_core.figures.defence import text as defence_words
from advmi_core.figures.plotly_renderer import figure as on_screen
from advmi_core.mi.local.estimators import InformationSplit
from advmi_core.studies.defence import DefenceStudy, DefenceStudyResult, DefenceStudyStep, Measured
from advmi_core.studies.defence.records import ATTACKS, DEFENCE, STANDARD

N = 40
NOISE = torch.linspace(-0.1, 0.1, N)
RIGHT = torch.arange(N) < 30


def made_up(
    natural: float = 0.5, adversarial: float = 0.2, *, clean: Tensor = RIGHT, noise: Tensor = NOISE
) -> Measured:
    """MI of x̃ that differs by model, everything else alike."""

    def split(level: float) -> InformationSplit:
        flat = torch.zeros(N)
        return InformationSplit(
            flat + 1.0, natural + noise + level, flat - 0.3, adversarial + noise.flip(0) + level
        )

    return Measured(
        clean, clean & (torch.arange(N) < 20), torch.full((N,), 1.5), torch.full((N,), 1.2), split(0.1),
        split(0.0),
    )  # fmt: skip


def lesson(
    before: Measured, after: Measured, *, history: tuple[Epoch, ...] = (), defense: str = "namid"
) -> DefenceStudyResult:
    steps = [
        DefenceStudyStep(1, 2, DEFENCE, training=DefenseStep(e.epoch, 3, e.epoch, 3, 0.1, e.train, e))
        for e in history
    ]
    pairs = {STANDARD: before, DEFENCE: after}
    steps += [
        DefenceStudyStep(2, 2, ATTACKS, model=model, attack=attack, measured=one)
        for attack in ("PGD-10", "AA")
        for model, one in pairs.items()
    ]
    return DefenceStudyResult(DefenceStudy(defense=defense, measured=N), steps)


def epoch(number: int, robust: float, natural: float, adversarial: float) -> Epoch:
    parts = LossTerms(2.0 / number, 1.0, math.nan, 0.1, 0.5, 0.4)
    return Epoch(number, parts, robust + 0.1, robust, natural, natural, adversarial, adversarial)


@pytest.mark.parametrize(
    ("natural", "adversarial", "tone", "heading"),
    [
        (0.9, 0.0, "good", "Natural MI rises, adversarial MI falls"),
        (0.9, 0.6, "note", "Natural MI rises, adversarial MI rises"),
        (0.1, 0.0, "note", "Natural MI falls, adversarial MI falls"),
        (0.1, 0.6, "note", "Natural MI falls, adversarial MI rises"),
    ],
)
def test_the_heading_follows_the_numbers(natural: float, adversarial: float, tone: str, heading: str) -> None:
    # Not a constant shift: an interval needs a spread.
    after = made_up(natural, adversarial, noise=NOISE * 1.5)
    seen, title, text = defence_words.verdict(lesson(made_up(), after))
    assert (seen, title) == (tone, heading)
    assert f"natural MI {natural:.2f} against 0.50" in text
    assert f"{'+' if natural > 0.5 else '−'}0.40 [" in text
    assert "NAMID against Standard" in text
    assert f"test images under {defence.ATTACK}" in text
    assert "Standard 75 % and 50 %, NAMID 75 % and 50 %" in text.replace("\u00a0", " ")


def test_a_difference_inside_its_interval_is_no_change() -> None:
    wild = torch.linspace(-3, 3, N)
    after = made_up(0.55, 0.15, noise=wild)
    tone, title, _ = defence_words.verdict(lesson(made_up(), after))
    assert tone == "note"
    assert title == "Natural MI is unclear, adversarial MI is unclear"


def test_a_model_that_does_not_classify_gets_no_praise() -> None:
    after = made_up(0.9, 0.0, clean=torch.arange(N) < 4, noise=NOISE * 1.5)
    tone, title, _ = defence_words.verdict(lesson(made_up(), after))
    assert tone == "bad"
    assert "hardly classifies" in title


def test_standard_against_itself_is_no_finding() -> None:
    result = lesson(made_up(), made_up(), defense="standard")
    assert defence_words.verdict(result)[:2] == ("note", "The same training twice")
    assert len(set(defence.names(result).values())) == 2


def test_nothing_measured_is_said() -> None:
    assert "Not measured yet" in defence_words.verdict(DefenceStudyResult(DefenceStudy(), ()))[1]
    assert defence_words.over_training(DefenceStudyResult(DefenceStudy(), ())) == ""


def test_over_training_speaks_of_the_kept_epoch() -> None:
    history = (epoch(1, 0.2, -0.5, 0.9), epoch(2, 0.5, 0.7, 0.3), epoch(3, 0.4, 8.0, 8.0))
    said = defence_words.over_training(lesson(made_up(), made_up(), history=history))
    assert "epoch 1 to the kept epoch 2" in said
    assert "natural MI from −0.50 to 0.70" in said
    assert "adversarial MI from 0.90 to 0.30" in said
    first = defence_words.over_training(lesson(made_up(), made_up(), history=history[:1] + history[:1]))
    assert "epoch 1 are kept" in first


def test_the_radar_has_its_worst_case_at_the_centre() -> None:
    lines, labels, offset = defence.radar(lesson(made_up(0.5), made_up(0.2)))
    assert labels == ["PGD-10", "PGD-40", "FWA-10", "FWA-40", "AA"]
    every = np.concatenate([values[[0, 4]] for mine in lines.values() for values in mine.values()])
    assert every.min() == 0
    assert offset == pytest.approx(0.3)  # natural MI of x̃ by Eq. 4: 0.2 + 0.1
    assert lines[STANDARD]["I(x̃; h(x̃))"] + offset == pytest.approx([1.2, *[math.nan] * 3, 1.2], nan_ok=True)
    whole = {name: np.ones(5) for name in lines[STANDARD]}
    figure = on_screen(charts.radar(whole, labels, float(every.max())))
    for trace in figure.data:
        assert trace.theta[0] == trace.theta[-1]  # a ring
        assert list(trace.theta[:-1]) == labels
    assert len({trace.line.dash for trace in figure.data}) == 3


def test_an_attack_that_is_not_measured_yet_leaves_no_point() -> None:
    result = lesson(made_up(), made_up())
    partial = DefenceStudyResult(result.lesson, result.steps[:-1])  # AA on the defence is missing
    lines, labels, _ = defence.radar(partial)
    assert math.isnan(lines[DEFENCE]["I(x; h(x))"][4])
    figure = on_screen(charts.radar(lines[DEFENCE], labels, 1.0))
    assert all(trace.theta == ("PGD-10",) for trace in figure.data)
    assert list(figure.layout.polar.angularaxis.categoryarray) == labels  # the place of each is known before


def test_the_gap_is_what_the_two_leave_of_the_whole() -> None:
    (one, _) = defence.splits(lesson(made_up(), made_up(0.9, 0.3)), DEFENCE)
    assert (one.standard, one.natural, one.adversarial) == pytest.approx((1.2, 1.0, 0.4))
    assert one.gap.mean == pytest.approx(one.standard - one.natural - one.adversarial)
    chart = charts.split([one], charts.split_ends([one]))
    drawn = {e.style.title: e for e in chart.elements if isinstance(e, Bars | Points)}
    assert drawn["Adversarial MI"].base[0] == pytest.approx(one.natural)  # on top of natural MI
    assert drawn["Natural + adversarial"].y[0] == pytest.approx(one.natural + one.adversarial)
    assert [e.texts for e in chart.elements if isinstance(e, Words)] == [["−0.20"]]
    low, high = chart.up.range
    assert low <= 0 < 1.4 < high


def test_negative_mi_hangs_below_zero_and_covers_nothing() -> None:
    (one, _) = defence.splits(lesson(made_up(), made_up(0.9, -0.7)), DEFENCE)
    chart = charts.split([one], charts.split_ends([one]))
    drawn = {e.style.title: e for e in chart.elements if isinstance(e, Bars | Points)}
    assert drawn["Adversarial MI"].base[0] == 0
    assert drawn["Adversarial MI"].y[0] == pytest.approx(-0.6)
    assert drawn["Natural + adversarial"].y[0] == pytest.approx(0.4)
    assert chart.up.range[0] < -0.6


def test_both_equations_are_of_the_selected_images_of_the_standard_model() -> None:
    before = made_up()
    found, count = defence.equations(lesson(before, made_up(9.0)))
    assert count == int(before.selected.sum()) == 10
    mean = float(before.optimised.natural_adv[before.selected].mean())
    assert found["optimised"]["natural_adv"].mean == pytest.approx(mean)
    assert found["first"]["natural_adv"].mean == pytest.approx(mean + 0.1)
    assert [bars.style.title for bars in charts.equations(found).elements] == ["Eq. 4", "Eq. 5"]


def test_few_images_have_no_interval() -> None:
    few, many = (defence.mean_of(torch.linspace(0, 1, n)) for n in (4, 5))
    assert few.mean == pytest.approx(0.5)
    assert math.isnan(few.low)
    half = 2.7764 * math.sqrt(0.15625 / 5)  # Student's, 4 degrees
    assert many.high - many.mean == pytest.approx(half, rel=1e-4)


def test_files_hold_every_epoch_and_attack() -> None:
    result = lesson(made_up(), made_up(0.9), history=(epoch(1, 0.2, -0.5, 0.9), epoch(2, 0.5, 0.7, 0.3)))
    curves = list(csv.DictReader(io.StringIO(defence_table.curves_csv(result).decode())))
    assert [(row["model"], row["epoch"], row["natural_adv"]) for row in curves] == [
        ("NAMID", "1", "-0.5"), ("NAMID", "2", "0.7"),
    ]  # fmt: skip
    assert curves[0]["information"] == ""  # not computed
    attacks = list(csv.DictReader(io.StringIO(defence_table.attacks_csv(result).decode())))
    assert len(attacks) == 4
    assert float(attacks[1]["natural_adv_eq5"]) == pytest.approx(0.9, abs=1e-5)
    assert float(attacks[1]["robust_percent"]) == 50
