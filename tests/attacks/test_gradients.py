"""Gradients that are tiny, huge, zero or not finite: attacks go on, and say so where there was none."""

from __future__ import annotations

import re

import pytest
import torch
from models_for_tests import images, small_classifier
from torch import Tensor, nn

from advmi_core import data, models
from advmi_core.attacks import ATTACKS, Attack
from advmi_core.attacks.core.ball import normalised, steepest
from advmi_core.attacks.core.gradients import mended, wandering
from advmi_core.defenses.inner import craft
from advmi_core.objectives import WIDEST, Classification, log_odds

SCALES = (1, 10, 30, 100, 1000)
FRESH = {"steps": 10, "mi_steps": 0}
RUNS: dict[str, tuple[str, dict]] = {
    "pgd": ("pgd", {"eps": 0.05}),
    "pgd-ce": ("pgd", {"eps": 0.05, "loss": "ce"}),
    "pgd-ce-l2": ("pgd", {"eps": 1.0, "loss": "ce", "norm": "l2"}),
    "pgd-ce-mi": ("pgd", {"eps": 0.1, "loss": "ce", "mi_weight": 1.0}),
    "minmax": ("minmax", {"eps": 0.1, "steps": 30}),
    "penalty": ("penalty", {"eps": 0.1, "searches": 5}),
    "cw": ("cw", {"eps": 2.0, "searches": 4, "steps": 20}),
    "ddn": ("ddn", {"eps": 28.0}),
    "ti-dim": ("ti-dim", {"eps": 0.15}),
    "fwa": ("fwa", {"eps": 0.2}),
    "autoattack": ("autoattack", {"eps": 0.05, "steps": 40, "targets": 2, "queries": 20}),  # 100 are its own
    "autoattack-l2": ("autoattack", {"eps": 1.0, "norm": "l2", "targets": 1, "parts": ("apgd-ce", "fab-t")}),
}


class Scaled(nn.Module):
    """A model that is as right as another, and ``times`` as sure of it."""

    def __init__(self, model: nn.Module, times: float) -> None:
        super().__init__()
        self.model, self.times = model, times

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x) * self.times


class Standardising(nn.Module):
    """Brings each image to mean 0 and deviation 1: the gradient at a constant one is 0 · ∞."""

    def __init__(self) -> None:
        super().__init__()
        self.model = small_classifier()

    def forward(self, x: Tensor) -> Tensor:
        deviation = (x - x.mean((1, 2, 3), keepdim=True)).square().mean((1, 2, 3), keepdim=True).sqrt()
        return self.model((x - x.mean((1, 2, 3), keepdim=True)) / deviation.clamp_min(1e-6))


class Undefined(nn.Module):
    """NaN wherever the first pixel is dark."""

    def __init__(self) -> None:
        super().__init__()
        self.model = small_classifier()

    def forward(self, x: Tensor) -> Tensor:
        return torch.where(x[:, 0, 0, :1] < 0.5, torch.nan, self.model(x))


def _attack(name: str, **parameters) -> Attack:
    brisk = {"autoattack": {"targets": 2, "queries": 5}, "cw": {"searches": 2}, "penalty": {"searches": 2}}
    return ATTACKS[name](**{"steps": 6, "mi_steps": 0, "eps": 0.2, **brisk.get(name, {}), **parameters})


def _wins(attack: Attack, net: nn.Module, times: float) -> tuple[int, tuple[str, ...]]:
    shown = data.load("fashion-mnist", split="test")
    x, y = shown.x[:8], shown.y[:8]
    model = Scaled(net, times)
    result = attack(Classification(model, y), x)
    with torch.no_grad():
        assert torch.equal(result.success, model(result.x_adv).argmax(1) != y)
    return int((result.success & result.correct).sum()), result.warnings


