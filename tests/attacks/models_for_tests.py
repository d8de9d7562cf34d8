"""Small models whose answers are known."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Linear(nn.Module):
    """Logits W·x + b of flattened images: its minimal perturbation is known in closed form."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.layer = nn.Linear(weight.shape[1], weight.shape[0])
        self.layer.weight.data.copy_(weight)
        self.layer.bias.data.copy_(bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x.flatten(1))


def small_classifier(channels: int = 1, height: int = 10, width: int = 12, seed: int = 0) -> nn.Module:
    """A convolutional classifier with random weights, in training mode and with dropout, for any size."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        flat = 4 * (height - 2) * (width - 2)
        layers = [
            nn.Conv2d(channels, 4, 3),
            nn.ReLU(inplace=True),
            nn.Dropout(0.5),
            nn.Flatten(),
            nn.Linear(flat, 5),
        ]
        return nn.Sequential(*layers)


class SmallAutoencoder(nn.Module):
    """Reconstructs 2×2 block means a fifth too dark, so that brighter images reconstruct better than x."""

    def __init__(self, conv: bool) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 6, 3, padding=1) if conv else nn.Identity()
        if isinstance(self.stem, nn.Conv2d):
            stream = torch.Generator().manual_seed(5)
            with torch.no_grad():
                self.stem.weight.copy_(torch.randn(self.stem.weight.shape, generator=stream) / 3)
                self.stem.bias.zero_()

    def forward(self, x: Tensor) -> Tensor:
        seen = x if isinstance(self.stem, nn.Identity) else x + 0.01 * self.stem(x).mean(1, keepdim=True)
        return 0.8 * nn.functional.interpolate(nn.functional.avg_pool2d(seen, 2), scale_factor=2)


def images(count: int = 3, channels: int = 1, height: int = 10, width: int = 12, seed: int = 1) -> Tensor:
    """Random 8-bit images with some pixels at exactly 0 and 1."""
    stream = torch.Generator().manual_seed(seed)
    x = torch.randint(-60, 316, (count, channels, height, width), generator=stream).clamp(0, 255)
    return x / 255
