"""The concrete autoencoder: limits of its samples, the inputs that matter found, noise from the generator."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from advmi_core import models
from advmi_core.data import ImageSet
from advmi_core.models import TrainSpec
from advmi_core.models.networks.concrete import ConcreteAutoencoder, Selector, dropout, temperature
from advmi_core.models.training.learners import learner


def stream(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def selector(weight: Tensor) -> Selector:
    made = Selector(weight.shape[1], weight.shape[0])
    made.weight = nn.Parameter(weight)
    return made


def built(shape: tuple[int, int, int]) -> ConcreteAutoencoder:
    network = models.build("ae-concrete", shape)
    assert isinstance(network, ConcreteAutoencoder)
    return network


def test_cold_samples_are_one_hot_at_the_noisy_argmax() -> None:
    unit = selector(torch.randn(7, 20, generator=stream(3)))
    soft, cold = (unit.sample(t, stream(1)).detach() for t in (1.0, 1e-4))
    assert torch.equal(cold.argmax(1), soft.argmax(1))  # the same noise, whatever the temperature
    torch.testing.assert_close(cold, nn.functional.one_hot(cold.argmax(1), 20).float())
    torch.testing.assert_close(soft.sum(1), torch.ones(7))
    hot = unit.sample(1e5, stream(1)).detach()
    torch.testing.assert_close(hot, torch.full((7, 20), 1 / 20), atol=1e-4, rtol=0)


def test_choices_follow_their_probabilities() -> None:
    chances = torch.tensor([0.7, 0.2, 0.1])
    unit = selector(chances.log().expand(20_000, -1).clone())
    seen = unit.sample(0.1, stream()).argmax(1).bincount(minlength=3) / 20_000
    torch.testing.assert_close(seen, chances, atol=0.015, rtol=0)


def test_code_is_exactly_the_selected_inputs() -> None:
    network = built((3, 32, 32))
    x = torch.rand(4, 3, 32, 32, generator=stream())
    assert torch.equal(network.encode(x), x.flatten(1)[:, network.selected()])
    assert torch.equal(network.train()(x), network.eval()(x))
    x.requires_grad_()
    network(x).square().sum().backward()
    assert x.grad is not None
    touched = x.grad.flatten(1).abs().sum(0).nonzero().flatten()
    assert set(touched.tolist()) <= set(network.selected().tolist())


@pytest.mark.parametrize(
    ("shape", "count"), [((1, 28, 28), 50), ((3, 32, 32), 50), ((1, 1, 77), 10), ((1, 2, 2), 4)]
)
def test_number_of_selected_inputs(shape: tuple[int, int, int], count: int) -> None:
    network = built(shape)
    assert network.selected().shape == (count,)
    assert int(network.selected().max()) < math.prod(shape)
    assert 0 < network.certainty() < 0.5


@pytest.mark.parametrize("count", [0, 78, 1.5])
def test_bad_number_of_selected_inputs(count: int) -> None:
    with pytest.raises(ValueError, match="selected must be"):
        ConcreteAutoencoder((1, 1, 77), count)


def test_temperature_falls_exponentially_from_10_to_a_tenth() -> None:
    values = [temperature(share) for share in (0.0, 0.25, 0.5, 1.0)]
    assert values == pytest.approx([10, 10 * 0.01**0.25, 1, 0.1])
    with pytest.raises(ValueError, match="progress must be"):
        temperature(1.1)


def test_dropout_keeps_the_mean_and_its_own_noise() -> None:
    before = torch.get_rng_state()
    seen = dropout(torch.ones(1000, 100), 0.1, stream())
    assert torch.equal(torch.get_rng_state(), before)
    assert sorted(seen.unique().tolist()) == pytest.approx([0, 1 / 0.9])
    assert float((seen == 0).float().mean()) == pytest.approx(0.1, abs=0.01)


def test_noise_is_all_from_the_generator() -> None:
    network, x = built((1, 28, 28)), torch.rand(3, 1, 28, 28, generator=stream())
    before = torch.get_rng_state()
    first, again, other = (network.noisy(x, 1.0, stream(seed)) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_it_selects_the_only_inputs_that_tell_anything() -> None:
    """Twelve columns, of which all but three are copies or constants: x₂ twice, x₅ three times, x₉ twice."""
    base = torch.rand(256, 3, generator=stream(5))
    x = torch.full((256, 12), 0.5)
    families = {0: [2, 3], 1: [5, 6, 7], 2: [9, 10]}
    for source, columns in families.items():
        x[:, columns] = base[:, source : source + 1]
    x = x.reshape(-1, 1, 1, 12)
    network = ConcreteAutoencoder((1, 1, 12), selected=3)
    models.registry.initialise(network, stream(0))
    spec = TrainSpec(model="ae-concrete", lr=5e-3)
    learning, noise, steps = learner(network, spec, torch.device("cpu")), stream(1), 600
    for step in range(steps):
        learning.progress = step / steps
        learning.step(x, torch.zeros(256, dtype=torch.int64), spec.lr, noise)
    found = [
        next((f for f, columns in families.items() if i in columns), None)
        for i in network.selected().tolist()
    ]
    assert sorted(found, key=str) == [0, 1, 2]
    assert network.certainty() > 0.5


def test_trained_on_a_table(images: ImageSet) -> None:
    """The trainer drives the temperature: at its end the selection has become certain."""
    x = torch.rand(200, 1, 1, 77, generator=stream())
    table = ImageSet(x, torch.zeros(200, dtype=torch.int64), ("a", "b"), "mice-protein", "train", "folder")
    spec = TrainSpec(model="ae-concrete", dataset="mice-protein", epochs=60, batch=20, lr=5e-3)
    network = models.train(spec, images=table, test=table.take(range(20))).drain().network
    assert isinstance(network, ConcreteAutoencoder)
    assert network.certainty() > 0.5
