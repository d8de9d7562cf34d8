"""The penalty method: descent at a fixed c by hand, the search over c by its rule, each row for itself."""

from __future__ import annotations

import copy
from itertools import pairwise

import numpy as np
import pytest
import torch
from models_for_tests import SmallAutoencoder, images, small_classifier
from numpy.typing import NDArray
from torch import Tensor

from advmi_core import data, models
from advmi_core.attacks import AttackResult, Penalty
from advmi_core.mi.gaussian import gaussian_mi
from advmi_core.mi.per_image.patches import image_patches
from advmi_core.objectives import Classification, Objective, Reconstruction


def _problem(kind: str, count: int = 4) -> tuple[Objective, Tensor]:
    if kind == "supervised":
        model, x = small_classifier(), images(count)
        return Classification(model, copy.deepcopy(model).eval()(x).argmax(1)), x
    return Reconstruction(SmallAutoencoder(conv=False)), images(count, height=12)


def _loss(objective: Objective, x: Tensor, z: Tensor, c: float, weight: float) -> Tensor:
    """c·(f + 0.1·scale)⁺ − s·w·I, summed over the images, straight from the definitions."""
    output, information = objective.model(z), gaussian_mi(image_patches(x), image_patches(z))
    if isinstance(objective, Classification):
        own = torch.nn.functional.one_hot(objective.y, output.shape[1]).bool()
        f = output[own] - output.masked_fill(own, -torch.inf).amax(1)
        return (c * (f + 0.1).clamp_min(0) - weight * information).sum()
    before = (x - objective.model(x)).square().flatten(1).sum(1)
    f = (x - output).square().flatten(1).sum(1) - before
    return (c * (f + 0.1 * before).clamp_min(0) + weight * information).sum()


@pytest.mark.parametrize("kind", ["supervised", "unsupervised"])
def test_one_search_is_projected_gradient_descent_at_a_fixed_c(kind: str) -> None:
    objective, x = _problem(kind)
    eps, c, weight = 0.2, 0.7, 3.0
    attack = Penalty(
        eps=eps, searches=1, steps=12, first_c=c, alpha=0.02, start=0.1, mi="gaussian-patches",
        mi_weight=weight, mi_steps=0,
    )  # fmt: skip
    seen = list(attack.run(objective, x))
    assert 0.05 < float((seen[0].x_adv - x).abs().max()) <= 0.1 + 1e-6
    z = seen[0].x_adv
    for now in seen:
        torch.testing.assert_close(now.x_adv, z, rtol=0, atol=1e-5)
        assert (now.c == torch.tensor(c)).all()
        leaf = z.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(_loss(objective, x, leaf, c, weight), leaf)
        z = torch.minimum(torch.maximum(z - 0.02 * gradient, x - eps), x + eps).clamp(0, 1)
    assert float((seen[-1].x_adv - seen[0].x_adv).abs().max()) > 0.02


def _search_by_hand(won: NDArray[np.bool_], first: float) -> list[float]:
    """The c of every run of one row, in the order that the rule gives, from which runs were successful."""
    c, lower, upper, order = first, 0.0, np.inf, []
    for success in won:
        order.append(c)
        if success:
            upper = c
        else:
            lower = c
        c = 10 * c if upper == np.inf else (lower + upper) / 2
    return order


def _runs(result: AttackResult, attack: Penalty, name: str) -> NDArray[np.float32]:
    """(searches, steps, B) of a history."""
    return result.history[name].reshape(attack.searches, attack.steps, -1)


@pytest.mark.parametrize("kind", ["supervised", "unsupervised"])
def test_the_search_follows_its_rule_on_every_row(kind: str) -> None:
    objective, x = _problem(kind, count=12)
    attack = Penalty(
        eps=1.0, searches=6, steps=15, first_c=0.003, alpha=0.1, start=0.02, mi="gaussian-patches", mi_steps=0
    )
    result = attack(objective, x)
    c, f, mi = (_runs(result, attack, name) for name in ("c", "criterion", "mi"))
    assert (c == c[:, :1]).all()  # fixed inside a run
    if kind == "supervised":
        won = (f <= -1e-4).any(1)
    else:
        scale = objective.on(x).scale.numpy()
        won = ((f <= -1e-5 * scale) & (mi > 0)).any(1)
    for row in range(len(x)):
        np.testing.assert_allclose(c[:, 0, row], _search_by_hand(won[:, row], 0.003), rtol=1e-6)
    assert np.array_equal(won.any(0), result.success.numpy())
    later = c[1:, 0] / c[:-1, 0]
    assert np.isclose(later, 10).any()  # no success so far
    assert (later < 1).any()  # after a success
    assert ((later > 1) & (later < 9)).any()  # between a failure and a success
    assert len(np.unique(c[-1, 0])) > 1  # rows search for themselves


