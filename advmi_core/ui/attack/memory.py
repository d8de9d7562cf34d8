"""Memory that an attack takes for each of its images, and how many of them are attacked at once."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from advmi_core.mi.per_image.patches import PATCH
from advmi_core.objectives import Problem
from advmi_core.ui import resources

MOST = 1 << 30
_PER_WEIGHT = 16  # weight, gradient and two moments
_PATCH_COPIES = 4  # of all patches, where information is measured
_FLOAT = 4


def rows(each: int) -> int:
    """Images of so many bytes each that take ``MOST`` together, at least one."""
    return max(1, MOST // max(1, each))


def said(each: int, images: int, at_once: int | None) -> str:
    """What a run takes, in one sentence; "" where it is no more than ``MOST``.

    Args:
        each: bytes of an image.
        images: of the run.
        at_once: as the user wants them; None where they are as many as take ``MOST``.
    """
    part = min(images, at_once or rows(each))
    if each * images <= MOST:
        return ""
    whole, taken = (f"{each * count / 1e9:.1f} GB" for count in (images, part))
    return (
        f"All {images} images at once would take {whole} of memory: {part} at a time are attacked, which "
        f"takes {taken}."
    )


def bytes_each(model: str, problem: Problem, critic_weights: int) -> int:
    """Bytes for one image: of the model's gradient, of the patches that are measured, of a critic.

    Args:
        model: by which ``resources.model`` finds it.
        problem: the attack on one image.
        critic_weights: that learn along with it.
    """
    image = problem.x[:1]
    patches = _PATCH_COPIES * PATCH**2 * image.numel() * _FLOAT
    return _held(model, tuple(image.shape)) + patches + _PER_WEIGHT * critic_weights


@lru_cache(maxsize=64)
def _held(model: str, shape: tuple[int, ...]) -> int:
    """Bytes that a pass of one image keeps for its gradient, each once, and without the weights."""
    net = resources.model(model)
    weights = {held.data_ptr() for held in (*net.parameters(), *net.buffers())}
    kept: dict[int, int] = {}

    def note(tensor: Tensor) -> Any:
        storage = tensor.untyped_storage()
        if tensor.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    image = torch.full(shape, 0.5, device=resources.device(), requires_grad=True)
    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        net(image)
    return sum(kept.values())
