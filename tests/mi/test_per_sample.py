"""Batched critics against critics run alone, against a plain network, and against finite differences."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from advmi_core.mi import PerSampleMINE
from advmi_core.mi.bounds import BOUNDS
from advmi_core.mi.critics import ADAM_EPS, KERNEL, PRESETS, Ascent


def _pair(rows: int = 3, k: int = 6, side: int = 9) -> tuple[Tensor, Tensor]:
    stream = torch.Generator().manual_seed(3)
    x = torch.rand(rows, k, side, side - 1, generator=stream)
    return x, (x + 0.3 * torch.rand(x.shape, generator=stream)).clamp(0, 1)


def _vectors(rows: int = 3, k: int = 70, width: int = 8) -> tuple[Tensor, Tensor]:
    stream = torch.Generator().manual_seed(4)
    x = torch.randn(rows, k, width, generator=stream)
    return x, x + 0.5 * torch.randn(x.shape, generator=stream)


def _plain(mine: PerSampleMINE, row: int, maps_x: Tensor, maps_y: Tensor) -> Tensor:
    """DV of one critic, layer by layer as the paper draws it, over all off-diagonal pairs."""
    rows, preset, w = len(mine.weights["head"]), mine.preset, mine.weights

    def branch(maps: Tensor, index: int) -> Tensor:
        z = maps.unsqueeze(1)
        if preset.pool:
            z = F.avg_pool2d(z, 2)
        filters = w["filters"][index]
        kernel = filters[:, :-1].reshape(-1, 1, KERNEL, KERNEL)
        z = F.conv2d(z, kernel, filters[:, -1], stride=preset.stride).flatten(1)
        z = F.linear(z, w["first"][index], w["first_bias"][index])
        return F.linear(z, w["second"][index], w["second_bias"][index])

    a, b = branch(maps_x, row), branch(maps_y, rows + row)
    scores = torch.relu(a.unsqueeze(1) + b.unsqueeze(0)) @ w["head"][row]
    off = scores[~torch.eye(len(scores), dtype=torch.bool)]
    return scores.diagonal().mean() - off.exp().mean().log()


@pytest.mark.parametrize("critic", sorted(PRESETS))
def test_collapsed_evaluation_equals_the_network_layer_by_layer(critic: str) -> None:
    x, y = _pair()
    mine = PerSampleMINE(x, critic=critic, lr=1e-3)
    mine.ascend(mine.prepare(y), 5)  # biases are 0 before
    value = mine.value(mine.prepare(y))
    for row in range(len(x)):
        torch.testing.assert_close(value[row], _plain(mine, row, x[row], y[row]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("critic", sorted(PRESETS))
def test_weight_gradients_equal_autograd_s_through_the_plain_network(critic: str) -> None:
    x, y = _pair(rows=2)
    mine = PerSampleMINE(x, critic=critic, lr=1e-3)
    samples = mine.prepare(y)
    mine.ascend(samples, 3)
    mine._gradients(samples)
    ours = {name: grad.clone() for name, grad in mine._branches.grads.items()}
    leaves = {name: tensor.detach().clone().requires_grad_() for name, tensor in mine.weights.items()}
    mine.weights = leaves
    total = sum(_plain(mine, row, x[row], y[row]) for row in range(2))
    wanted = dict(zip(leaves, torch.autograd.grad(total, list(leaves.values())), strict=True))
    for name, grad in wanted.items():
        torch.testing.assert_close(ours[name], grad, rtol=1e-3, atol=1e-6, msg=lambda m, n=name: f"{n}: {m}")


@pytest.mark.parametrize("bound", sorted(BOUNDS))
@pytest.mark.parametrize("pairs", ["all", "permutation", "shifts"])
def test_batched_critics_equal_single_ones(bound: str, pairs: str) -> None:
    x, y = _pair()
    together = PerSampleMINE(x, bound=bound, pairs=pairs, seed=7, lr=1e-3)
    together.ascend(together.prepare(y), 10)
    weights = together.weights["first"]
    for row in range(len(x)):
        alone = PerSampleMINE(x[row : row + 1], bound=bound, pairs=pairs, seed=7, rows=[row], lr=1e-3)
        alone.ascend(alone.prepare(y[row : row + 1]), 10)
        torch.testing.assert_close(alone.weights["first"][0], weights[row], rtol=1e-4, atol=1e-6)


def test_a_permutation_of_the_batch_permutes_the_result() -> None:
    x, y = _pair(rows=4)
    order = [2, 0, 3, 1]
    straight, mixed = PerSampleMINE(x, seed=1), PerSampleMINE(x[order], seed=1, rows=order)
    straight.ascend(straight.prepare(y), 20)
    mixed.ascend(mixed.prepare(y[order]), 20)
    torch.testing.assert_close(
        mixed.value(mixed.prepare(y[order])), straight.value(straight.prepare(y))[order], rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("make", [_pair, _vectors])
def test_gradient_with_respect_to_the_twin_matches_finite_differences(make) -> None:
    x, y = make(rows=2)
    mine = PerSampleMINE(x, lr=1e-3, pairs="all")
    mine.ascend(mine.prepare(y), 30)
    leaf = y.clone().requires_grad_()
    samples = mine.prepare(leaf)
    frozen = {name: tensor.clone() for name, tensor in mine.weights.items()}
    before = mine.value(samples.detach())
    _, gradient = mine.ascend_with_gradient(samples.detach())
    for name, tensor in mine.weights.items():
        tensor.copy_(frozen[name])
    samples.backward(gradient)
    direction = torch.randn(y.shape, generator=torch.Generator().manual_seed(0))
    step = 1e-3
    up, down = (mine.value(mine.prepare(y + sign * step * direction)) for sign in (1, -1))
    slope = (up - down) / (2 * step)
    expected = (leaf.grad * direction).flatten(1).sum(1)
    torch.testing.assert_close(slope, expected, rtol=0.03, atol=2e-3)
    assert torch.isfinite(before).all()


def test_training_raises_the_bound_of_dependent_samples_and_not_of_a_held_out_shuffle() -> None:
    x, y = _vectors(rows=4, k=300)
    mine = PerSampleMINE(x, lr=1e-3, pairs="all")
    samples = mine.prepare(y)
    before = mine.value(samples)
    mine.ascend(samples, 200)
    assert (mine.value(samples) > before + 0.3).all()
    fresh, unrelated = _vectors(rows=4, k=300)[0].flip(1), _vectors(rows=4, k=300)[1]
    held_out = PerSampleMINE(fresh, lr=1e-3, pairs="all")
    held_out.weights["first"].copy_(mine.weights["first"])
    held_out.weights["second"].copy_(mine.weights["second"])
    held_out.weights["head"].copy_(mine.weights["head"])
    assert (held_out.value(held_out.prepare(unrelated)) < 0.1).all()


def test_no_marginal_pair_is_a_joint_one() -> None:
    from advmi_core.mi.pairs import draw_partners
    from advmi_core.rng import RowStreams

    for kind in ("permutation", "shifts"):
        partner = draw_partners(RowStreams(0, range(50), 2), 7, kind)
        assert (partner != torch.arange(7).view(1, 7, 1)).all()
        assert partner.min() >= 0
        assert partner.max() < 7
    permutation = draw_partners(RowStreams(0, range(50), 2), 7, "permutation").squeeze(2)
    assert (permutation.sort(1).values == torch.arange(7)).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"critic": "huge"}, "critic must be one of"),
        ({"bound": "kl"}, "bound must be one of"),
        ({"pairs": "some"}, "pairs must be one of"),
        ({"rows": [1]}, "x and rows must have the same length"),
    ],
)
def test_bad_arguments_are_named(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PerSampleMINE(_pair()[0], **arguments)


def test_maps_too_small_for_the_kernel_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 2×2 after pooling"):
        PerSampleMINE(torch.rand(1, 4, 3, 3))


@pytest.mark.parametrize("weight_decay", [0.0, 1e-3])
def test_the_critics_ascent_is_adam_bit_for_bit(weight_decay: float) -> None:
    stream = torch.Generator().manual_seed(0)
    start = torch.randn(1024, generator=stream)
    ours, theirs = (start.clone() for _ in range(2))
    ours.grad, theirs.grad = (torch.empty(1024) for _ in range(2))
    ascent = Ascent(ours, 1e-3, weight_decay)
    adam = torch.optim.Adam(
        [theirs], 1e-3, eps=ADAM_EPS, weight_decay=weight_decay, fused=True, maximize=True
    )
    for step in range(60):
        gradient = torch.randn(1024, generator=stream) * 10.0 ** (step % 5 - 3)
        if step == 30:
            ascent.lr = adam.param_groups[0]["lr"] = 5e-4
        for weights, optimiser in ((ours, ascent), (theirs, adam)):
            weights.grad.copy_(gradient)
            optimiser.step()
    assert torch.equal(ours, theirs)
    assert not torch.equal(ours, start)
