"""Base of all networks: a name, the image shape it takes, and a card that says where it is from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Self

from torch import Tensor, nn

Shape = tuple[int, int, int]


class Network(nn.Module):
    """A model that takes images (B,C,H,W) in [0,1]; any normalisation happens inside.

    Attributes:
        name: the registry name, for instance ``cnn``.
        in_shape: (C,H,W) of one image.
        card: how it was trained and how good it is; empty for a model that is not from a checkpoint.
        class_names: of a classifier's logits, in their order; empty where nobody said.
        foreign: somebody else wrote its layers, which may count calls or have hooks.
        gain: scale of the initial weights, uniform in ±gain/√fan-in.
    """

    foreign: bool = False
    gain: float = 1.0
    name: str
    in_shape: Shape
    card: dict[str, Any]
    class_names: tuple[str, ...]

    def __init__(self, in_shape: Shape) -> None:
        super().__init__()
        self.name = ""
        self.in_shape = in_shape
        self.card = {}
        self.class_names = ()

    def begin(self) -> None:
        """Adjust weights that were just drawn; most models have nothing to adjust."""

    def fit(self, x: Tensor) -> None:
        """Look at training images x (N,C,H,W) before the first step; most models have no need to."""

    def freeze(self) -> Self:
        """Evaluation mode without parameter gradients; gradients with respect to images still flow."""
        self.requires_grad_(False)
        return self.eval()


class Classifier(Network):
    """Images (B,C,H,W) → logits (B,classes)."""

    def __init__(self, in_shape: Shape, classes: int) -> None:
        super().__init__(in_shape)
        self.classes = classes


class Autoencoder(Network, ABC):
    """Images (B,C,H,W) → reconstructions of the same shape in [0,1], by way of a code."""

    @abstractmethod
    def encode(self, x: Tensor) -> Tensor:
        """The code of the images."""

    @abstractmethod
    def decode(self, code: Tensor) -> Tensor:
        """Images (B,C,H,W) in [0,1] from their code."""

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))
