"""A folded network computes what the network in evaluation mode computes, and leaves that one alone."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from advmi_core import models
from advmi_core.models.folding import folded


def lived_in(name: str) -> nn.Module:
    """A network whose normalisations have seen images, so that their statistics are not 0 and 1."""
    network = models.build(name, seed=3).train()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for _ in range(3):
            network(torch.rand(16, 1, 28, 28, generator=generator))
        for layer in network.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.weight.uniform_(0.5, 1.5, generator=generator)
                layer.bias.uniform_(-0.5, 0.5, generator=generator)
    return network


@pytest.mark.parametrize("name", ["resnet18-w8", "vgg19-w8", "cnn"])
def test_logits_and_gradients_are_the_same(name: str) -> None:
    network = lived_in(name)
    short = folded(network)
    x = torch.rand(4, 1, 28, 28, generator=torch.Generator().manual_seed(1)).requires_grad_()
    seen, wanted = short(x), network.eval()(x)
    torch.testing.assert_close(seen, wanted, atol=1e-5, rtol=1e-4)
    (gradient,) = torch.autograd.grad(seen.logsumexp(1).sum(), x)
    (expected,) = torch.autograd.grad(wanted.logsumexp(1).sum(), x)
    torch.testing.assert_close(gradient, expected, atol=1e-5, rtol=1e-3)


def test_no_normalisation_behind_a_convolution_is_left() -> None:
    assert any(isinstance(layer, nn.BatchNorm2d) for layer in lived_in("resnet18-w8").modules())
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in folded(lived_in("resnet18-w8")).modules())


def test_the_network_itself_is_left_alone() -> None:
    network = lived_in("resnet18-w8")
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    short = folded(network)
    assert network.training
    assert not short.training
    assert all(weight.requires_grad for weight in network.parameters())
    assert not any(weight.requires_grad for weight in short.parameters())
    assert network.state_dict().keys() == before.keys()
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name])
