"""``estimate_mi``: the reliable default, the published settings, and the choices between them."""

from __future__ import annotations

import pytest
import torch

from advmi_core import data, models
from advmi_core.mi import PerSampleMINE, estimate_mi
from advmi_core.mi.per_image.patches import cross_fitted, image_patches
from advmi_core.objectives import Classification, Objective, Reconstruction


@pytest.fixture(scope="module")
def pair() -> tuple[Objective, torch.Tensor, torch.Tensor]:
    images = data.load("fashion-mnist", split="test")
    x = images.x[:6]
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    return Classification(models.load("cnn"), images.y[:6]), x, (x + 0.2 * noise).clamp(0, 1)


Pair = tuple[Objective, torch.Tensor, torch.Tensor]


def test_the_default_is_cross_fitted_infonce_on_patches(pair: Pair) -> None:
    objective, x, twin = pair
    wanted = cross_fitted(image_patches(x), image_patches(twin), 26, seed=3, rows=range(6))
    assert torch.equal(estimate_mi(objective, x, twin, seed=3), wanted)


def test_the_default_needs_no_convolution_and_does_not_look_at_the_model(pair: Pair) -> None:
    objective, x, twin = pair
    dense = Reconstruction(models.load("ae-dense"))
    assert torch.equal(estimate_mi(dense, x, twin), estimate_mi(objective, x, twin))


def test_conv_in_sample_is_the_published_estimate(pair: Pair) -> None:
    objective, x, twin = pair
    x, twin = x[:2], twin[:2]  # critics of the paper's size
    with torch.no_grad():
        a, b = objective.features(x), objective.features(twin)
    mine = PerSampleMINE(a, critic="paper", pairs="permutation", seed=1)
    samples = mine.prepare(b)
    mine.ascend(samples, 3)
    found = estimate_mi(
        objective, x, twin, seed=1, sampling="conv", critic="paper", pairs="permutation", steps=3
    )
    assert torch.equal(found, mine.value(samples))


@pytest.mark.parametrize("sampling", ["conv", "random"])
def test_held_out_published_critics_claim_less(pair: Pair, sampling: str) -> None:
    objective, x, _ = pair
    unrelated = x.roll(1, 0)
    seen, unseen = (
        estimate_mi(objective, x, unrelated, sampling=sampling, steps=60, held_out=held).mean()
        for held in (False, True)
    )
    assert unseen < seen


def test_members_are_averaged_and_steady(pair: Pair) -> None:
    objective, x, twin = pair
    x, twin = x[:3], twin[:3]
    spread = {}
    for members in (1, 4):
        values = [estimate_mi(objective, x, twin, seed=s, sampling="conv", members=members) for s in range(4)]
        spread[members] = float(torch.stack(values).std(0).mean())
    assert spread[4] < spread[1]


def test_closed_form_is_deterministic_and_for_patches_only(pair: Pair) -> None:
    objective, x, twin = pair
    first, second = (estimate_mi(objective, x, twin, seed=s, estimator="gaussian") for s in (0, 1))
    assert torch.equal(first, second)
    with pytest.raises(ValueError, match='needs sampling="patches"'):
        estimate_mi(objective, x, twin, sampling="conv", estimator="gaussian")


@pytest.mark.parametrize("sampling", ["patches", "map-patches", "conv", "random"])
def test_a_row_is_the_same_alone_and_in_a_batch(pair: Pair, sampling: str) -> None:
    objective, x, twin = pair
    whole = estimate_mi(objective, x, twin, sampling=sampling, steps=20, held_out=True)
    alone = estimate_mi(objective, x[4:5], twin[4:5], sampling=sampling, steps=20, held_out=True, rows=[4])
    torch.testing.assert_close(whole[4:5], alone, rtol=0, atol=1e-4)


def test_patches_of_the_maps_need_a_convolution(pair: Pair) -> None:
    _, x, twin = pair
    with pytest.raises(ValueError, match="sampling by convolution needs a model that starts with one"):
        estimate_mi(Reconstruction(models.load("ae-dense")), x, twin, sampling="map-patches")
