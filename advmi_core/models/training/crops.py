"""Random crops of a whole batch in one gather, on the batch's device."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


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
