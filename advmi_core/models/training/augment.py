"""Augmentation of a whole batch, on the batch's device: random crops and mirroring."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def augmented(x: Tensor, generator: torch.Generator, *, flip: bool, crop: int = 0) -> Tensor:
    """Images x (B,C,H,W), first cropped at random by ``crop`` pixels (0: not at all), then mirrored."""
    if crop:
        x = random_crop(x, crop, generator)
    return mirror(x, generator) if flip else x


def random_crop(x: Tensor, padding: int, generator: torch.Generator) -> Tensor:
    """Each image of x (B,C,H,W) shifted by −padding…padding pixels in both directions, black moving in.

    Offsets are drawn on the CPU, so that they are the same on every device.
    """
    count, channels, height, width = x.shape
    offsets = torch.randint(0, 2 * padding + 1, (2, count, 1), generator=generator)
    rows, columns = (
        (offset + torch.arange(side)).to(x.device)
        for offset, side in zip(offsets, (height, width), strict=True)
    )
    wide = functional.pad(x, (padding,) * 4)
    image = torch.arange(count, device=x.device)[:, None, None, None]
    channel = torch.arange(channels, device=x.device)[None, :, None, None]
    return wide[image, channel, rows[:, None, :, None], columns[:, None, None, :]]


def mirror(x: Tensor, generator: torch.Generator) -> Tensor:
    """Each image of x (B,C,H,W) mirrored left to right with probability ½."""
    chosen = torch.rand(len(x), generator=generator) < 0.5
    return torch.where(chosen.to(x.device)[:, None, None, None], x.flip(-1), x)
