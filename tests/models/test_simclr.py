"""The contrastive encoder: its loss against naive loops, its views, and that it learns without labels."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from advmi_core import models
from advmi_core.data import ImageSet
from advmi_core.models import TrainSpec
from advmi_core.models.networks.simclr import SimCLR, contrast, draw_views, nt_xent, view


def stream(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def codes(count: int, seed: int) -> Tensor:
    return functional.normalize(torch.randn(count, 6, generator=stream(seed)), dim=1)


def naive(first: Tensor, second: Tensor, temperature: float) -> float:
    """SimCLR's equation 1, one number at a time."""
    views = torch.cat([first, second]).tolist()
    count, total = len(first), 0.0
    for i, anchor in enumerate(views):
        alike = [
            math.exp(sum(a * b for a, b in zip(anchor, other, strict=True)) / temperature) for other in views
        ]
        partner = (i + count) % (2 * count)
        total -= math.log(alike[partner] / sum(value for j, value in enumerate(alike) if j != i))
    return total / (2 * count)


@pytest.mark.parametrize("temperature", [0.1, 0.5, 2.0])
def test_nt_xent_is_the_naive_loop(temperature: float) -> None:
    first, second = codes(5, 1), codes(5, 2)
    assert float(nt_xent(first, second, temperature)) == pytest.approx(
        naive(first, second, temperature), rel=1e-5
    )


def test_contrast_is_nt_xent_row_by_row() -> None:
    first, second = codes(4, 1), codes(4, 2)
    views = torch.cat([first, second])
    rows = [
        contrast(
            views[i : i + 1],
            views[(i + 4) % 8][None],
            views[[j for j in range(8) if j not in (i, (i + 4) % 8)]],
        )
        for i in range(8)
    ]
    torch.testing.assert_close(torch.cat(rows).mean(), nt_xent(first, second))


def test_loss_has_its_known_ends() -> None:
    alike = codes(1, 0).expand(4, -1)
    assert float(nt_xent(alike, alike)) == pytest.approx(
        math.log(7), rel=1e-5
    )  # seven others, none stands out
    axes = torch.eye(6)[:3]
    assert float(nt_xent(axes, axes, 0.01)) == pytest.approx(0, abs=1e-6)
    assert torch.equal(contrast(axes, axes, torch.empty(0, 6)), torch.zeros(3))


def test_views_stay_images_and_an_untouched_one_is_the_image() -> None:
    x = torch.rand(40, 1, 28, 28, generator=stream())
    drawn = draw_views(40, stream())
    seen = view(x, drawn)
    assert seen.shape == x.shape
    assert (float(seen.min()) >= 0, float(seen.max()) <= 1) == (True, True)
    assert not torch.allclose(seen, x, atol=0.05)
    same = torch.tensor([1.0, 0.0, 0.0, 1.0, 1.0, 0.0]).expand(40, -1)
    torch.testing.assert_close(view(x, same), x, atol=1e-5, rtol=0)
    mirrored = same.clone()
    mirrored[:, 3] = -1
    torch.testing.assert_close(view(x, mirrored), x.flip(-1), atol=1e-5, rtol=0)
    side, right, down = drawn[:, 0], drawn[:, 1], drawn[:, 2]
    assert bool(((right.abs() + side <= 1 + 1e-6) & (down.abs() + side <= 1 + 1e-6)).all())


def test_gradients_pass_through_a_view() -> None:
    x = torch.rand(3, 3, 32, 32, generator=stream()).requires_grad_()
    view(x, draw_views(3, stream())).sum().backward()
    assert x.grad is not None
    assert bool((x.grad.flatten(1).abs().sum(1) > 0).all())


def test_embeddings_have_length_one() -> None:
    network = models.build("simclr", (3, 32, 32))
    assert isinstance(network, SimCLR)
    x = torch.rand(3, 3, 32, 32, generator=stream())
    torch.testing.assert_close(network(x).norm(dim=1), torch.ones(3))
    assert network.represent(x).shape == (3, 128)


def test_measure_is_repeatable_and_training_lowers_it(images: ImageSet, test_images: ImageSet) -> None:
    spec = TrainSpec(model="simclr", epochs=15, batch=30, lr=3e-3)
    before = torch.get_rng_state()
    trained = models.train(spec, images=images, test=test_images).drain().network
    first = models.measure(trained, test_images.x, test_images.y)
    assert first == models.measure(trained, test_images.x, test_images.y)
    fresh = models.measure(models.build("simclr"), test_images.x, test_images.y)
    assert first["nt_xent"] < fresh["nt_xent"]
    assert torch.equal(torch.get_rng_state(), before)
