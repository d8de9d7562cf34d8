"""A trained network with fewer layers: what its normalisations do, done by the convolutions before them."""

from __future__ import annotations

import copy
from itertools import pairwise
from typing import TypeVar

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

AnyNetwork = TypeVar("AnyNetwork", bound=nn.Module)


def folded(network: AnyNetwork) -> AnyNetwork:
    """A frozen copy in evaluation mode that computes the same, up to rounding, in less time.

    In evaluation mode a batch normalisation is a fixed affine map, so a convolution right before it can do
    its work. The weights lie with the channels last, which makes convolutions of few channels faster. PGD on
    a ResNet-18 of width 8 takes about half of the time on one core.

    Args:
        network: left as it is, with its mode; only pairs within an ``nn.Sequential`` are found.
    """
    copied = copy.deepcopy(network).eval().requires_grad_(False)
    for layers in copied.modules():
        if isinstance(layers, nn.Sequential):
            _fold(layers)
    return copied.to(memory_format=torch.channels_last)


def _fold(layers: nn.Sequential) -> None:
    for at, (first, second) in enumerate(pairwise(layers)):
        if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
            layers[at], layers[at + 1] = fuse_conv_bn_eval(first, second), nn.Identity()
