"""Patches as samples: what they are, that folds do not mix, and that the estimate behaves like an MI."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from advmi_core import data
from advmi_core.mi.gaussian import gaussian_mi
from advmi_core.mi.per_image.patches import (
    PATCH,
    PatchMINE,
    cross_fitted,
    image_patches,
    map_patches,
    split,
)
from advmi_core.rng import RowStreams


def _images(count: int) -> Tensor:
    return data.load("fashion-mnist", split="test").x[:count]


def _noisy(x: Tensor, strength: float) -> Tensor:
    stream = torch.Generator().manual_seed(4)
    return (x + strength * torch.randn(x.shape, generator=stream)).clamp(0, 1)


def _measure(x: Tensor, twin: Tensor, rows: range | None = None, **how: object) -> Tensor:
    rows = range(len(x)) if rows is None else rows
    settings: dict[str, object] = {"seed": 0, "rows": rows, **how}
    return cross_fitted(image_patches(x), image_patches(twin), x.shape[-1] - 2, **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("channels", [1, 3])
def test_patches_are_the_images_own_pixels(channels: int) -> None:
    x = torch.rand(2, channels, 8, 9)
    patches = image_patches(x)
    assert patches.shape == (2, 6 * 7, 9 * channels)
    assert torch.equal(patches[1, 2 * 7 + 3], x[1, :, 2:5, 3:6].flatten())
    maps = torch.rand(2, 5, 4, 6)
    assert torch.equal(map_patches(maps)[1, 2 * 6 + 3], maps[1, :, 2, 3])


def test_too_small_images_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 8×8 pixels, got \\(7, 9\\)"):
        image_patches(torch.rand(1, 1, 7, 9))


@pytest.mark.parametrize("side", [26, 27, 8])
def test_random_folds_deal_out_positions_and_blocks_share_no_pixel(side: int) -> None:
    streams = RowStreams(0, [0, 1], 5)
    dealt = split(side * side, side, "random", streams)
    assert all(len(row.flatten().unique()) == side * side // 2 * 2 for row in dealt)
    assert not torch.equal(dealt[0], dealt[1])
    for first, second in split(side * side, side, "blocks", streams):
        upper, lower = ({int(p) // side + k for p in fold for k in range(PATCH)} for fold in (first, second))
        assert upper
        assert not upper & lower


def test_a_row_has_the_same_bits_alone_and_in_a_batch() -> None:
    x = _images(5)
    twin = _noisy(x, 0.2)
    whole = _measure(x, twin, members=2)
    for row in (0, 3):
        part = slice(row, row + 1)
        assert torch.equal(_measure(x[part], twin[part], range(row, row + 1), members=2)[0], whole[row])
    order = torch.tensor([3, 0, 4, 2, 1])
    patches = [image_patches(t[order]) for t in (x, twin)]
    assert torch.equal(cross_fitted(*patches, 26, seed=0, rows=order.tolist(), members=2), whole[order])


def test_the_estimate_falls_with_the_noise_and_is_highest_for_the_image_itself() -> None:
    x = _images(32)
    means = [float(_measure(x, _noisy(x, s)).mean()) for s in (0.02, 0.05, 0.1, 0.2, 0.4)]
    assert means == sorted(means, reverse=True)
    itself, unrelated = float(_measure(x, x).mean()), float(_measure(x, x.roll(1, 0)).mean())
    assert itself > means[0]
    assert unrelated < min(0.4, means[-1])


@pytest.mark.parametrize("folds", ["random", "blocks"])
def test_independent_noise_has_no_mi_held_out_and_much_in_sample(folds: str) -> None:
    stream = torch.Generator().manual_seed(0)
    x, twin = torch.rand(2, 16, 1, 28, 28, generator=stream)
    assert float(_measure(x, twin, folds=folds).mean()) < 0.02
    assert float(_measure(x, twin, folds=folds, held_out=False, steps=300).mean()) > 0.3


def test_infonce_is_bounded_by_the_log_of_the_fold() -> None:
    x = torch.rand(4, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    assert float(_measure(x, x, steps=400, held_out=False).max()) <= math.log(338)


def test_block_folds_leak_less_than_random_ones() -> None:
    x = _images(32)
    assert float(_measure(x, x, folds="blocks").mean()) < float(_measure(x, x).mean())


@pytest.mark.parametrize("dim", [1, 5])
def test_gaussian_mi_is_exact_for_gaussians(dim: int) -> None:
    stream, rho = torch.Generator().manual_seed(0), 0.8
    a, noise = torch.randn(2, 1, 50_000, dim, generator=stream)
    b = rho * a + math.sqrt(1 - rho**2) * noise
    truth = -dim / 2 * math.log(1 - rho**2)
    assert float(gaussian_mi(a, b, ridge=1e-6)) == pytest.approx(truth, rel=0.02)


def test_gaussian_mi_of_constants_is_zero_and_it_is_symmetric() -> None:
    a = torch.randn(3, 100, 4, generator=torch.Generator().manual_seed(0))
    b = a + torch.randn(3, 100, 4, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(gaussian_mi(a, b), gaussian_mi(b, a))
    torch.testing.assert_close(gaussian_mi(a, torch.full_like(b, 0.5)), torch.zeros(3), atol=1e-5, rtol=0)


def test_gaussian_gradient_against_finite_differences() -> None:
    stream = torch.Generator().manual_seed(0)
    a = torch.rand(2, 20, 3, generator=stream, dtype=torch.float64)
    b = torch.rand(2, 20, 3, generator=stream, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda t: gaussian_mi(a, t), b)


def test_patch_mine_learns_and_its_pull_is_where_it_looked() -> None:
    x = _images(3)
    a, b = image_patches(x), image_patches(_noisy(x, 0.1))
    mine = PatchMINE(a, seed=0, rows=range(3), bound="infonce", batch=64)
    first, pull = mine.ascend_with_gradient(b, 1)
    assert (pull != 0).any()
    assert ((pull != 0).any(2).sum(1) <= 64).all()
    later, _ = mine.ascend_with_gradient(b, 200)
    assert (later > first + 0.3).all()
