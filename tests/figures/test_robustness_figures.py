"""What a robustness study says and draws: planted differences are named, unclear ones are not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from advmi_core.evaluation.bootstrap import paired_bootstrap
from advmi_core.figures.chart import Points
from advmi_core.figures.robustness import charts
from advmi_core.figures.robustness import text as robustness_words
from advmi_core.studies.robustness import KINDS, RobustnessResult

IMAGES = 1000
SPEC = {"alpha": 0.3, "penalty": 0.1, "wmim_weight": 0.2, "epochs": 10, "batch": 128, "eps": 0.1,
        "norm": "linf", "steps": 10}  # fmt: skip


def study(rates: dict[str, tuple[float, ...]], attacks: tuple[str, ...] = ("PGD-40",)) -> RobustnessResult:
    """A row is right on exactly these shares of the images, a share a seed."""
    seeds = list(range(len(next(iter(rates.values())))))
    right = {
        (row, seed, attack): np.arange(IMAGES) < shares[seed] * IMAGES
        for row, shares in rates.items()
        for seed in seeds
        for attack in attacks
    }
    spec = {
        "kind": "whitebox", "dataset": "fashion-mnist", "model": "resnet18-w8", "norm": "linf", "eps": 0.1,
        "rows": list(rates), "seeds": seeds, "images": dict.fromkeys(attacks, IMAGES), "surrogate": None,
        "trained": {f"{row}/{seed}": {"spec": SPEC, "images": 12000} for row in rates for seed in seeds},
    }  # fmt: skip
    return RobustnessResult(spec, right)


@pytest.mark.parametrize(
    ("rates", "tone", "heading"),
    [
        ({"standard": (0.5, 0.5), "namid": (0.6, 0.55)}, "good", "NAMID more robust than the baseline"),
        ({"standard": (0.5, 0.5), "namid": (0.6, 0.5)}, "note", "NAMID no clear difference"),
        (
            {"standard": (0.5, 0.5), "namid": (0.6, 0.4)}, "note",
            "NAMID more robust in one seed and less in another",
        ),
        ({"standard": (0.5, 0.5), "namid": (0.4, 0.4)}, "bad", "NAMID less robust than the baseline"),
        (
            {"standard": (0.5,), "namid": (0.6,), "trades": (0.5,), "namid-t": (0.3,)}, "bad",
            "NAMID more robust than the baseline; NAMID_T less robust than the baseline",
        ),
    ],
)  # fmt: skip
def test_only_what_every_interval_carries_is_claimed(
    rates: dict[str, tuple[float, ...]], tone: str, heading: str
) -> None:
    seen_tone, seen_heading, text = robustness_words.verdict(study(rates))
    assert (seen_tone, seen_heading) == (tone, heading)
    change = 100 * (rates["namid"][0] - rates["standard"][0])
    assert f"NAMID − Standard: {change:+.2f}".replace("-", "−") in text


def test_without_the_claimed_column_nothing_is_claimed() -> None:
    tone, heading, _ = robustness_words.verdict(study({"standard": (0.5,), "namid": (0.9,)}, ("None",)))
    assert (tone, heading) == ("note", "No row was compared under PGD-40")


def test_fewer_images_of_autoattack_are_put_beside_the_same_of_pgd() -> None:
    whole = study({"standard": (0.5, 0.4), "namid": (0.6, 0.6)}, ("PGD-40", "AA"))
    assert robustness_words.beside_autoattack(whole) == ""
    spec = whole.spec | {"images": {"PGD-40": IMAGES, "AA": 450}}
    few = {cell: right[:450] if cell[2] == "AA" else right for cell, right in whole.right.items()}
    assert robustness_words.beside_autoattack(RobustnessResult(spec, few)) == (
        f"On the 450 images of AA, PGD-40 leaves right, %: Standard {100 * (1 + 400 / 450) / 2:.2f}, "
        "NAMID 100.00."
    )
    assert robustness_words.beside_autoattack(study({"standard": (0.5,)})) == ""
    begun = {cell: right[:0] if cell[2] == "PGD-40" else right for cell, right in few.items()}
    assert robustness_words.beside_autoattack(RobustnessResult(spec, begun)) == ""


def test_training_is_told_with_the_weights_that_count() -> None:
    said = robustness_words.trained(study({"standard": (0.5,), "wmim": (0.5,), "namid": (0.5,)}))
    assert "resnet18-w8 on 12000 images of fashion-mnist, 10 epochs, batch 128, ε 0.1 in linf" in said
    assert said.endswith("WMIM: w = 0.2; NAMID: α = 0.3, λ = 0.1.")


def test_differences_are_drawn_as_they_are() -> None:
    result = study({"standard": (0.5, 0.4), "namid": (0.6, 0.42)}, ("None", "PGD-40"))
    (marks,) = (e for e in charts.differences(result.table()).elements if isinstance(e, Points))
    pairs = [
        paired_bootstrap(result.right["namid", seed, "None"], result.right["standard", seed, "None"])
        for seed in (0, 1)
    ]
    np.testing.assert_allclose(marks.y[:2], [100 * each.mean for each in pairs])
    low, high = marks.y_ends
    np.testing.assert_allclose(high[:2], [100 * each.high for each in pairs])
    np.testing.assert_allclose(low[:2], [100 * each.low for each in pairs])
    assert [round(x) for x in marks.x] == [0, 0, 1, 1]


def test_marks_of_a_group_stay_apart_and_inside() -> None:
    rates = dict.fromkeys(KINDS["whitebox"], (0.5, 0.5))
    chart = charts.accuracies(study(rates, ("None", "PGD-40")).table())
    places = np.unique([round(x, 6) for e in chart.elements if isinstance(e, Points) for x in e.x])
    assert len(places) == 2 * len(rates)
    assert np.all(abs(places - np.round(places)) < 0.5)
    looks = charts.looks(study(rates).table())
    assert len({(look.ink, look.mark) for look in looks.values()}) == len(rates)


def test_guards_need_more_than_one_point() -> None:
    rates = {"standard": (0.5, 0.7)}
    assert charts.guards(study(rates)) is None
    result = study(rates, ("PGD-100", "PGD-40", "PGD-1"))
    chart = charts.guards(result)
    assert chart is not None
    (line,) = chart.elements
    assert [text for _, text in chart.across.ticks] == ["PGD-1", "PGD-40", "PGD-100"]
    assert list(line.y) == pytest.approx([60, 60, 60])


@pytest.mark.parametrize("kind", KINDS)
def test_every_row_has_a_look(kind: str) -> None:
    result = study(dict.fromkeys(KINDS[kind], (0.5,)))
    rows = RobustnessResult(result.spec | {"kind": kind}, result.right).table()
    looks = charts.looks(rows)
    assert len({(look.ink, look.mark) for look in looks.values()}) == len(KINDS[kind])
    assert [look.title for look in looks.values()] == [line.title for line in rows]


def test_a_row_that_nobody_knows_gets_a_look_of_its_own() -> None:
    rows = study({"standard": (0.5,), "namid": (0.6,)}).table()
    other = [*rows, replace(rows[1], row="of-my-own", title="Mine")]
    look = charts.looks(other)["of-my-own"]
    assert look.title == "Mine"
    assert look.ink not in {charts.looks(rows)[name].ink for name in ("standard", "namid")}
    assert charts.looks(other) == charts.looks(other)


def test_guards_are_on_the_same_images() -> None:
    result = study({"standard": (0.25,)}, ("PGD-40", "PGD-100"))
    result.spec["images"]["PGD-100"] = 400
    result.right["standard", 0, "PGD-100"] = result.right["standard", 0, "PGD-100"][:400]  # type: ignore[index]
    chart = charts.guards(result)
    assert chart is not None
    assert list(chart.elements[0].y) == pytest.approx([62.5, 62.5])  # of the first 400, the 250 right ones
