"""From one image to samples of it.

Published are maps of the first convolution and random projections [UAE, sec. 3.1]; patches are ours.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol

import torch
from torch import Tensor

from advmi_core.mi.per_image.patches import PATCH, image_patches, map_patches
from advmi_core.validate import check_choice

PATCH_SAMPLINGS = ("patches", "map-patches")
SAMPLINGS = (*PATCH_SAMPLINGS, "auto", "conv", "random")
PROJECTIONS = 500
PROJECTED_WIDTH = 128
_LARGEST = 2 * 1024**3  # bytes of projection matrices


@lru_cache(maxsize=2)
def projection(width: int, seed: int, device: str) -> Tensor:
    """(d, 500·128) fixed Gaussian matrices with entries N(0, 1/128), drawn once per seed and image size.

    Raises:
        ValueError: the matrices would take more than 2 GB.
    """
    columns = PROJECTIONS * PROJECTED_WIDTH
    if width * columns * 4 > _LARGEST:
        raise ValueError(
            f"random sampling draws {PROJECTIONS} matrices of d×{PROJECTED_WIDTH} numbers, which must fit "
            f"2 GB, got d={width}; use a model that starts with a convolution"
        )
    stream = torch.Generator().manual_seed(seed)
    drawn = torch.randn(width, columns, generator=stream).mul_(PROJECTED_WIDTH**-0.5)
    return drawn.to(device)


def project(x: Tensor, seed: int) -> Tensor:
    """(B,500,128) projections of images (B,C,H,W), each vector with zero mean and unit variance."""
    flat = x.flatten(1)
    vectors = flat @ projection(flat.shape[1], seed, str(x.device))
    vectors = vectors.view(len(x), PROJECTIONS, PROJECTED_WIDTH)
    centred = vectors - vectors.mean(2, keepdim=True)
    # A constant image projects to a constant only if it is black; its standardised vector is then 0.
    return centred * centred.square().mean(2, keepdim=True).add(1e-12).rsqrt()


class Sampled(Protocol):
    """What sampling needs to know of an objective."""

    name: str

    @property
    def has_maps(self) -> bool: ...
    def features(self, x: Tensor) -> Tensor: ...


def resolve_sampling(objective: Sampled, sampling: str) -> str:
    """Resolve ``"auto"``: ``"conv"`` where the model starts with a convolution, ``"random"`` elsewhere.

    Raises:
        ValueError: unknown sampling, or one by maps for a model without.
    """
    check_choice(sampling, "sampling", SAMPLINGS)
    if sampling == "auto":
        return "conv" if objective.has_maps else "random"
    if sampling in ("conv", "map-patches") and not objective.has_maps:
        raise ValueError(f"sampling by convolution needs a model that starts with one, got {objective.name}")
    return sampling


def draw_samples(objective: Sampled, x: Tensor, sampling: str, seed: int) -> Tensor:
    """The samples of each image.

    Maps (B,K,h,w) for ``"conv"``, vectors (B,500,128) for ``"random"``, (B,positions,values) for patches.
    """
    if sampling == "patches":
        return image_patches(x)
    if sampling == "random":
        return project(x, seed)
    maps = objective.features(x)
    return maps if sampling == "conv" else map_patches(maps)


def row_length(objective: Sampled, x: Tensor, sampling: str) -> int:
    """Positions in a row of the image, or of its maps."""
    return x.shape[-1] - PATCH + 1 if sampling == "patches" else objective.features(x[:1]).shape[-1]
