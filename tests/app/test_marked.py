"""A result that belongs to other settings says so; numbers agree; what is not good is not called good."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from advmi_core import data, models
from advmi_core.figures import text
from advmi_core.figures.attack import text as words
from advmi_core.figures.defence import charts as defence_charts
from advmi_core.figures.mutual_information import bounds as mi_bounds
from advmi_core.objectives import Reconstruction
from advmi_core.studies.critics.live import BoundComparison
from advmi_core.ui.widgets.pictures import _bounded

Visit = Callable[..., Any]
MARK = "Of other settings"


@pytest.mark.fault("P5")
def test_a_result_of_other_settings_is_marked_with_its_own(visit: Visit) -> None:
    tab = visit("supervised", attack_name="pgd", steps="3", image_class="Bag")
    tab.press("Start")
    tab.finish()
    assert MARK not in tab.said
    tab.app.selectbox(key="supervised.fashion-mnist.image-class").set_value("Coat").run()
    assert MARK in tab.said
    assert "Bag" in tab.said
    tab.app.selectbox(key="supervised.fashion-mnist.image-class").set_value("Bag").run()
    assert MARK not in tab.said
    formula = [str(element.value) for element in tab.app.latex]
    tab.app.selectbox(key="supervised.attack-name").set_value("cw").run()
    assert "attack pgd" in tab.said
    assert [str(element.value) for element in tab.app.latex] == formula


@pytest.mark.fault("P5")
def test_another_preset_marks_the_result(visit: Visit) -> None:
    tab = visit("unsupervised", attack_model="ae-dense", steps="3")
    tab.app.select_slider(key="unsupervised.minmax-solver.mi_weight").set_value(5.0)
    tab.press("Start")
    tab.finish()
    tab.app.button_group(key="unsupervised.preset").set_value("interactive").run()
    assert MARK in tab.said
    assert "MI weight w 5" in tab.said


@pytest.mark.fault("P8")
def test_a_reconstruction_no_better_than_grey_is_no_success(visit: Visit) -> None:
    tab = visit("unsupervised", attack_model="ae-dense", steps="6")
    tab.press("Start")
    tab.finish()
    result = tab.job.result
    good = replace(result, success=torch.ones_like(result.success))
    assert words.reconstruction(good, 0).title.startswith("Success")
    bad = replace(good, output=torch.rand(result.output.shape, generator=torch.Generator().manual_seed(0)))
    verdict = words.reconstruction(bad, 0)
    assert verdict.tone == "note"
    assert "does not rebuild x" in verdict.title


@pytest.mark.fault("P8")
@pytest.mark.parametrize("name", ["ae-conv", "ae-dense", "ae-sparse", "ae-adversarial", "ae-concrete"])
def test_shipped_autoencoders_rebuild_better_than_grey(name: str) -> None:
    x = data.load("fashion-mnist", split="test").x[:64]
    net = models.load(name, dataset="fashion-mnist", device="cpu")
    output = Reconstruction(net).model(x)
    grey = (x - x.mean((1, 2, 3), keepdim=True)).square().sum((1, 2, 3))
    good = (x - output).square().sum((1, 2, 3)) <= 0.5 * grey
    assert good.float().mean() > 0.9


@pytest.mark.fault("P10")
def test_an_estimate_below_zero_is_written_as_such() -> None:
    assert text.information(-6.43) == "≤ 0 (−6.43) nats"
    assert text.information(1.65) == "1.65 nats"


@pytest.mark.fault("P10")
def test_the_curves_of_a_race_end_at_its_result() -> None:
    run = BoundComparison(bounds=("infonce", "dv"), seeds=2, samples=200, steps=30).run(record_every=10)
    records = list(run)
    shown = mi_bounds.curves(mi_bounds.ended(records, run.result), run.result.bounds)
    assert [float(curve.mean[-1]) for curve in shown.values()] == pytest.approx(list(run.result.mean))
    before = mi_bounds.curves(records, run.result.bounds)
    assert all(list(shown[name].steps) == list(before[name].steps) for name in before)


@pytest.mark.fault("P10")
def test_the_radar_names_the_value_of_its_centre() -> None:
    lines = {"I(x; h(x))": np.array([0.5, 0.2])}
    axis = defence_charts.radar(lines, ["PGD-10", "FWA-10"], 0.5, 0.34).up
    assert axis.ticks[0] == (0, "0.34")
    assert axis.ticks[-1] == (0.5, "0.84")


@pytest.mark.fault("L10")
@pytest.mark.parametrize("size", [(900, 3), (3, 900), (768, 1), (40, 40)])
def test_a_strip_is_shown_with_margins(size: tuple[int, int]) -> None:
    shown = _bounded(Image.new("RGB", size))
    assert max(shown.size) <= 3 * min(shown.size) + 3
    assert max(shown.size) == max(size)
