"""The information that an image keeps: a measure in closed form that may be optimised against.

I(x + n; x̃) of the 3×3 patches at the same positions, as if they were jointly Gaussian, with n a noise of ten
grey levels. Since x + n → x → x̃ is a Markov chain, no x̃ holds more of it than x itself (data processing
inequality), and these numbers obey that exactly: what is optimised against them cannot pass x with itself.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from advmi_core.mi.per_image.patches import PATCH, SMALLEST, image_patches

NOISE = 10 / 255  # standard deviation of n; chosen by `python benchmarks/information.py`
_ROUNDING = (1 / 255) ** 2 / 12  # variance of an 8-bit picture's rounding: more precisely nothing is known


class Information:
    """I(x + n; x̃) for B images, n white with standard deviation ``noise``: no critic and no randomness.

    ½ log|Σ_x + σ²| − ½ log|R + σ²|, where R is the covariance of what remains of x's patches after their best
    linear prediction from x̃'s. R has the degrees of freedom of a regression, so that independent images are
    near 0, and is exactly 0 for x itself. Contrast, brightness and sharpness can be undone and cost nothing;
    dependence beyond correlation is not seen. The cost is linear in the pixels.

    Args:
        x: (B,C,H,W) float32 in [0,1], at least 8×8.
        noise: σ > 0 in pixel units.

    Raises:
        ValueError: the images are too small for patches.
    """

    def __init__(self, x: Tensor, noise: float = NOISE) -> None:
        self._size = (x.shape[-2], x.shape[-1])
        self._originals = _centred(x)
        width, self._count = self._originals.shape[1:]
        # An image has fewer independent patches than this, but never fewer than it takes to predict at all.
        self._freedom = self._count / max(1, self._count - width)
        eye = torch.eye(width, device=x.device)
        self._noise, self._rounding = noise**2 * eye, _ROUNDING * eye
        # The rounding is the same for x and x̃, so that x predicts itself without an error.
        self._covariance = self._product(self._originals, self._originals) + self._rounding
        self._whole = _half_log_det(self._covariance - self._rounding + self._noise)
        #: (B,) nats, I(x + n; x), the largest value there is for x.
        self.of_itself = self._whole - width * math.log(noise)

    def __call__(self, x_adv: Tensor) -> Tensor:
        """(B,) nats of x̃ (B,C,H,W)."""
        patches, predicted = self._predicted(x_adv)
        return self._whole - _half_log_det(self._remains(predicted, patches))

    def kept(self, x_adv: Tensor) -> Tensor:
        """(B,) the share of the information that x̃ keeps: 1 is all, 0 none; NaN where x has none."""
        return self.share(self(x_adv))

    def share(self, nats: Tensor) -> Tensor:
        """(B,) nats in parts of those of x itself; NaN where x is one grey and has none."""
        return torch.where(self.of_itself > 1e-3, nats / self.of_itself, torch.nan)

    def with_gradient(self, x_adv: Tensor) -> tuple[Tensor, Tensor]:
        """(B,) nats, and their gradient (B,C,H,W) at x̃."""
        patches, predicted = self._predicted(x_adv)
        factor = torch.linalg.cholesky_ex(self._remains(predicted, patches)).L
        value = self._whole - factor.diagonal(dim1=1, dim2=2).log().sum(1)
        weighted = torch.cholesky_solve(predicted * self._freedom, factor).transpose(1, 2)
        back = torch.bmm(weighted, predicted)
        slope = torch.bmm(weighted, self._originals)
        share = 1 / self._count
        slope.baddbmm_(back, patches, beta=share, alpha=-share)
        return value, F.fold(slope, self._size, PATCH)

    def _predicted(self, x_adv: Tensor) -> tuple[Tensor, Tensor]:
        """Centred patches (B,D,P) of x̃ and the matrix (B,D,D) that predicts x's from them."""
        patches = _centred(x_adv)
        own = torch.linalg.cholesky_ex(self._product(patches, patches) + self._rounding).L
        return patches, torch.cholesky_solve(self._crossed(patches).transpose(1, 2), own).transpose(1, 2)

    def _remains(self, predicted: Tensor, patches: Tensor) -> Tensor:
        """(B,D,D) covariance of x's patches, noise included, after the prediction."""
        rest = self._covariance - torch.bmm(predicted, self._crossed(patches).transpose(1, 2))
        return self._freedom * (rest + rest.transpose(1, 2)) / 2 + self._noise

    def _crossed(self, patches: Tensor) -> Tensor:
        return self._product(self._originals, patches) + self._rounding

    def _product(self, first: Tensor, second: Tensor) -> Tensor:
        return torch.bmm(first, second.transpose(1, 2)) / self._count


def _centred(x: Tensor) -> Tensor:
    """(B,D,P) the patches of images less their mean; products run along a row of P."""
    patches = image_patches(x).transpose(1, 2)
    return patches.sub_(patches.mean(2, keepdim=True))


def measure_of(x: Tensor) -> Information | None:
    """The measure for images (B,C,H,W), None where they are too small for patches."""
    return Information(x) if min(x.shape[-2:]) >= SMALLEST else None


def _half_log_det(matrices: Tensor) -> Tensor:
    """(B,) ½ log|Σ| of positive definite (B,D,D); ``cholesky`` would ask the device whether they are."""
    diagonal: Tensor = torch.linalg.cholesky_ex(matrices).L.diagonal(dim1=1, dim2=2)
    return diagonal.log().sum(1)
