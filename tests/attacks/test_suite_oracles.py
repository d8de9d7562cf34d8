"""The evaluation attacks where the right answer is known: a linear model, a linear program, a closed form."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from models_for_tests import Linear, images, small_classifier
from scipy.optimize import linprog
from torch import Tensor

from advmi_core import data, models
from advmi_core.attacks import CW, DDN, FWA, PGD, TIDIM, Attack, AutoAttack
from advmi_core.attacks.autoattack.fab import reach_plane
from advmi_core.attacks.ti_dim import gaussian_kernel
from advmi_core.attacks.transport import LocalTransport
from advmi_core.objectives import Classification

D = 36


def _linear(spread: float = 0.02) -> tuple[Linear, Tensor, Tensor, Tensor]:
    """A two-class linear model, three images around ½, their labels, and the margins."""
    stream = torch.Generator().manual_seed(0)
    model = Linear(torch.randn(2, D, generator=stream), torch.zeros(2)).requires_grad_(False)
    x = (0.5 + spread * torch.randn(3, 1, 6, 6, generator=stream)).clamp(0, 1)
    logits = model(x)
    return model, x, logits.argmax(1), (logits[:, 0] - logits[:, 1]).abs()


def _weight(model: Linear) -> Tensor:
    return model.layer.weight[0] - model.layer.weight[1]


@pytest.mark.parametrize(
    "attack",
    [DDN(mi_steps=0), CW(steps=20, searches=4, mi_steps=0)],
    ids=lambda attack: attack.name,
)
def test_the_shortest_perturbation_of_a_linear_model(attack: Attack) -> None:
    model, x, y, margin = _linear()
    shortest = margin / _weight(model).norm()
    result = replace(attack, eps=6.0)(Classification(model, y), x)
    assert result.success.all()
    assert (result.l2 >= 0.999 * shortest).all()
    assert (result.l2 <= 1.25 * shortest).all()
    refused = replace(attack, eps=0.98 * float(shortest.min()))(Classification(model, y), x)
    assert not refused.success.any()


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_fab_fits_into_a_ball_a_quarter_larger_than_the_smallest(norm: str) -> None:
    model, x, y, margin = _linear()
    smallest = margin / (_weight(model).abs().sum() if norm == "linf" else _weight(model).norm())
    attack = AutoAttack(norm=norm, steps=10, parts=("fab-t",), mi_steps=0)
    for row in range(len(x)):
        for factor, wanted in ((0.98, False), (1.25, True)):
            sized = replace(attack, eps=factor * float(smallest[row]))
            result = sized(Classification(model, y[row : row + 1]), x[row : row + 1])
            assert bool(result.success) is wanted, (row, factor)


@pytest.mark.parametrize("attack", [DDN(steps=40, mi_steps=0), CW(steps=40, searches=3, mi_steps=0)])
def test_pixels_at_the_ends_of_the_box_move(attack: Attack) -> None:
    """Every pixel is exactly 0 or 1, and those that can help by moving inwards are used."""
    model, x, _, _ = _linear()
    x = x.round()
    y = model(x).argmax(1)
    result = replace(attack, eps=6.0)(Classification(model, y), x)
    assert result.success.all()
    towards = torch.where(y == 0, -1.0, 1.0)[:, None] * _weight(model)
    inwards = torch.where(x.flatten(1) == 0, towards > 0, towards < 0)
    strong = inwards & (towards.abs() > 1)
    moved = (result.x_adv - x).flatten(1) != 0
    assert strong.any(dim=1).all()
    assert moved[strong].all()


@pytest.mark.parametrize("part", ["apgd-ce", "apgd-t"])
@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_apgd_reaches_the_point_that_minimises_a_linear_criterion(part: str, norm: str) -> None:
    model, x, y, margin = _linear()
    attack = AutoAttack(eps=0.2, norm=norm, steps=60, parts=(part,), mi_steps=0)
    result = attack(Classification(model, y), x)
    size = _weight(model).abs().sum() if norm == "linf" else _weight(model).norm()
    torch.testing.assert_close(result.criterion, margin - 0.2 * size, rtol=1e-3, atol=2e-3)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_square_comes_near_that_point_without_a_gradient(norm: str) -> None:
    model, x, y, margin = _linear()
    size = _weight(model).abs().sum() if norm == "linf" else _weight(model).norm()
    eps = 0.9 * float(margin.min() / size)  # out of reach, so that no row rests
    attack = AutoAttack(eps=eps, norm=norm, queries=250, parts=("square",), mi_steps=0)
    result = attack(Classification(model, y), x)
    gained, possible = margin - result.criterion, eps * size
    assert (gained <= possible * 1.0001).all()
    assert (gained >= 0.55 * possible).all()
    length = result.linf if norm == "linf" else result.l2
    torch.testing.assert_close(length, torch.full_like(length, eps), rtol=1e-4, atol=0)


def test_the_parts_of_autoattack_come_in_turn_and_broken_rows_cost_nothing() -> None:
    model, x = small_classifier(), images(6)
    y = copy.deepcopy(model).eval()(x).argmax(1)
    attack = AutoAttack(eps=0.02, steps=10, targets=2, queries=15, mi_steps=0)
    assert attack.iterations == 10 + 2 * 10 + 2 * 10 + 15
    result = attack(Classification(model, y), x)
    first = replace(attack, parts=("apgd-ce",))(Classification(model, y), x)
    assert 0 < int(first.success.sum()) < 6
    assert (result.queries[first.success] == 12).all()
    assert (result.queries[~result.success] == 2 + 10 + 20 + 3 * 20 + 15).all()
    assert (result.success | ~first.success).all()
    with pytest.raises(ValueError, match="parts must be some of apgd-ce, apgd-t, fab-t, square"):
        AutoAttack(parts=("pgd",))


def test_autoattack_leaves_no_more_than_pgd() -> None:
    """64 images of the shipped classifier; one image of slack."""
    chosen, model = data.load("fashion-mnist", split="test"), models.load("cnn")
    right = (model(chosen.x[:100]).argmax(1) == chosen.y[:100]).nonzero().flatten()[:64]
    objective, x = Classification(model, chosen.y[right]), chosen.x[right]
    pgd = PGD(eps=0.05, steps=40, mi_steps=0)(objective, x)
    ours = AutoAttack(eps=0.05, steps=20, targets=2, queries=20, mi_steps=0)(objective, x)
    assert int(pgd.success.sum()) < 64
    assert int(ours.success.sum()) >= int(pgd.success.sum()) - 1


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_the_step_onto_a_plane_is_the_shortest_in_the_box(norm: str) -> None:
    stream = torch.Generator().manual_seed(2)
    x = torch.rand(4, 1, 2, 3, generator=stream)
    slope = torch.randn(4, 1, 2, 3, generator=stream)
    gain = torch.tensor([0.3, -0.4, 0.05, 100.0])
    step = reach_plane(x, slope, gain, norm)
    assert (x + step).min() >= 0
    assert (x + step).max() <= 1
    reached = (step * slope).flatten(1).sum(1)
    torch.testing.assert_close(reached[:3], gain[:3], rtol=1e-4, atol=1e-5)
    farthest = torch.where(slope > 0, slope * (1 - x), -slope * x).flatten(1).sum(1)
    torch.testing.assert_close(reached[3], farthest[3])
    for row in range(3):
        size = float(step[row].abs().max() if norm == "linf" else step[row].norm())
        assert size == pytest.approx(_shortest(x[row], slope[row], float(gain[row]), norm), rel=2e-3)


def _shortest(x: Tensor, slope: Tensor, gain: float, norm: str) -> float:
    """Length of the shortest δ with ⟨slope, δ⟩ = gain in the box, by linear programming or along the dual."""
    start, w = x.flatten().double().numpy(), slope.flatten().double().numpy()
    if norm == "l2":
        prices = np.linspace(0, 20, 200_001)[:, None] * np.sign(gain)
        steps = np.clip(start + prices * w, 0, 1) - start
        return float(np.linalg.norm(steps[np.abs(steps @ w - gain).argmin()]))
    n, one = len(w), np.eye(len(w))
    sides = np.vstack([np.hstack([one, -np.ones((n, 1))]), np.hstack([-one, -np.ones((n, 1))])])
    found = linprog(
        np.r_[np.zeros(n), 1],
        A_ub=sides,
        b_ub=np.zeros(2 * n),
        A_eq=np.r_[w, 0][None],
        b_eq=[gain],
        bounds=[*zip(-start, 1 - start, strict=True), (0, None)],
    )
    return float(found.fun)


def _places(side: int) -> np.ndarray:
    """(n²,n²) Euclidean distances between the pixels of a square image."""
    at = np.array([(row, column) for row in range(side) for column in range(side)], float)
    return np.linalg.norm(at[:, None] - at[None], axis=2)


@pytest.mark.parametrize("share", [0.02, 0.2, 5.0])
def test_the_best_plan_solves_the_linear_program(share: float) -> None:
    """Two channels of 3×3 pixels, a 3×3 window; the plan's marginal and its cost hold exactly."""
    stream = torch.Generator().manual_seed(4)
    x, gradient = torch.rand(1, 2, 3, 3, generator=stream), torch.randn(1, 2, 3, 3, generator=stream)
    budget = share * x.sum()
    transport = LocalTransport(x, 3)
    sent = transport.best(gradient, budget[None])
    assert (sent >= 0).all()
    assert (sent.sum(2) <= x.flatten(2) * (1 + 1e-6)).all()
    assert float(transport.cost(sent)) <= float(budget)
    found = float((gradient * transport.image(sent)).sum())

    distance = _places(3)
    near = distance < 1.5  # inside the window
    cost = np.where(near, distance, 0).flatten()
    slopes = [np.where(near, g.flatten().numpy()[None], 0).flatten() for g in gradient[0]]
    leaves = np.kron(np.eye(9), np.ones(9))
    best = linprog(
        np.concatenate(slopes),
        A_ub=np.concatenate([cost, cost])[None],
        b_ub=[float(budget)],
        A_eq=np.kron(np.eye(2), leaves),
        b_eq=x.flatten().double().numpy(),
        bounds=[(0, None if open_ else 0) for open_ in np.tile(near.flatten(), 2)],
    )
    assert found == pytest.approx(best.fun, rel=2e-3, abs=1e-3)


