"""Names of models, and how to build one from its name."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import nn

from advmi_core.models.base import Network, Shape
from advmi_core.models.networks.autoencoders import (
    AdversarialAutoencoder,
    ConvAutoencoder,
    DenseAutoencoder,
)
from advmi_core.models.networks.classifiers import CNN
from advmi_core.models.networks.concrete import ConcreteAutoencoder
from advmi_core.models.networks.resnet import ResNet18, WideResNet
from advmi_core.models.networks.simclr import SimCLR
from advmi_core.models.networks.vgg import VGG19
from advmi_core.models.networks.whitened import WhitenedCNN
from advmi_core.validate import check_choice, check_count

MODELS: dict[str, Callable[[Shape, int], Network]] = {
    "cnn": CNN,
    "ae-dense": lambda shape, classes: DenseAutoencoder(shape),
    "ae-sparse": lambda shape, classes: DenseAutoencoder(shape),
    "ae-conv": lambda shape, classes: ConvAutoencoder(shape),
    "ae-adversarial": lambda shape, classes: AdversarialAutoencoder(shape),
    "ae-concrete": lambda shape, classes: ConcreteAutoencoder(shape),
    "simclr": lambda shape, classes: SimCLR(shape),
    "cnn-whitened": WhitenedCNN,
    "resnet18": ResNet18,
    "resnet18-w8": partial(ResNet18, width=8),
    "resnet18-w16": partial(ResNet18, width=16),
    "wrn-34-10": WideResNet,
    "vgg19": VGG19,
    "vgg19-w8": partial(VGG19, width=8),
}
"""Name → builder taking (C,H,W) and the number of classes (which autoencoders ignore)."""


def build(name: str, shape: Shape = (1, 28, 28), classes: int = 10, seed: int = 0) -> Network:
    """A fresh, untrained model with gradients on.

    Args:
        name: a key of ``MODELS``.
        shape: (C,H,W) of its images.
        classes: number of logits of a classifier.
        seed: of the initial weights; the global random state is neither read nor written.

    Raises:
        ValueError: an unknown name, or a shape that the model cannot take.
    """
    check_count(seed, "seed", low=0)
    network = skeleton(name, shape, classes)
    network.to_empty(device="cpu")
    initialise(network, torch.Generator().manual_seed(seed), network.gain)
    network.begin()
    return network


def skeleton(name: str, shape: Shape, classes: int) -> Network:
    """The model without memory for its weights: fill it by ``load_state_dict(…, assign=True)``."""
    check_choice(name, "model", tuple(MODELS))
    if len(shape) != 3:
        raise ValueError(f"shape must be (C,H,W), got {tuple(shape)}")
    for value, letter in zip(shape, "CHW", strict=True):
        check_count(value, f"shape's {letter}")
    check_count(classes, "classes", low=2)
    with torch.device("meta"):  # torch's own initialisation would consume the global random state
        network = MODELS[name]((shape[0], shape[1], shape[2]), classes)
    network.name = name
    return network


def initialise(network: nn.Module, generator: torch.Generator, gain: float = 1.0) -> None:
    """Weights uniform in ±gain/√fan-in, biases in ±1/√fan-in (torch's usual start at gain 1).

    Normalisations start as torch starts them: they pass on what they normalise.
    """
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d | nn.LayerNorm):
            layer.reset_parameters()
        if isinstance(layer, nn.Linear | nn.Conv2d):
            bound = 1 / math.sqrt(layer.weight[0].numel())
            nn.init.uniform_(layer.weight, -gain * bound, gain * bound, generator=generator)
            if layer.bias is not None:
                nn.init.uniform_(layer.bias, -bound, bound, generator=generator)
