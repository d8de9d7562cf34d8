"""Attacks where the right answer is known: a linear model, and the parts of MinMax's algorithm."""

from __future__ import annotations

import copy
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from models_for_tests import Linear, SmallAutoencoder, images, small_classifier
from torch import Tensor

from advmi_core.attacks import PGD, MinMax, Penalty
from advmi_core.mi import PerSampleMINE, estimate_mi
from advmi_core.objectives import Classification, Reconstruction


def _linear(rows: int = 3, side: int = 6) -> tuple[Linear, Tensor, Tensor, Tensor]:
    """A two-class linear model, grey images around ½ so that the box is far, labels, and margins."""
    stream = torch.Generator().manual_seed(0)
    model = Linear(torch.randn(2, side * side, generator=stream), torch.zeros(2))
    x = (0.5 + 0.02 * torch.randn(rows, 1, side, side, generator=stream)).clamp(0, 1)
    model.requires_grad_(False)
    logits = model(x)
    return model, x, logits.argmax(1), (logits[:, 0] - logits[:, 1]).abs()


@pytest.mark.parametrize(
    "attack",
    [
        PGD(steps=50, mi_steps=0),
        MinMax.published(steps=200, mi="l2", mi_steps=0, mi_weight=0.0),
        Penalty(steps=30, searches=4, mi="l2", mi_steps=0, mi_weight=0.0),
    ],
)
@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_finds_the_minimal_perturbation_of_a_linear_model(attack, norm: str) -> None:
    """The smallest ball that holds an adversarial image has radius margin / ‖w₀ − w₁‖ in the dual norm."""
    model, x, y, margin = _linear()
    weight = model.layer.weight[0] - model.layer.weight[1]
    smallest = margin / (weight.abs().sum() if norm == "linf" else weight.norm())
    for row in range(len(x)):
        one = Classification(model, y[row : row + 1])
        for factor, wanted in ((0.98, False), (1.25, True)):
            parameters = {**attack.spec(), "norm": norm, "eps": factor * float(smallest[row])}
            parameters.pop("attack")
            result = type(attack)(**parameters)(one, x[row : row + 1])
            assert bool(result.success) is wanted, (row, factor)


def test_pgd_reaches_the_corner_that_minimises_a_linear_criterion() -> None:
    model, x, y, margin = _linear()
    eps = 0.1
    result = PGD(eps=eps, steps=20, mi_steps=0)(Classification(model, y), x)
    weight = (model.layer.weight[0] - model.layer.weight[1]).abs().sum()
    torch.testing.assert_close(result.criterion, margin - eps * weight, rtol=1e-4, atol=1e-4)


def test_cross_entropy_and_margin_agree_on_two_classes() -> None:
    model, x, y, _ = _linear()
    by_margin, by_entropy = (
        PGD(eps=0.05, steps=10, mi_steps=0, loss=loss)(Classification(model, y), x)
        for loss in ("margin", "ce")
    )
    torch.testing.assert_close(by_margin.x_adv, by_entropy.x_adv)


def test_minmax_follows_the_published_updates() -> None:
    """δ and c recomputed from the records, without the MI term, for every step."""
    model, x, y, _ = _linear()
    attack = MinMax.published(
        eps=0.5, steps=8, mi_weight=0.0, aim=0.0, beta=0.1, alpha=0.01, restore=0.0, mi_steps=0
    )
    run = attack.run(Classification(model, y), x)
    records = list(run)
    sign = torch.where(y == 0, 1.0, -1.0)
    gradient = (model.layer.weight[0] - model.layer.weight[1]).view(1, 1, 6, 6) * sign.view(-1, 1, 1, 1)
    c = torch.full((len(x),), 1e-3)
    for t, (now, after) in enumerate(pairwise(records), start=1):
        excess = now.criterion.clamp_min(0)
        torch.testing.assert_close(now.c, c)
        step = 0.01 * (c * (now.criterion > 0)).view(-1, 1, 1, 1) * gradient
        wanted = torch.minimum(torch.maximum(now.x_adv - step, x - 0.5), x + 0.5).clamp(0, 1)
        torch.testing.assert_close(after.x_adv, wanted, rtol=0, atol=1e-6)
        c = ((1 - 0.1 / t**0.25) * c + 0.1 * excess).clamp_min(0)
    start = (records[0].x_adv - x).abs()
    assert 0.05 < float(start.max()) <= 0.086 + 1e-6


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_restoration_reaches_a_border_that_the_mi_term_keeps_rows_away_from(norm: str) -> None:
    """A ball that just holds the smallest perturbation, and an MI term much stronger than the damped c."""
    model, x, y, margin = _linear(side=10)
    weight = model.layer.weight[0] - model.layer.weight[1]
    eps = 1.02 * float((margin / (weight.abs().sum() if norm == "linf" else weight.norm())).max())
    attack = MinMax.published(
        eps=eps, norm=norm, steps=60, mi="gaussian-patches", mi_weight=100.0, mi_steps=0
    )
    published, restored = (
        replace(attack, restore=share)(Classification(model, y), x) for share in (0.0, 0.2)
    )
    assert published.success.any()
    assert not published.success.all()
    assert restored.success.all()
    # Rows that need no help, and every row's first four fifths, are the published attack.
    assert torch.equal(published.x_adv[published.success], restored.x_adv[published.success])
    np.testing.assert_array_equal(published.history["criterion"][:49], restored.history["criterion"][:49])