def test_fwa_stays_in_its_wasserstein_ball_and_in_the_box() -> None:
    """The distance of x̃ by a linear program over all plans, on images with full pixels."""
    x = images(3, height=4, width=4)
    model = small_classifier(height=4, width=4)
    y = copy.deepcopy(model).eval()(x).argmax(1)
    distance, leaves = _places(4), np.kron(np.eye(16), np.ones(16))
    arrives = np.kron(np.ones(16), np.eye(16))
    moved = []
    for eps in (0.01, 0.3):
        result = FWA(eps=eps, steps=15, window=3, mi_steps=0)(Classification(model, y), x)
        assert float(result.x_adv.min()) >= 0
        assert float(result.x_adv.max()) <= 1
        for before, after in zip(x.double(), result.x_adv.double(), strict=True):
            mass = float(before.sum())
            assert float(after.sum()) == pytest.approx(mass, rel=1e-5)
            scaled = after * mass / float(after.sum())
            ends = np.r_[before.flatten().numpy(), scaled.flatten().numpy()]
            plan = linprog(distance.flatten(), A_eq=np.vstack([leaves, arrives]), b_eq=ends, bounds=(0, None))
            assert plan.fun <= eps * mass * (1 + 1e-4) + 1e-4
            moved.append(plan.fun / mass)
    assert min(moved[:3]) > 0.005
    assert max(moved) > 0.03