@pytest.mark.parametrize("mi", ["mine-conv", "mine-patches"])
def test_every_search_begins_anew_at_the_same_start_with_critics_alike(mi: str) -> None:
    objective, x = _problem("supervised")
    attack = Penalty(searches=3, steps=4, mi=mi, inner=3, mi_steps=0, first_c=5.0, eps=0.5)
    seen = list(attack.run(objective, x))
    firsts = seen[:: attack.steps]
    for record in firsts[1:]:
        assert torch.equal(record.x_adv, firsts[0].x_adv)
        assert torch.equal(record.mi, firsts[0].mi)
    # c moves between the runs, and with it where they go.
    ends = seen[attack.steps - 1 :: attack.steps]
    assert not any(torch.equal(a.x_adv, b.x_adv) for a, b in pairwise(ends))
    assert [record.step for record in seen] == list(range(1, 13))
    assert {record.total for record in seen} == {12}


def test_keeps_the_largest_mi_of_all_searches() -> None:
    objective, x = _problem("supervised", count=8)
    attack = Penalty(
        eps=0.6, searches=4, steps=20, first_c=0.5, alpha=0.05, mi="gaussian-patches", mi_steps=0
    )
    result = attack(objective, x)
    f, mi = result.history["criterion"], result.history["mi"]
    assert result.success.any()
    for row in result.success.nonzero().flatten().tolist():
        best = int(np.where(f[:, row] <= -1e-4, mi[:, row], -np.inf).argmax())
        assert int(result.best_step[row]) == best + 1
        assert float(result.mi_loop[row]) == mi[best, row]
    assert len({int(step - 1) // attack.steps for step in result.best_step[result.success]}) > 1
    assert (result.queries == attack.iterations + 2).all()


@pytest.mark.parametrize("name", ["cnn", "ae-conv"])
def test_a_row_is_the_same_alone_and_in_a_batch(name: str) -> None:
    shipped, model = data.load("fashion-mnist", split="test"), models.load(name)
    attack = Penalty(eps=0.3, searches=4, steps=6, inner=4, first_c=0.1, mi_steps=5)

    def run(rows: slice) -> AttackResult:
        objective: Objective = Reconstruction(model)
        if name == "cnn":
            objective = Classification(model, shipped.y[rows])
        return attack(objective, shipped.x[rows], rows=range(rows.start, rows.stop))

    whole = run(slice(0, 8))
    assert len(np.unique(whole.history["c"][-1])) > 1 or name != "cnn"
    for row in (2, 5):
        alone = run(slice(row, row + 1))
        torch.testing.assert_close(alone.x_adv[0], whole.x_adv[row], rtol=0, atol=1e-4)
        torch.testing.assert_close(alone.mi[0], whole.mi[row], rtol=0, atol=1e-4)
        np.testing.assert_allclose(alone.history["c"][:, 0], whole.history["c"][:, row], rtol=0, atol=1e-4)


def test_a_closed_run_keeps_the_best_of_the_searches_so_far() -> None:
    objective, x = _problem("supervised")
    attack = Penalty(searches=5, steps=3, first_c=5.0, alpha=0.1, eps=0.6, mi_steps=0)
    run = attack.run(objective, x)
    assert run.total == attack.iterations == 15
    seen = [next(run) for _ in range(7)]
    run.close()
    assert torch.equal(run.result.success, seen[-1].found)
    assert np.isnan(run.result.history["c"][7:]).all()
    assert np.isfinite(run.result.history["c"][:7]).all()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"searches": 0}, "searches must be a whole number ≥ 1, got 0"),
        ({"searches": 2.5}, "searches must be a whole number"),
        ({"first_c": 0}, "first_c must be > 0, got 0"),
        ({"first_c": float("inf")}, "first_c must be a finite number"),
        ({"mi": "mine-magic"}, "mi must be one of mine-conv"),
    ],
)
def test_bad_parameters_are_named(parameters: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Penalty(**parameters)
