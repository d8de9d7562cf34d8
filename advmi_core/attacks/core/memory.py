"""Rows that fit the memory at once."""

from __future__ import annotations

import os

import torch
from torch import Tensor

from advmi_core.mi.critics import Preset, branch_shapes
from advmi_core.mi.per_image.patches import PATCH
from advmi_core.mi.per_image.sampling import PROJECTED_WIDTH
from advmi_core.objectives import Problem

LARGEST_ON_CPU = 64  # beyond it nothing is gained
LARGEST_ON_GPU = 1024
_SHARE = 0.6  # of the free memory
_MODEL_FLOATS = 2**21  # activations and gradients of a small model, per image
_PATCH_COPIES = 4  # of all patches, where information is measured
_PER_WEIGHT = 4  # floats: weight, gradient and two moments


def critic_weights(maps: Tensor | None, preset: Preset) -> int:
    """Weights of one image's critic for its maps (1,K,h,w), or for random projections."""
    if maps is None:
        width, conv = PROJECTED_WIDTH, False
    else:
        h, w = (side // 2 if preset.pool else side for side in maps.shape[-2:])
        positions = ((h - 2) // preset.stride + 1) * ((w - 2) // preset.stride + 1)
        width, conv = 5 * positions, True
    shapes = branch_shapes(width, conv, preset).values()
    return 2 * sum(torch.Size(shape).numel() for shape in shapes)


def rows_that_fit(problem: Problem, weights: int = 0) -> int:
    """Images to compute at once, ≥ 1, by an estimate from the free memory.

    Args:
        problem: images and model.
        weights: of one image's critic.
    """
    patches = _PATCH_COPIES * PATCH**2 * problem.x[0].numel()
    per_image = 4 * (_PER_WEIGHT * weights + patches + _MODEL_FLOATS)
    largest = LARGEST_ON_CPU if problem.x.device.type == "cpu" else LARGEST_ON_GPU
    return max(1, min(largest, int(_SHARE * free_bytes(problem.x.device)) // per_image))


def free_bytes(device: torch.device) -> int:
    """Memory that can still be taken; where the system does not tell, 4 GB."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 4 * 2**30