def test_full_pixels_send_mass_back_to_where_it_came_from() -> None:
    x = torch.tensor([[0.9, 1.0, 0.9], [0.2, 0.8, 0.9], [0.0, 0.5, 1.0]])[None, None]
    transport = LocalTransport(x, 3)
    towards = torch.zeros_like(x)
    towards[..., 1, 1] = -1.0  # everything wants to go to the middle
    greedy = transport.best(towards, torch.tensor([100.0]))
    assert float(transport.image(greedy).max()) > 5
    fitted = transport.fit(greedy)
    image = transport.image(fitted)
    assert float(image.max()) <= 1 + 2e-6
    assert float(image.min()) >= -1e-6
    torch.testing.assert_close(image.sum(), x.sum())
    assert float(image[0, 0, 1, 1]) == pytest.approx(1.0, abs=1e-5)
    assert 0 < float(transport.cost(fitted)) <= float(transport.cost(greedy))


def test_the_smoothing_kernel_is_a_gaussian_of_sum_one() -> None:
    weights = gaussian_kernel(15, 3.0)
    assert weights.shape == (15, 15)
    assert float(weights.sum()) == pytest.approx(1, abs=1e-6)
    assert float(weights[7, 10] / weights[7, 7]) == pytest.approx(np.exp(-0.5), rel=1e-5)
    torch.testing.assert_close(weights, weights.flip(0).T.flip(0))


