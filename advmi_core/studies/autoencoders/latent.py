"""Latent space: UAEs in the plane of an autoencoder's codes, and beside its training images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from advmi_core.models import Autoencoder
from advmi_core.validate import check_count, check_images

Floats = NDArray[np.float64]
_BATCH = 250


@dataclass(frozen=True)
class Plane:
    """The two directions in which a set of codes varies most (principal components).

    Attributes:
        mean: (D,) of the codes.
        axes: (2,D) orthonormal; each axis's largest entry is positive, so that pictures repeat.
        share: (2,) of the codes' variance, in [0,1], the larger first.
    """

    mean: Floats
    axes: Floats
    share: Floats

    def of(self, codes: Floats) -> Floats:
        """(N,2) coordinates of codes (N,D), these or others."""
        return (codes - self.mean) @ self.axes.T


@dataclass(frozen=True)
class Nearest:
    """The closest training images of N images, the closest first.

    Attributes:
        index: (N,k) rows among the training images.
        distance: (N,k) L2 over all pixels, grey levels in [0,1].
    """

    index: NDArray[np.int64]
    distance: Floats


def codes(model: Autoencoder, x: Tensor) -> Floats:
    """(N,D) flattened codes of images x (N,C,H,W) in [0,1].

    Raises:
        ValueError: ``x`` is not a batch of such images.
    """
    device = next(model.parameters()).device
    with torch.no_grad():
        parts = [model.encode(part.to(device)).flatten(1).cpu() for part in _parts(x)]
    found: Floats = torch.cat(parts).double().numpy()
    return found


def losses(model: Autoencoder, x: Tensor) -> Floats:
    """(N,) squared error per pixel between images x (N,C,H,W) in [0,1] and their reconstructions.

    Raises:
        ValueError: ``x`` is not a batch of such images.
    """
    device = next(model.parameters()).device
    with torch.no_grad():
        parts = [
            (model(part.to(device)).cpu() - part.cpu()).double().square().flatten(1).mean(1)
            for part in _parts(x)
        ]
    found: Floats = torch.cat(parts).numpy()
    return found


def plane(points: Floats) -> Plane:
    """The plane of the first two principal components of codes (N,D), N ≥ 3 and D ≥ 2.

    Raises:
        ValueError: there are too few codes or dimensions.
    """
    if points.ndim != 2 or len(points) < 3 or points.shape[1] < 2:
        raise ValueError(f"codes must be (N,D) with N ≥ 3 and D ≥ 2, got {points.shape}")
    mean = points.mean(0)
    _, spread, axes = np.linalg.svd(points - mean, full_matrices=False)
    first = axes[:2]
    largest = np.take_along_axis(first, np.abs(first).argmax(1)[:, None], 1)
    variance = spread**2
    total = float(variance.sum())
    share = variance[:2] / total if total > 0 else np.zeros(2)
    return Plane(mean, first * np.where(largest < 0, -1.0, 1.0), share)


def nearest(x: Tensor, training: Tensor, k: int = 1, *, without: NDArray[np.int64] | None = None) -> Nearest:
    """The k training images that are closest to each image; of equally close ones the first.

    Args:
        x: (N,C,H,W) in [0,1].
        training: (M,C,H,W) in [0,1].
        k: at most M (M − 1 with ``without``).
        without: (N,) one row of ``training`` to leave out for each image: itself, where it is one of them.

    Raises:
        ValueError: images of different shapes, or more neighbours wanted than there are.
    """
    check_count(k, "k")
    if check_images(x).shape[1:] != check_images(training, "training").shape[1:]:
        raise ValueError(f"x and training must agree, got {tuple(x.shape)} and {tuple(training.shape)}")
    available = len(training) - (without is not None)
    if k > available:
        raise ValueError(f"k must be at most the {available} training images at hand, got {k}")
    # By differences, not by products: a UAE lies close to its original, and rounding would swallow that.
    apart = torch.cdist(
        x.cpu().flatten(1), training.cpu().flatten(1), compute_mode="donot_use_mm_for_euclid_dist"
    )
    distance: Floats = apart.double().numpy()
    if without is not None:
        distance[np.arange(len(distance)), without] = np.inf
    index = np.argsort(distance, axis=1, kind="stable")[:, :k]
    return Nearest(index, np.take_along_axis(distance, index, 1))


def _parts(x: Tensor) -> tuple[Tensor, ...]:
    return torch.split(check_images(x), _BATCH)
