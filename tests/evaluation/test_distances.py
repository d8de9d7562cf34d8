"""Distances where the answer is known, and the same bits for an image alone and among others."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from advmi_core.evaluation.distances import Distances, distances


def _pair(*shape: int, size: float = 0.1) -> tuple[torch.Tensor, torch.Tensor]:
    stream = torch.Generator().manual_seed(0)
    x = torch.rand(shape, generator=stream)
    return x, (x + size * torch.randn(shape, generator=stream)).clamp(0, 1)


def test_equal_images_have_no_distance_ssim_1_and_infinite_psnr() -> None:
    x, _ = _pair(3, 3, 16, 20)
    found = distances(x, x.clone())
    for name in ("l0", "l1", "l2", "linf"):
        assert (getattr(found, name) == 0).all()
    assert np.isposinf(found.psnr).all()
    np.testing.assert_allclose(found.ssim, 1, rtol=0, atol=1e-12)


def test_psnr_of_a_known_mean_square_error() -> None:
    x = torch.full((2, 1, 12, 12), 0.25)
    away = x + torch.tensor([0.1, 0.5]).view(2, 1, 1, 1)
    np.testing.assert_allclose(distances(x, away).psnr, [20.0, -10 * np.log10(0.25)], rtol=1e-6)


def test_norms_by_hand() -> None:
    x = torch.zeros(2, 3, 4, 5)
    away = x.clone()
    away[0, 0, 0, 0], away[0, 2, 3, 4], away[1, 1] = 0.75, 0.25, 0.5
    found = distances(x, away)
    np.testing.assert_allclose(found.l0, [2, 20])
    np.testing.assert_allclose(found.l1, [1.0, 10.0])
    np.testing.assert_allclose(found.l2, [np.sqrt(0.625), np.sqrt(5.0)])
    np.testing.assert_allclose(found.linf, [0.75, 0.5])


def test_ssim_by_its_formula_on_another_program_s_filter() -> None:
    x, away = _pair(1, 1, 28, 28)
    a, b = x[0, 0].double().numpy(), away[0, 0].double().numpy()

    def blur(values: np.ndarray) -> np.ndarray:
        return gaussian_filter(values, 1.5, mode="mirror", radius=5)

    spread_a, spread_b = blur(a * a) - blur(a) ** 2, blur(b * b) - blur(b) ** 2
    shared, c1, c2 = blur(a * b) - blur(a) * blur(b), 0.01**2, 0.03**2
    index = (2 * blur(a) * blur(b) + c1) * (2 * shared + c2)
    index /= (blur(a) ** 2 + blur(b) ** 2 + c1) * (spread_a + spread_b + c2)
    assert distances(x, away).ssim[0] == pytest.approx(index.mean(), abs=1e-9)


@pytest.mark.parametrize("side", [1, 2, 3, 4, 7, 10, 11])
def test_the_ssim_window_fits_small_images(side: int) -> None:
    x, away = _pair(2, 1, side, 13)
    found = distances(x, away)
    assert np.isfinite(found.psnr).all()
    if side < 3:
        assert np.isnan(found.ssim).all()
    else:
        assert ((found.ssim > -1) & (found.ssim < 1)).all()
        assert (found.ssim > distances(x, 1 - x).ssim).all()


def test_an_image_has_the_same_bits_alone_and_among_others() -> None:
    x, away = _pair(9, 3, 32, 32)
    together = distances(x, away)
    for row in range(len(x)):
        alone = distances(x[row : row + 1], away[row : row + 1])
        for field in dataclasses.fields(Distances):
            assert getattr(alone, field.name)[0] == getattr(together, field.name)[row], field.name


def test_no_images_have_no_distances() -> None:
    assert all(len(values) == 0 for values in vars(distances(*_pair(0, 1, 8, 8))).values())
