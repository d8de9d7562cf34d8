"""MI of large pictures: bounded in cost, the same for small ones, and still a measure."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from advmi_core import data
from advmi_core.mi.per_image import patches
from advmi_core.mi.per_image.patches import SCORED, cross_fitted, image_patches, split
from advmi_core.rng import RowStreams


def _photographs(side: int) -> Tensor:
    return F.interpolate(data.load(data.PHOTOGRAPHS).x, size=side, mode="area")


def _measure(x: Tensor, twin: Tensor, rows: range | None = None, seed: int = 0) -> Tensor:
    return cross_fitted(
        image_patches(x),
        image_patches(twin),
        x.shape[-1] - 2,
        seed=seed,
        rows=rows or range(len(x)),
        steps=60,
    )


def test_up_to_32_pixels_every_position_is_scored() -> None:
    streams = RowStreams(0, [0], 5)
    assert split(30 * 30, 30, "random", streams).shape[2] <= SCORED


def test_the_scores_of_a_large_picture_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    scored: list[tuple[int, ...]] = []
    taken = patches.split_pairs

    def watched(scores: Tensor) -> tuple[Tensor, Tensor]:
        scored.append(tuple(scores.shape[1:]))
        return taken(scores)

    monkeypatch.setattr(patches, "split_pairs", watched)
    x = _photographs(128)[:1]
    _measure(x, x)
    assert scored == [(SCORED, SCORED)]


def test_the_estimate_of_photographs_falls_with_the_noise_and_is_small_for_a_stranger() -> None:
    x = _photographs(96)
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    means = [float(_measure(x, (x + s * noise).clamp(0, 1)).mean()) for s in (0, 0.02, 0.08, 0.3)]
    assert means == sorted(means, reverse=True)
    assert means[0] > 2
    assert float(_measure(x, x.roll(1, 0)).mean()) < 0.4 < means[-1] + 0.2


def test_a_large_row_has_the_same_value_alone_and_in_a_batch() -> None:
    x = _photographs(96)
    twin = (x + 0.05).clamp(0, 1)
    whole = _measure(x, twin)
    torch.testing.assert_close(_measure(x[1:2], twin[1:2], range(1, 2)), whole[1:2], atol=1e-4, rtol=1e-4)


def test_whitening_is_a_linear_map_after_which_x_is_uncorrelated() -> None:
    a = torch.randn(2, 500, 6, generator=torch.Generator().manual_seed(0)) @ torch.randn(6, 6)
    white, twin = patches._whitened(a, a)
    assert torch.equal(white, twin)
    covariance = white.transpose(1, 2) @ white / 500
    torch.testing.assert_close(covariance, torch.eye(6).expand(2, -1, -1), atol=0.02, rtol=0)
