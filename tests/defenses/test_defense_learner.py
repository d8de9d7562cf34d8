"""One step: the loss as printed, every forward pass once, x̃ in its ball and made in evaluation mode."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from advmi_core import models
from advmi_core.data import ImageSet
from advmi_core.defenses import DEFENSES, DefenseSpec, inner, learner, losses
from advmi_core.defenses.learner import DefenseLearner
from advmi_core.defenses.parallel import Ranks
from advmi_core.mi.local.estimators import LocalEstimators

CPU = torch.device("cpu")


@pytest.fixture
def make(small: Callable[..., DefenseSpec], estimators: LocalEstimators) -> Callable[..., DefenseLearner]:
    def build(defense: str, **changes: object) -> DefenseLearner:
        spec = small(defense, **changes)
        network = models.build(spec.model, (1, 16, 16), 3)
        return DefenseLearner(network, spec, estimators, CPU, Ranks())

    return build


def choose(rows: list[int]) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    def chosen(clean: Tensor, attacked: Tensor, y: Tensor) -> Tensor:
        return torch.isin(torch.arange(len(y)), torch.tensor(rows))

    return chosen


@pytest.mark.parametrize("defense", ["namid", "namid-t", "namid-m"])
def test_namid_losses_as_printed(
    defense: str,
    make: Callable[..., DefenseLearner],
    estimators: LocalEstimators,
    images: ImageSet,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Equations 8 and 9, with each estimator called on the whole batch, one value after the other."""
    monkeypatch.setattr(learner, "selected", choose([1, 4, 7]))
    trained = make(defense, model="cnn")
    x, y = images.x[:12], images.y[:12]
    x_adv = (x + 0.1 * torch.rand(x.shape, generator=torch.Generator().manual_seed(0))).clamp(0, 1)
    total, _ = trained.loss(x, x_adv, y)
    with torch.no_grad():
        clean, attacked = trained.network(x), trained.network(x_adv)
    noise, rows = x_adv - x, [1, 4, 7]
    e_n_adv, e_n_x = estimators.natural(x, attacked)[rows], estimators.natural(x, clean)[rows]
    e_a_adv = estimators.adversarial(noise, attacked)[rows]
    e_a_x = estimators.adversarial(noise, clean)[rows]
    l_mi = (
        abs(1 - float(e_n_adv @ e_n_x / e_n_adv.norm() / e_n_x.norm()))
        + abs(1 - float(e_a_adv @ e_a_x / e_a_adv.norm() / e_a_x.norm()))
        + 0.1 * sum(float(e_a_adv[i] - e_n_adv[i]) for i in range(3)) / 3
    )
    l_adv = {
        "namid": functional.cross_entropy(attacked, y),
        "namid-t": losses.trades(clean, attacked, y, 6.0),
        "namid-m": losses.mart(clean, attacked, y, 5.0),
    }[defense]
    assert float(total.detach()) == pytest.approx(float(l_adv) + 5 * l_mi, abs=1e-5)


def test_without_a_selected_row_namid_is_standard(
    make: Callable[..., DefenseLearner], images: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learner, "selected", choose([]))
    trained = make("namid", model="cnn")
    x, y = images.x[:12], images.y[:12]
    total, parts = trained.loss(x, x, y)
    assert float(total.detach()) == float(functional.cross_entropy(trained.network(x), y).detach())
    assert float(parts[2]) == 0


