"""A row's result is its own: the same bits alone as among batch mates, on the shipped models."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from advmi_core import data, models
from advmi_core.attacks import MinMax
from advmi_core.objectives import Classification, Objective, Reconstruction

# Long enough for rounding to be amplified: one differing last bit shows after about 90 critic steps.
STEPS, INNER = 12, 10

# Usual ones, and those whose lone image gets company: a stride, groups, a 1×1 kernel, a transposed one.
LAYERS = {
    "plain": nn.Conv2d(3, 8, 3),
    "padded": nn.Conv2d(16, 32, 3, padding=1),
    "even": nn.Conv2d(1, 8, 4, padding=2),
    "strided": nn.Conv2d(3, 16, 4, stride=2, padding=1),
    "grouped": nn.Conv2d(4, 8, 3, groups=2),
    "pointwise": nn.Conv2d(8, 16, 1),
    "same": nn.Conv2d(3, 8, 3, padding="same"),
    "transposed": nn.ConvTranspose2d(8, 4, 4, stride=2, padding=1),
}


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("side", [8, 28])
def test_a_lone_image_is_convolved_as_it_is_among_others(name: str, side: int) -> None:
    layer = copy.deepcopy(LAYERS[name])
    objective = Classification(nn.Sequential(layer, nn.Flatten()), torch.zeros(1, dtype=torch.int64))
    channels = layer.in_channels

    def run(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        leaf = x.clone().requires_grad_()
        output = objective.model(leaf)
        (output * torch.linspace(-1, 1, output.shape[1])).sum().backward()
        assert leaf.grad is not None
        return output.detach(), leaf.grad

    x = torch.rand(2, channels, side, side, generator=torch.Generator().manual_seed(0))
    for both, lone in zip(run(x), run(x[:1]), strict=True):
        assert torch.equal(both[:1], lone)


@pytest.mark.parametrize(("inputs", "outputs"), [(200, 10), (784, 128), (128, 784)])
def test_few_rows_pass_a_dense_layer_as_they_do_among_many(inputs: int, outputs: int) -> None:
    """An odd number of rows ends within a vector of the CPU's, ten columns are fewer than one has."""
    generator = torch.Generator().manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(inputs, outputs), nn.Sigmoid())
    for weight in network.parameters():
        nn.init.normal_(weight, std=0.1, generator=generator)
    model = Classification(network, torch.zeros(1, dtype=torch.int64)).model

    def run(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        leaf = x.clone().requires_grad_()
        output = model(leaf)
        (output * torch.linspace(-1, 1, outputs)).sum().backward()
        assert leaf.grad is not None
        return output.detach(), leaf.grad

    x = torch.rand(40, 1, 1, inputs, generator=generator)
    many = run(x)
    assert torch.allclose(many[0], network(x).detach(), rtol=0, atol=2e-7)
    for rows in range(1, 20):
        for all_of_them, few in zip(many, run(x[:rows]), strict=True):
            assert torch.equal(all_of_them[:rows], few), rows


@pytest.mark.parametrize("rows", [1, 3, 5])
@pytest.mark.parametrize("name", ["cnn", "ae-conv", "ae-dense"])
def test_a_row_has_the_same_bits_alone_and_in_a_batch(name: str, rows: int) -> None:
    images, model = data.load("fashion-mnist", split="test"), models.load(name)
    attack = MinMax(eps=0.3, steps=STEPS, inner=INNER, mi_steps=10)

    def run(first: int, last: int) -> tuple[torch.Tensor, torch.Tensor]:
        part = slice(first, last)
        objective: Objective = Reconstruction(model)
        if name == "cnn":
            objective = Classification(model, images.y[part])
        result = attack(objective, images.x[part], rows=range(first, last))
        return result.x_adv, result.mi

    for whole, some in zip(run(0, 8), run(2, 2 + rows), strict=True):
        assert torch.equal(whole[2 : 2 + rows], some)
