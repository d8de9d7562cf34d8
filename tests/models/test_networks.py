"""Every model by its name: shapes, range, code, what the attacks rely on."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from advmi_core import models
from advmi_core.models import MODELS, Autoencoder

SHAPES = [(1, 28, 28), (3, 32, 32), (1, 32, 24)]
QUICK = [name for name in MODELS if name != "wrn-34-10"]
AUTOENCODERS = [name for name in MODELS if name.startswith("ae-")]


def batch(shape: tuple[int, int, int], count: int = 3) -> Tensor:
    return torch.rand(count, *shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("shape", SHAPES)
def test_cnn_gives_logits(shape: tuple[int, int, int]) -> None:
    assert models.build("cnn", shape, classes=7)(batch(shape)).shape == (3, 7)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", AUTOENCODERS)
def test_autoencoders_reconstruct_in_range(name: str, shape: tuple[int, int, int]) -> None:
    network = models.build(name, shape)
    assert isinstance(network, Autoencoder)
    x = batch(shape)
    y = network(x)
    assert y.shape == x.shape
    assert float(y.detach().min()) >= 0
    assert float(y.detach().max()) <= 1
    assert torch.equal(network.decode(network.encode(x)), y)


@pytest.mark.parametrize("shape", SHAPES)
def test_conv_code_is_a_sixteenth_of_the_pixels(shape: tuple[int, int, int]) -> None:
    network = models.build("ae-conv", shape)
    assert isinstance(network, Autoencoder)
    assert network.encode(batch(shape)).shape == (3, 8, shape[1] // 4, shape[2] // 4)


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("cnn", nn.Conv2d),
        ("ae-conv", nn.Conv2d),
        ("ae-dense", nn.Linear),
        ("ae-sparse", nn.Linear),
        ("ae-adversarial", nn.Linear),
        ("ae-concrete", nn.Linear),
        ("simclr", nn.Conv2d),
    ],
)
def test_first_parametric_layer(name: str, first: type[nn.Module]) -> None:
    layers = [m for m in models.build(name).modules() if list(m.parameters(recurse=False))]
    assert isinstance(layers[0], first)
    assert not [m for m in models.build(name).modules() if getattr(m, "inplace", False)]


@pytest.mark.parametrize("name", QUICK)
def test_rows_do_not_mix_and_input_is_untouched(name: str) -> None:
    network = models.build(name).freeze()
    x = batch((1, 28, 28), 4)
    before = x.clone()
    whole = network(x)
    assert torch.equal(x, before)
    for row in range(4):
        torch.testing.assert_close(network(x[row : row + 1]), whole[row : row + 1])


@pytest.mark.parametrize("name", QUICK)
def test_frozen_model_still_lets_gradients_reach_the_image(name: str) -> None:
    network = models.build(name).freeze()
    x = batch((1, 28, 28)).requires_grad_()
    network(x).square().sum().backward()
    assert x.grad is not None
    assert float(x.grad.abs().sum()) > 0
    assert all(p.grad is None for p in network.parameters())


def test_build_is_seeded_and_leaves_the_global_random_state_alone() -> None:
    before = torch.get_rng_state()
    first, again, other = (models.build("cnn", seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    x = batch((1, 28, 28))
    assert torch.equal(first(x), again(x))
    assert not torch.equal(first(x), other(x))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"name": "resnet"}, "model must be one of cnn, ae-dense"),
        ({"name": "cnn", "shape": (1, 12, 28)}, "at least 16×16, got 12×28"),
        ({"name": "ae-conv", "shape": (1, 30, 28)}, "multiples of 4, got 30×28"),
        ({"name": "cnn", "shape": (28, 28)}, r"shape must be \(C,H,W\)"),
        ({"name": "cnn", "shape": (0, 28, 28)}, "shape's C must be a whole number"),
        ({"name": "cnn", "classes": 1}, "classes must be a whole number ≥ 2"),
        ({"name": "cnn", "seed": -1}, "seed must be a whole number ≥ 0"),
    ],
)
def test_bad_build_arguments(arguments: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        models.build(**arguments)  # type: ignore[arg-type]
