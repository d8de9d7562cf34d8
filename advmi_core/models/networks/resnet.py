"""ResNet-18 and WideResNet for small images: 3×3 stem, no pooling behind it (METHODS §3)."""

from __future__ import annotations

from torch import Tensor, nn

from advmi_core.models.base import Classifier, Shape
from advmi_core.models.networks.classifiers import CENTRE

SPREAD = 0.25
"""Pixels enter the first layer as (x − ½)/¼, about zero mean and unit variance."""
SMALLEST = 8
"""Below this side length the three halvings leave less than one pixel of context."""


def normalised(x: Tensor) -> Tensor:
    """Pixels in [0,1] → about zero mean and unit variance."""
    return (x - CENTRE) / SPREAD


def check_side(name: str, in_shape: Shape) -> None:
    """Raise ValueError if an image is smaller than three halvings need."""
    _, height, width = in_shape
    if min(height, width) < SMALLEST:
        raise ValueError(f"{name} takes images of at least {SMALLEST}×{SMALLEST}, got {height}×{width}")


class ResNet18(Classifier):
    """Four stages of two basic blocks [He et al. 2016], widths w, 2w, 4w, 8w, global mean, logits.

    Args:
        in_shape: (C,H,W) of the images, at least 8×8.
        classes: number of logits.
        width: w ≥ 1; 64 is the published network, 8 or 16 train on a few CPU cores.
    """

    def __init__(self, in_shape: Shape, classes: int = 10, width: int = 64) -> None:
        super().__init__(in_shape, classes)
        check_side("resnet18", in_shape)
        self.stem = nn.Sequential(conv3(in_shape[0], width), nn.BatchNorm2d(width), nn.ReLU())
        stages, inputs = [], width
        for stage in range(4):
            outputs = width << stage
            stages += [
                BasicBlock(inputs, outputs, stride=2 if stage else 1),
                BasicBlock(outputs, outputs, stride=1),
            ]
            inputs = outputs
        self.stages = nn.Sequential(*stages)
        self.head = nn.Linear(inputs, classes)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(self.stages(self.stem(normalised(x))).mean((2, 3)))
        return logits


class BasicBlock(nn.Module):
    """conv-BN-ReLU-conv-BN plus the input, ReLU; a 1×1 convolution brings the input to another shape."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            conv3(inputs, outputs, stride),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            conv3(outputs, outputs),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        total: Tensor = self.body(x) + self.shortcut(x)
        return total.relu()


class WideResNet(Classifier):
    """WideResNet-34-10 [Zagoruyko & Komodakis 2016]: three groups of pre-activation blocks, no dropout.

    Args:
        in_shape: (C,H,W) of the images, at least 8×8.
        classes: number of logits.
        depth: 6n + 4 layers.
        widen: factor of the widths 16, 32, 64.
    """

    def __init__(self, in_shape: Shape, classes: int = 10, depth: int = 34, widen: int = 10) -> None:
        super().__init__(in_shape, classes)
        check_side(f"wrn-{depth}-{widen}", in_shape)
        self.stem = conv3(in_shape[0], 16)
        blocks, inputs = [], 16
        for group in range(3):
            outputs = (16 * widen) << group
            for place in range((depth - 4) // 6):
                blocks.append(PreactivationBlock(inputs, outputs, stride=2 if group and not place else 1))
                inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.last = nn.Sequential(nn.BatchNorm2d(inputs), nn.ReLU())
        self.head = nn.Linear(inputs, classes)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(self.last(self.blocks(self.stem(normalised(x)))).mean((2, 3)))
        return logits


class PreactivationBlock(nn.Module):
    """BN-ReLU-conv-BN-ReLU-conv plus the input, or plus a 1×1 convolution where the shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.BatchNorm2d(inputs), nn.ReLU())
        self.body = nn.Sequential(
            conv3(inputs, outputs, stride), nn.BatchNorm2d(outputs), nn.ReLU(), conv3(outputs, outputs)
        )
        self.shortcut = None if inputs == outputs else nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        active = self.first(x)
        kept = x if self.shortcut is None else self.shortcut(active)
        total: Tensor = self.body(active) + kept
        return total


def conv3(inputs: int, outputs: int, stride: int = 1) -> nn.Conv2d:
    """A padded 3×3 convolution without a bias: a normalisation follows or precedes it."""
    return nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
