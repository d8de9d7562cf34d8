"""A small, quickly trained classifier of colour images that starts from whitened 2×2 patches."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from advmi_core.models.base import Classifier, Shape

WIDTHS = (64, 128, 128)
SIDE = 2
"""Side length of the whitened patches."""
SCALE = 1 / 9
"""Of the logits: a small start, so that a large learning rate does not run away."""
SMALLEST = 9
"""Below this side length the patches and three poolings leave no pixel."""
_MOMENTUM = 0.4  # of the running statistics: few steps, so that they must follow quickly
_EPS = 5e-4  # added to the patches' eigenvalues
_PATCH_IMAGES = 5000


class WhitenedCNN(Classifier):
    """Whitened patches → three groups of conv-pool-BN-GELU-conv-BN-GELU → max over the rest → logits.

    The first layer is not learnt: its filters are the eigenvectors of the training images' 2×2 patches,
    divided by the square roots of their eigenvalues, with both signs [Jordan 2024, arXiv 2404.00498].
    Only its bias is. Then a network of 0.6 million weights needs ten epochs.

    Args:
        in_shape: (C,H,W) of the images, at least 9×9.
        classes: number of logits.
    """

    def __init__(self, in_shape: Shape, classes: int = 10) -> None:
        super().__init__(in_shape, classes)
        if min(in_shape[1:]) < SMALLEST:
            raise ValueError(f"cnn-whitened takes images of at least {SMALLEST}×{SMALLEST}, got {in_shape}")
        values = in_shape[0] * SIDE * SIDE
        self.register_buffer("filters", torch.zeros(2 * values, in_shape[0], SIDE, SIDE))
        self.filters: Tensor
        self.bias = nn.Parameter(torch.zeros(2 * values))
        widths = (2 * values, *WIDTHS)
        self.groups = nn.Sequential(*(_group(*pair) for pair in pairwise(widths)))
        self.head = nn.Linear(WIDTHS[-1], classes, bias=False)

    def begin(self) -> None:
        """Plain patches until ``fit`` has seen images."""
        values = len(self.filters) // 2
        plain = torch.eye(values).view(values, *self.filters.shape[1:])
        self.filters.copy_(torch.cat([plain, -plain]))
        nn.init.zeros_(self.bias)

    def fit(self, x: Tensor) -> None:
        """Whiten the patches of training images x (N,C,H,W) in [0,1]; the first 5,000 are enough."""
        values = len(self.filters) // 2
        patches = functional.unfold(x[:_PATCH_IMAGES].cpu() - 0.5, SIDE).transpose(1, 2).reshape(-1, values)
        eigenvalues, vectors = torch.linalg.eigh(patches.T @ patches / len(patches))
        white = (vectors / (eigenvalues + _EPS).sqrt()).T.reshape(values, *self.filters.shape[1:])
        with torch.no_grad():
            self.filters.copy_(torch.cat([white, -white]))

    def forward(self, x: Tensor) -> Tensor:
        x = (x - 0.5).contiguous(memory_format=torch.channels_last)  # a quarter faster on a CPU
        seen = functional.gelu(functional.conv2d(x, self.filters, self.bias))
        logits: Tensor = self.head(self.groups(seen).amax((2, 3)))
        return logits * SCALE


def _group(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.MaxPool2d(2),
        nn.BatchNorm2d(outputs, momentum=_MOMENTUM),
        nn.GELU(),
        nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs, momentum=_MOMENTUM),
        nn.GELU(),
    )
