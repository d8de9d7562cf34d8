"""The classifier under attack: four convolutions and three dense layers (METHODS §3)."""

from __future__ import annotations

import math

from torch import Tensor, nn

from advmi_core.models.base import Classifier, Shape

CENTRE = 0.5
"""Subtracted from the pixels, so that the first layer sees values around zero."""

GREY = (32, 32, 64, 64, 200, 200)
COLOUR = (64, 64, 128, 128, 256, 256)
SMALLEST = 16
"""Below this side length the four unpadded convolutions and two poolings leave no pixel."""


class CNN(Classifier):
    """conv c0, c1 → pool → conv c2, c3 → pool → dense, dense, logits; 3×3 unpadded convolutions, ReLU.

    Args:
        in_shape: (C,H,W) of the images. One channel takes the widths ``GREY``, more take ``COLOUR``.
        classes: number of logits.

    Raises:
        ValueError: the images are smaller than 16×16.
    """

    gain = math.sqrt(6)  # He et al. 2015: keeps the signal's size through seven ReLU layers

    def __init__(self, in_shape: Shape, classes: int = 10) -> None:
        super().__init__(in_shape, classes)
        channels, height, width = in_shape
        if min(height, width) < SMALLEST:
            raise ValueError(f"cnn takes images of at least {SMALLEST}×{SMALLEST}, got {height}×{width}")
        c0, c1, c2, c3, d0, d1 = GREY if channels == 1 else COLOUR
        self.features = nn.Sequential(
            nn.Conv2d(channels, c0, 3),
            nn.ReLU(),
            nn.Conv2d(c0, c1, 3),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(c1, c2, 3),
            nn.ReLU(),
            nn.Conv2d(c2, c3, 3),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Linear(c3 * _remaining(height) * _remaining(width), d0),
            nn.ReLU(),
            nn.Linear(d0, d1),
            nn.ReLU(),
            nn.Linear(d1, classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(self.features(x - CENTRE))
        return logits


def _remaining(side: int) -> int:
    """Side length after (two unpadded 3×3 convolutions, halving) twice."""
    return ((side - 4) // 2 - 4) // 2
