"""VGG-19 with batch normalisation for small images: the surrogate of black-box attacks (METHODS §3)."""

from __future__ import annotations

from torch import Tensor, nn

from advmi_core.models.base import Classifier, Shape
from advmi_core.models.networks.resnet import check_side, normalised

STAGES = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))
"""Width and number of the 3×3 convolutions before each pooling."""


class VGG19(Classifier):
    """Five stages of conv-BN-ReLU and 2×2 max-pooling [Simonyan & Zisserman 2015], global mean, logits:
    the three dense layers are one, as is usual for small images.

    Poolings round up, so that 28×28 ends at one pixel as 32×32 does.

    Args:
        in_shape: (C,H,W) of the images, at least 8×8.
        classes: number of logits.
        width: channels of the first stage ≥ 1; the others keep their proportion to it.
    """

    def __init__(self, in_shape: Shape, classes: int = 10, width: int = STAGES[0][0]) -> None:
        super().__init__(in_shape, classes)
        check_side("vgg19", in_shape)
        layers: list[nn.Module] = []
        inputs = in_shape[0]
        for published, count in STAGES:
            outputs = published * width // STAGES[0][0]
            for _ in range(count):
                layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()]
                inputs = outputs
            layers.append(nn.MaxPool2d(2, ceil_mode=True))
        self.features = nn.Sequential(*layers)
        self.head = nn.Linear(inputs, classes)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(self.features(normalised(x)).mean((2, 3)))
        return logits