def test_one_selected_row_leaves_the_penalty(
    make: Callable[..., DefenseLearner],
    estimators: LocalEstimators,
    images: ImageSet,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(learner, "selected", choose([5]))
    trained = make("namid", model="cnn", penalty=0.7)
    x, y = images.x[:12], images.y[:12]
    x_adv = 1 - x
    attacked = trained.network(x_adv).detach()
    gap = estimators.adversarial(x_adv - x, attacked)[5] - estimators.natural(x, attacked)[5]
    _, parts = trained.loss(x, x_adv, y)
    assert float(parts[2]) == pytest.approx(0.7 * float(gap), abs=1e-6)


def test_wmim_raises_standard_information(
    make: Callable[..., DefenseLearner], estimators: LocalEstimators, images: ImageSet
) -> None:
    trained = make("wmim", model="cnn", wmim_weight=0.5)
    x, y = images.x[:12], images.y[:12]
    total, _ = trained.loss(x, 1 - x, y)
    total, attacked = total.detach(), trained.network(1 - x).detach()
    information = float(estimators.standard(1 - x, attacked).mean())
    assert float(total) == pytest.approx(
        float(functional.cross_entropy(attacked, y)) - 0.5 * information, abs=1e-5
    )


@pytest.mark.parametrize("defense", DEFENSES)
def test_every_forward_pass_is_done_once(
    defense: str, make: Callable[..., DefenseLearner], images: ImageSet
) -> None:
    trained, calls = make(defense), []
    trained.network.register_forward_hook(lambda module, *_: calls.append(module.training))
    trained.step(images.x[:12], images.y[:12], 0.01, torch.Generator().manual_seed(0))
    method = DEFENSES[defense]
    assert calls.count(False) == trained.spec.steps + (method.base.inner == "kl")  # making x̃
    assert calls.count(True) == 1 + method.needs_clean  # h(x̃), and h(x) where the loss has it
    assert trained.network.training


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("loss", ["ce", "kl"])
def test_crafted_images_stay_in_ball_and_box_and_raise_the_loss(
    norm: str, loss: str, images: ImageSet
) -> None:
    network = models.build("cnn", (1, 16, 16), 3, seed=3)
    x, y = images.x[:12].contiguous(), images.y[:12]
    before = {key: value.clone() for key, value in network.state_dict().items()}
    noise = torch.rand(x.shape, generator=torch.Generator().manual_seed(0))
    made = [inner.craft(network, x, y, noise, eps=0.2, steps=s, norm=norm, loss=loss) for s in (1, 8)]
    for x_adv in made:
        delta = x_adv.double() - x.double()
        length = delta.abs().amax((1, 2, 3)) if norm == "linf" else delta.flatten(1).norm(dim=1)
        assert float(length.max()) <= 0.2 + 1e-7  # float32's rounding
        assert 0 <= float(x_adv.min()) <= float(x_adv.max()) <= 1
        assert not x_adv.requires_grad
    network.requires_grad_(False)
    heights = [
        float(
            functional.cross_entropy(network(x_adv), y)
            if loss == "ce"
            else losses.divergence(network(x), network(x_adv)).mean()
        )
        for x_adv in made
    ]
    assert heights[1] > heights[0]
    assert all(weight.grad is None for weight in network.parameters())
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


def test_clipped_gradient_keeps_its_direction(make: Callable[..., DefenseLearner], images: ImageSet) -> None:
    def move(clip: float) -> Tensor:
        trained = make("standard", model="cnn", clip=clip, weight_decay=0.0)
        before = torch.cat([weight.detach().flatten().clone() for weight in trained.network.parameters()])
        trained.step(images.x[:12], images.y[:12], 1.0, torch.Generator().manual_seed(0))
        after = torch.cat([weight.detach().flatten() for weight in trained.network.parameters()])
        return after - before

    free, short = move(0.0), move(1e-2)
    assert float(short.norm()) == pytest.approx(1e-2, rel=1e-2)
    assert float(free.norm()) > 2e-2
    assert float(functional.cosine_similarity(free, short, dim=0)) > 0.999


def test_one_step_is_sgd_with_momentum_by_hand(make: Callable[..., DefenseLearner], images: ImageSet) -> None:
    trained = make("standard", model="cnn", eps=0.0, weight_decay=0.01, clip=0.0)
    weight = next(trained.network.parameters())
    velocity, expected = torch.zeros_like(weight), weight.detach().clone()
    twin = models.build("cnn", (1, 16, 16), 3)
    for _ in range(2):
        twin.load_state_dict(trained.network.state_dict())
        gradient = torch.autograd.grad(
            functional.cross_entropy(twin(images.x[:12]), images.y[:12]), next(twin.parameters())
        )[0]
        velocity = 0.9 * velocity + gradient + 0.01 * expected
        expected = expected - 0.1 * velocity
        trained.step(images.x[:12], images.y[:12], 0.1, torch.Generator().manual_seed(0))
        assert torch.allclose(weight, expected, atol=1e-6)
