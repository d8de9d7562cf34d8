"""Distances of x̃ from x: norms, and two measures of picture quality."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

_RADIUS, _SIGMA, _REACH = 5, 1.5, 3.5  # of SSIM's Gaussian window, 11×11 [Wang et al. 2004]


@dataclass(frozen=True)
class Distances:
    """(B,) float64 each; norms over all values of all channels, PSNR in dB."""

    l0: NDArray[np.float64]
    l1: NDArray[np.float64]
    l2: NDArray[np.float64]
    linf: NDArray[np.float64]
    psnr: NDArray[np.float64]
    ssim: NDArray[np.float64]


def distances(x: Tensor, x_adv: Tensor) -> Distances:
    """Norms of x̃ − x, PSNR and SSIM of images (B,C,H,W) in [0,1], every image by itself.

    SSIM takes the 11×11 Gaussian window, σ = 1.5, with mirrored borders; smaller images get the largest odd
    window that fits them, with σ in proportion, and below 3 pixels SSIM is NaN. PSNR of equal images is ∞.
    """
    before, after = x.detach().cpu().double(), x_adv.detach().cpu().double()
    delta = np.abs((after - before).flatten(1).numpy())
    # One image at a time: in a batch the last bits would depend on the batch mates.
    quality = [_quality(after[row : row + 1], before[row : row + 1]) for row in range(len(before))]
    psnr, ssim = np.array(quality, dtype=np.float64).reshape(-1, 2).T
    return Distances(
        l0=np.count_nonzero(delta, axis=1).astype(np.float64),
        l1=delta.sum(axis=1),
        l2=np.sqrt(np.square(delta).sum(axis=1)),
        linf=delta.max(axis=1, initial=0.0),
        psnr=psnr,
        ssim=ssim,
    )


def _quality(image: Tensor, original: Tensor) -> tuple[float, float]:
    """PSNR and SSIM of one image (1,C,H,W)."""
    # Imported where needed: it takes a second, which the command line and the app need not wait for.
    from torchmetrics.functional.image import (
        peak_signal_noise_ratio,
        structural_similarity_index_measure,
    )

    psnr = float(peak_signal_noise_ratio(image, original, data_range=1.0))
    radius = min(_RADIUS, (min(image.shape[-2:]) - 1) // 2)
    if radius == 0:
        return psnr, float("nan")
    sigma = _SIGMA if radius == _RADIUS else radius / _REACH
    ssim = structural_similarity_index_measure(image, original, sigma=sigma, data_range=1.0)
    assert isinstance(ssim, Tensor)  # a pair comes only with the full image
    return psnr, float(ssim)