def test_restoration_leaves_unsupervised_examples_alone() -> None:
    """PGD's step of ε/4 would throw an example far off that is much shorter than its ε = 1."""
    objective, x = Reconstruction(SmallAutoencoder(conv=True)), images(8, height=12)
    attack = MinMax.published(eps=1.0, steps=10, alpha=1e-4, mi_steps=0)
    published, restored = (replace(attack, restore=share)(objective, x) for share in (0.0, 0.5))
    assert not published.success.all()
    assert torch.equal(published.x_adv, restored.x_adv)


@pytest.mark.parametrize("supervised", [True, False])
def test_the_mi_term_climbs_when_supervised_and_descends_when_not(supervised: bool) -> None:
    """One step, judged by the very critics that gave it: the change of I is s·α·w·‖∇I‖² to first order."""
    if supervised:
        model, x = small_classifier(), images(8)
        wrong = (copy.deepcopy(model).eval()(x).argmax(1) + 1) % 5  # f < 0 throughout: only the MI term pulls
        objective, sign = Classification(model, wrong), 1
    else:
        x = images(8, height=12)
        objective, sign = Reconstruction(SmallAutoencoder(conv=True)), -1
    alpha, weight = 1e-3, 10.0
    attack = MinMax.published(
        steps=2, inner=30, eps=1.0, alpha=alpha, mi_weight=weight, aim=0.0, restore=0.0, mi_steps=0
    )
    first, second = (record.x_adv for record in attack.run(objective, x))
    critics = PerSampleMINE(objective.features(x))
    leaf = first.clone().requires_grad_()
    critics.ascend(critics.prepare(objective.features(first)), attack.inner - 1)
    samples = critics.prepare(objective.features(leaf))
    before, after = (critics.value(critics.prepare(objective.features(z))) for z in (first, second))
    _, pull = critics.ascend_with_gradient(samples.detach())
    samples.backward(pull)
    # Pixels that the box holds back do not move.
    moved = (second - first).abs() > 0
    expected = sign * alpha * weight * (leaf.grad * moved).flatten(1).square().sum(1)
    assert (sign * (after - before) > 0).all()
    torch.testing.assert_close(after - before, expected, rtol=0.2, atol=1e-4)


def test_keeps_the_largest_mi_among_successes_and_the_smallest_positive_one_for_uaes() -> None:
    model, x = small_classifier(), images(4)
    y = copy.deepcopy(model).eval()(x).argmax(1)
    uae_x = images(4, height=12)
    for objective, pictures, best in (
        (Classification(model, y), x, np.nanargmax),
        (Reconstruction(SmallAutoencoder(conv=True)), uae_x, np.nanargmin),
    ):
        result = MinMax.published(eps=1.0, steps=60, inner=2)(objective, pictures)
        assert result.success.any()
        tie = 1e-4 if best is np.nanargmax else 0.0
        for row in result.success.nonzero().flatten().tolist():
            mi, f = result.history["mi"][:, row].copy(), result.history["criterion"][:, row]
            eligible = (f <= -tie) & ((mi > 0) | (best is np.nanargmax))
            mi[~eligible] = np.nan
            step = int(result.best_step[row]) - 1
            assert result.mi_loop[row] == pytest.approx(mi[best(mi)], abs=1e-4)
            assert result.mi_loop[row] == pytest.approx(float(result.history["mi"][step, row]))


def test_the_reported_mi_is_that_of_fresh_critics() -> None:
    model, x = small_classifier(), images(3)
    objective = Classification(model, torch.tensor([0, 1, 2]))
    result = MinMax.published(eps=0.3, steps=5, mi_steps=7, seed=3)(objective, x)
    fresh = estimate_mi(objective, x, result.x_adv, seed=3, steps=7)
    torch.testing.assert_close(result.mi, fresh, rtol=1e-4, atol=1e-6)


def test_an_originally_wrong_image_is_not_counted() -> None:
    model, x, y, _ = _linear()
    wrong = y.clone()
    wrong[0] = 1 - wrong[0]
    result = PGD(eps=0.0, steps=1, mi_steps=0)(Classification(model, wrong), x)
    assert bool(result.success[0])
    assert not bool(result.correct[0])
    assert result.asr == 0.0