@pytest.mark.fault("A3")
@pytest.mark.parametrize("flushed", [False, True])
@pytest.mark.parametrize("label", sorted(RUNS))
def test_attacks_succeed_as_often_on_models_that_are_too_sure(label: str, flushed: bool) -> None:
    name, parameters = RUNS[label]
    attack = ATTACKS[name](**{**FRESH, **parameters})
    net = models.load("cnn", dataset="fashion-mnist")
    try:
        torch.set_flush_denormal(flushed)
        usual, warnings = _wins(attack, net, 1)
        assert usual >= 3, "the test would say nothing"
        assert warnings == ()
        for times in SCALES[1:] if not flushed else (100,):
            wins, warnings = _wins(attack, net, times)
            assert wins >= 0.95 * usual or any("exactly zero" in warning for warning in warnings), times
    finally:
        torch.set_flush_denormal(False)


@pytest.mark.fault("A3")
@pytest.mark.parametrize("size", [1e-44, 1e-30, 1e-19, 1.0, 1e19, 1e38])
def test_directions_have_length_1_whatever_the_gradient_s(size: float) -> None:
    gradient = torch.randn(3, 2, 5, 4, generator=torch.Generator().manual_seed(0)).sign() * size
    gradient[1] = 0
    for order, direction in ((2, steepest(gradient, "l2")), (1, normalised(gradient, 1))):
        length = torch.linalg.vector_norm(direction.flatten(1), order, dim=1)
        torch.testing.assert_close(length, torch.tensor([1.0, 0.0, 1.0]), rtol=1e-5, atol=0)


@pytest.mark.fault("A3")
def test_log_odds_have_the_direction_of_the_cross_entropy_and_do_not_vanish() -> None:
    logits = torch.randn(6, 5, generator=torch.Generator().manual_seed(0)).requires_grad_()
    y = torch.tensor([0, 1, 2, 3, 4, 0])
    entropy = nn.functional.cross_entropy(logits, y, reduction="none")
    odds = log_odds(logits, y)
    torch.testing.assert_close(nn.functional.softplus(-odds), entropy)
    along, down = (torch.autograd.grad(loss.sum(), logits)[0] for loss in (entropy, -odds))
    torch.testing.assert_close(steepest(along, "l2"), steepest(down, "l2"), rtol=1e-4, atol=1e-5)
    sure = (1e4 * logits).detach().requires_grad_()
    (slope,) = torch.autograd.grad(log_odds(sure, y).sum(), sure)
    spread = sure.detach().amax(1, keepdim=True) - sure.detach().amin(1, keepdim=True)
    torch.testing.assert_close(slope.gather(1, y[:, None]), WIDEST / spread)


@pytest.mark.fault("A4")
def test_a_row_without_a_gradient_gets_a_direction_of_its_own_and_the_others_keep_theirs() -> None:
    x, gradient = images(4), torch.ones(4, 1, 10, 12)
    gradient[0], gradient[1, 0, 0, 0], gradient[2, 0, 3, 3] = 0, torch.nan, -torch.inf
    arrived = torch.zeros(4, dtype=torch.bool)
    together, lost = mended(gradient, x, arrived)
    assert lost.tolist() == [True, True, True, False]
    assert torch.equal(together[3], gradient[3])
    for row in range(4):
        alone, _ = mended(gradient[row : row + 1], x[row : row + 1], arrived[:1])
        torch.testing.assert_close(alone[0], together[row])
    assert not mended(gradient[:1], x[:1], ~arrived[:1]).lost.any()  # at its goal it needs none
    assert mended(gradient[1:2], x[1:2], ~arrived[:1]).lost.all()


@pytest.mark.fault("A4")
def test_the_direction_looks_random_and_turns_with_x() -> None:
    flat = wandering(torch.full((1, 3, 32, 32), 0.5))
    moved = wandering(torch.full((1, 3, 32, 32), 0.501))
    for values in (flat, moved):
        assert -1 <= float(values.min()) < -0.98
        assert 0.98 < float(values.max()) <= 1
        assert abs(float(values.mean())) < 0.05
    pairs = torch.stack([flat.flatten()[:-1], flat.flatten()[1:], moved.flatten()[1:]])
    assert float((torch.corrcoef(pairs) - torch.eye(3)).abs().max()) < 0.1


