"""Outputs of foreign models: one tensor of numbers, a row an image; and what is odd about it."""

from __future__ import annotations

import torch
from torch import Tensor

# Parts of the largest output that two passes of one image may differ by: run to run, and alone or in company.
# An inner dtype of few digits rounds in another way with other batch mates.
_REPEATED, _IN_COMPANY = 1e-4, 1e-2
_SURE = 1 - 1e-6  # of a probability: no gradient is left


class UnusableOutputError(ValueError):
    """The model returned something that is neither logits nor images nor embeddings."""


def as_output(output: object, images: Tensor, name: str) -> Tensor:
    """(B,…) float32, on the images' device; any other floating-point type is converted, differentiably.

    Raises:
        UnusableOutputError: it is not one tensor of floating-point numbers with a row for every image.
    """
    wanted = f"{name} must return one tensor of floating-point numbers, a row for each image"
    if not isinstance(output, Tensor):
        raise UnusableOutputError(f"{wanted}, got {_described(output)}")
    if not output.is_floating_point():
        raise UnusableOutputError(f"{wanted}, got {str(output.dtype).removeprefix('torch.')}")
    if output.ndim < 2 or len(output) != len(images):
        raise UnusableOutputError(f"{wanted}, got shape {tuple(output.shape)} for {len(images)} images")
    return output.to(images.device, torch.float32)


def _described(output: object) -> str:
    kind = type(output).__name__
    if isinstance(output, dict):
        return f"{kind} of {', '.join(map(str, list(output)[:4]))}"
    if isinstance(output, tuple | list):
        return f"{kind} of {len(output)}"
    return kind


def check_differentiable(output: Tensor, image: Tensor, name: str) -> None:
    """``output`` must have a path of gradients to ``image``, a leaf that wants them.

    Raises:
        ValueError: it has none, or the way back fails.
    """
    wanted = f"{name} must be differentiable with respect to its images"
    if not output.requires_grad:
        raise ValueError(f"{wanted}, got an output without a gradient: is it detached or computed elsewhere?")
    try:
        (gradient,) = torch.autograd.grad(output.sum(), image, allow_unused=True)
    except (RuntimeError, NotImplementedError) as error:
        raise ValueError(f"{wanted}, got {first_line(error)}") from error
    if gradient is None:
        raise ValueError(f"{wanted}, got an output that does not depend on them")


def first_line(error: BaseException) -> str:
    """The kind of an error and the first line of what it says."""
    said = str(error).strip().splitlines()
    return f"{type(error).__name__}: {said[0][:200]}" if said else type(error).__name__


def unsteady(alone: Tensor, again: Tensor, in_company: Tensor | None) -> str | None:
    """A sentence for the user if one image's output changes from pass to pass, or with its batch mates.

    Args:
        alone, again: (1,…) outputs of the same image.
        in_company: (1,…) its output in a batch; None if that is not known.
    """
    size = alone.abs().max()
    if bool((again - alone).abs().max() > _REPEATED * size):
        return (
            "The model is random: two passes of the same image differ, so success and MI differ from run to "
            "run."
        )
    if in_company is not None and bool((in_company - alone).abs().max() > _IN_COMPANY * size):
        return (
            "The model mixes images: an image's output depends on its batch mates (batch statistics in a "
            "normalisation layer?), so success may differ for an image alone."
        )
    return None


def like_probabilities(logits: Tensor) -> str | None:
    """A sentence for the user if (B,classes) look like probabilities: rows that sum to 1, or saturated."""
    if not bool(((logits >= 0) & (logits <= 1)).all()):
        return None
    if bool(((logits.sum(1) - 1).abs() < 1e-3).all()) or bool((logits > _SURE).any()):
        return (
            "The model's outputs look like probabilities, not logits: where they are saturated no gradient "
            "is left, so leave the last softmax or sigmoid out."
        )
    return None
