"""The contrastive objective: its value by a naive loop, rows on their own, and attacks that reach it."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from advmi_core import models
from advmi_core.attacks import PGD, MinMax
from advmi_core.models.networks.simclr import draw_views, view
from advmi_core.objectives import Contrastive


def images(count: int, seed: int) -> Tensor:
    """Smooth random images."""
    small = torch.rand(count, 1, 7, 7, generator=torch.Generator().manual_seed(seed))
    return nn.functional.interpolate(small, scale_factor=4, mode="bilinear")


@pytest.fixture(scope="module")
def encoder() -> models.Network:
    return models.build("simclr", seed=3)


@pytest.fixture(scope="module")
def objective(encoder: models.Network) -> Contrastive:
    return Contrastive(encoder, images(40, 9))


def test_criterion_is_the_difference_of_naive_losses(encoder: models.Network) -> None:
    x, x_adv, references = images(1, 1), images(1, 2), images(5, 3)
    generator = torch.Generator().manual_seed(4)
    anchors, partners = draw_views(3, generator), draw_views(3, generator)
    with torch.no_grad():
        negatives = encoder(view(references, draw_views(5, generator)))

        def loss(image: Tensor) -> float:
            total = 0.0
            for anchor, partner in zip(anchors, partners, strict=True):
                one = encoder(view(image, anchor[None]))[0]
                own = math.exp(float(one @ encoder(view(x, partner[None]))[0]) / 0.2)
                total -= math.log(
                    own / (own + sum(math.exp(float(one @ other) / 0.2) for other in negatives))
                )
            return total / 3

        objective = Contrastive(encoder, references, views=3, temperature=0.2, seed=4, kappa=0.01)
        seen = objective.on(x).evaluate(x_adv)
        assert float(seen.criterion) == pytest.approx(loss(x_adv) - loss(x) + 0.01, abs=1e-5)


def test_an_image_itself_is_on_the_border(objective: Contrastive) -> None:
    x = images(4, 1)
    seen = objective.on(x).evaluate(x)
    torch.testing.assert_close(seen.criterion, torch.zeros(4))
    assert not bool(seen.clear.any())
    assert objective.mi_sign == -1


def test_maps_are_those_of_the_image_and_not_of_its_views(
    objective: Contrastive, encoder: models.Network
) -> None:
    x = images(3, 1)
    with torch.no_grad():
        wanted = torch.relu(encoder.get_submodule("trunk.0")(x - 0.5))
    torch.testing.assert_close(objective.features(x), wanted)


def test_gradient_agrees_with_finite_differences(encoder: models.Network) -> None:
    double = Contrastive(encoder, images(10, 9))
    x = images(2, 1)
    problem, moved = double.on(x), images(2, 5).clamp(0.05, 0.95).requires_grad_()
    (gradient,) = torch.autograd.grad(problem.evaluate(moved).criterion.sum(), moved)
    step = 1e-2 * gradient / gradient.norm()
    with torch.no_grad():
        change = (problem.evaluate(moved + step).criterion - problem.evaluate(moved - step).criterion).sum()
    assert float(change) == pytest.approx(float(2 * (gradient * step).sum()), rel=0.05)


@pytest.mark.parametrize("count", [1, 3])
def test_a_row_is_the_same_alone_and_in_a_batch(objective: Contrastive, count: int) -> None:
    x = images(8, 1)
    attack = MinMax.published(eps=0.3, steps=6, inner=3, mi_steps=0)
    whole = attack(objective, x)
    part = slice(2, 2 + count)
    alone = attack(objective, x[part], rows=range(2, 2 + count))
    torch.testing.assert_close(whole.x_adv[part], alone.x_adv, rtol=0, atol=1e-4)
    torch.testing.assert_close(whole.criterion[part], alone.criterion, rtol=0, atol=1e-4)


def test_attack_finds_matching_images_and_touches_nothing(encoder: models.Network) -> None:
    before = torch.get_rng_state()
    weights = {key: value.clone() for key, value in encoder.state_dict().items()}
    x = images(6, 1)
    result = PGD(eps=0.2, steps=20, mi_steps=0)(Contrastive(encoder, images(40, 9)), x)
    assert bool(result.success.all())
    assert bool((result.criterion < 0).all())
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(encoder.state_dict()[key], value) for key, value in weights.items())
    assert result.spec["objective"] == "contrastive"


def test_seed_and_references_are_part_of_it(encoder: models.Network) -> None:
    x, x_adv = images(2, 1), images(2, 2)

    def value(count: int, seed: int) -> Tensor:
        return Contrastive(encoder, images(count, 9), seed=seed).on(x).evaluate(x_adv).criterion.detach()

    assert torch.equal(value(10, 0), value(10, 0))
    assert not torch.equal(value(10, 0), value(10, 1))
    assert not torch.equal(value(10, 0), value(11, 0))
    specs = [Contrastive(encoder, images(count, 9)).spec() for count in (10, 11)]
    assert specs[0] != specs[1]


def test_bad_arguments(encoder: models.Network) -> None:
    x = images(4, 1)
    with pytest.raises(ValueError, match=r"references must lie in \[0,1\]"):
        Contrastive(encoder, 2 + x)
    with pytest.raises(ValueError, match="views must be a whole number ≥ 1, got 0"):
        Contrastive(encoder, x, views=0)
    with pytest.raises(ValueError, match="temperature must be > 0"):
        Contrastive(encoder, x, temperature=0.0)
    with pytest.raises(ValueError, match=r"must return embeddings \(B,E\), got \(4, 1, 28, 28\)"):
        Contrastive(models.build("ae-conv"), x)
    with pytest.raises(ValueError, match="got Contrastive"):
        PGD(loss="ce")(Contrastive(encoder, x), x)