def test_input_diversity_really_resizes() -> None:
    """A white image shows its size and its place."""
    white = torch.ones(200, 2, 28, 20)
    chances = torch.rand(200, 4, generator=torch.Generator().manual_seed(0))
    seen = TIDIM(diversity=0.5, resize_rate=0.8).diversify(white, chances)
    heights, widths = (seen[:, 0].amax(axis).gt(0).sum(1) for axis in (2, 1))
    left_alone = chances[:, 0] >= 0.5
    assert (heights[left_alone] == 28).all()
    assert set(heights[~left_alone].tolist()) == set(range(22, 28))
    assert set(widths[~left_alone].tolist()) == set(range(16, 20))
    tops = seen[:, 0].amax(2).gt(0).float().argmax(1)
    assert set(tops.tolist()) >= {0, 1, 2, 3, 4}
    assert torch.equal(seen[left_alone], white[left_alone])


def test_ti_dim_without_its_three_ideas_is_plain_descent() -> None:
    model, x = small_classifier(), images(3)
    y = copy.deepcopy(model).eval()(x).argmax(1)
    plain = TIDIM(eps=0.1, steps=6, momentum=0.0, kernel=1, diversity=0.0, step_size=0.02, mi_steps=0)
    pgd = PGD(eps=0.1, steps=6, loss="ce", random_start=False, step_size=0.02, mi_steps=0)
    ours, theirs = (attack.run(Classification(model, y), x) for attack in (plain, pgd))
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine.x_adv, other.x_adv)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: DDN(gamma=1.0), "gamma must be > 0 and < 1, got 1.0"),
        (lambda: DDN(loss="l1"), "loss must be one of"),
        (lambda: CW(searches=0), "searches must be"),
        (lambda: TIDIM(kernel=4), "kernel must be odd, got 4"),
        (lambda: TIDIM(resize_rate=1.0), "resize_rate must be > 0 and < 1, got 1.0"),
        (lambda: FWA(window=4), "window must be odd, got 4"),
        (lambda: FWA(norm="linf"), "norm must be one of wasserstein, got 'linf'"),
        (lambda: AutoAttack(targets=0), "targets must be"),
    ],
)
def test_parameters_that_make_no_sense_are_named(build, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()
