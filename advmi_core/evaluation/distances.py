"""How far x̃ is from x: norms, and the two measures of picture quality."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

_RADIUS, _SIGMA, _REACH = 5, 1.5, 3.5  # of SSIM's Gaussian window, 11×11 [Wang et al. 2004]
_C1, _C2 = 0.01**2, 0.03**2  # for grey levels in [0,1]


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
    """PSNR and SSIM of one image (1,C,H,W) of float64."""
    psnr = float(-10 * (image - original).square().mean().log10())
    radius = min(_RADIUS, (min(image.shape[-2:]) - 1) // 2)
    if radius == 0:
        return psnr, float("nan")
    return psnr, _ssim(image, original, radius, _SIGMA if radius == _RADIUS else radius / _REACH)


def _ssim(image: Tensor, original: Tensor, radius: int, sigma: float) -> float:
    """The mean of [Wang et al. 2004, Eq. 13] over all pixels and channels."""
    channels = image.shape[1]
    bell = torch.exp(-(torch.arange(-radius, radius + 1, dtype=torch.float64) / sigma).square() / 2)
    bell /= bell.sum()
    window = torch.outer(bell, bell).expand(channels, 1, -1, -1)
    a, b = (functional.pad(each, (radius,) * 4, mode="reflect") for each in (image, original))
    averaged = functional.conv2d(torch.cat((a, b, a * a, b * b, a * b)), window, groups=channels)
    mean_a, mean_b, square_a, square_b, product = averaged
    spread = (square_a - mean_a.square()).clamp_min(0) + (square_b - mean_b.square()).clamp_min(0)
    index = (2 * mean_a * mean_b + _C1) * (2 * (product - mean_a * mean_b) + _C2)
    index /= (mean_a.square() + mean_b.square() + _C1) * (spread + _C2)
    return float(index.mean())
