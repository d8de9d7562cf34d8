"""Agreement of repeated measurements of the same images: do two seeds tell the same story?"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from advmi_core.mi.dataset.gaussianise import mean_ranks


def rank_correlation(values: ArrayLike) -> float:
    """Spearman's rank correlation between seeds, averaged over all pairs of seeds.

    Args:
        values: (S,N) one row a seed, one column an image; S ≥ 2, N ≥ 2, finite. Equal values share their
            mean rank.

    Returns:
        A number in [−1, 1]: 1 where every seed orders the images alike, about 0 where the order is chance.
        NaN if all images have the same value under some seed, for then there is no order.

    Raises:
        ValueError: the values are not as stated.
    """
    ranks = mean_ranks(_repeated(values).T).T
    ranks -= ranks.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(ranks, axis=1)
    if not lengths.all():
        return float("nan")
    cosines = (ranks / lengths[:, None]) @ (ranks / lengths[:, None]).T
    mean = np.mean([cosines[a, b] for a, b in combinations(range(len(ranks)), 2)])
    return float(np.clip(mean, -1.0, 1.0))


def intraclass(values: ArrayLike) -> float:
    """ICC(2,1): the share of a single value's variance that is the image and not the seed.

    Two-way random effects, absolute agreement, single measurement [Shrout & Fleiss 1979]. Seeds are draws
    from all seeds, and a seed that lifts every image counts against the agreement. With n images, k seeds and
    the mean squares of images (MSR), of seeds (MSC) and of the rest (MSE):

        ICC(2,1) = (MSR − MSE) / (MSR + (k − 1)·MSE + k·(MSC − MSE)/n)

    Args:
        values: (S,N) one row a seed, one column an image; S ≥ 2, N ≥ 2, finite.

    Returns:
        A number ≤ 1: 1 for identical rows, about 0 (or a little below) for independent ones; NaN if all
        values are equal.

    Raises:
        ValueError: the values are not as stated.
    """
    measured = _repeated(values)
    k, n = measured.shape
    # Taking one value off everything changes nothing but the rounding.
    measured = measured - measured[0, 0]
    of_image, of_seed = measured.mean(axis=0), measured.mean(axis=1)
    rest = measured - of_image[None, :] - of_seed[:, None] + measured.mean()
    images = k * np.square(of_image - of_image.mean()).sum() / (n - 1)
    seeds = n * np.square(of_seed - of_seed.mean()).sum() / (k - 1)
    error = np.square(rest).sum() / ((n - 1) * (k - 1))
    whole = images + (k - 1) * error + k * (seeds - error) / n
    return float((images - error) / whole) if whole > 0 else float("nan")


def _repeated(values: ArrayLike) -> NDArray[np.float64]:
    measured = np.asarray(values, dtype=np.float64)
    if measured.ndim != 2 or min(measured.shape) < 2:
        raise ValueError(f"values must be (S,N) with at least 2 seeds and 2 images, got {measured.shape}")
    if not np.isfinite(measured).all():
        missing = int((~np.isfinite(measured)).any(axis=0).sum())
        raise ValueError(f"values must be finite, got NaN or infinite values for {missing} images")
    return measured