@pytest.mark.fault("A4")
@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_a_constant_image_under_a_model_that_standardises(name: str) -> None:
    x = images(3)
    x[1] = 0.5
    model = Standardising().eval()
    with torch.no_grad():
        y = model(x).argmax(1)
    run = _attack(name).run(Classification(model, y), x)
    for record in run:
        assert torch.isfinite(record.x_adv).all()
    assert torch.isfinite(run.result.x_adv).all()
    assert ((run.result.x_adv >= 0) & (run.result.x_adv <= 1)).all()
    with torch.no_grad():
        assert torch.equal(run.result.success, model(run.result.x_adv).argmax(1) != y)


@pytest.mark.fault("A4")
@pytest.mark.parametrize("name", ["cw", "ddn", "fwa", "ti-dim"])  # those that begin at x itself
def test_rows_without_a_gradient_are_counted(name: str) -> None:
    class Root(nn.Module):
        """√ of the darkest pixels: its slope is infinite at 0."""

        def __init__(self) -> None:
            super().__init__()
            self.model = small_classifier()

        def forward(self, x: Tensor) -> Tensor:
            return self.model(x.sqrt())

    x = images(3).clamp_min(0.05)
    x[2, 0, 3, 3] = 0
    model = Root().eval()
    with torch.no_grad():
        y = model(x).argmax(1)
    result = _attack(name)(Classification(model, y), x)
    assert torch.isfinite(result.x_adv).all()
    assert any(re.search(r"gradient of \d of 3 images was exactly zero or not", w) for w in result.warnings)


class Sure(nn.Module):
    """Probabilities that have run into 0 and 1: the margin has no slope anywhere near."""

    def __init__(self) -> None:
        super().__init__()
        self.model = small_classifier()

    def forward(self, x: Tensor) -> Tensor:
        return (1e5 * self.model(x)).softmax(1)


@pytest.mark.fault("A3")
@pytest.mark.parametrize("mi", ["mine-conv", "gaussian-patches", "information"])
@pytest.mark.parametrize("name", ["minmax", "minmax-solver", "penalty", "pgd"])
def test_the_mi_s_gradient_does_not_hide_that_the_model_has_none(name: str, mi: str) -> None:
    x, model = images(4), Sure().eval()
    with torch.no_grad():
        y = model(x).argmax(1)
    alone = {"restore": 0} if name == "minmax" else {}  # where it descends f alone, nothing can hide it
    result = _attack(name, mi=mi, mi_weight=1.0, eps=1e-3, **alone)(Classification(model, y), x)
    assert not result.success.any()
    assert any("gradient of 4 of 4 images was exactly zero" in told for told in result.warnings)


@pytest.mark.fault("A4")
@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_outputs_that_are_not_numbers_are_failures_and_counted(name: str) -> None:
    x = images(3).clamp(0.3, 1)
    x[:2, 0, 0, 0], x[2, 0, 0, 0] = 0.0, 1.0
    result = _attack(name, eps=0.1)(Classification(Undefined(), torch.tensor([1, 0, 2])), x)
    assert result.success.tolist()[:2] == [False, False]
    assert torch.isfinite(result.x_adv).all()
    assert any("on 2 of 3 images was not a number (NaN)" in warning for warning in result.warnings)


@pytest.mark.fault("A3")
@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_the_inner_attack_of_trainings_moves_on_models_that_are_too_sure(norm: str) -> None:
    model = Scaled(small_classifier().eval(), 1e5)
    x, noise = images(4), torch.full((4, 1, 10, 12), 0.5)
    with torch.no_grad():
        y = model(x).argmax(1)
    x_adv = craft(model, x, y, noise, eps=0.1, steps=2, norm=norm)
    assert ((x_adv - x).flatten(1).abs().amax(1) > 0.001).all()
