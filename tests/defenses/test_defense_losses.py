"""Losses against slow evaluations of the printed formulas; gradients against finite differences."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from advmi_core.defenses import losses
from advmi_core.mi.local.dim import build_local_dim, local_dv, selected
from advmi_core.mi.local.estimators import InformationSplit, LocalEstimators

B, C = 7, 5


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


CLEAN, ATTACKED = 2 * draw(B, C), 2 * draw(B, C, seed=1)
Y = torch.tensor([0, 1, 2, 3, 4, 0, 1])


def softmax(row: list[float]) -> list[float]:
    total = sum(math.exp(value) for value in row)
    return [math.exp(value) / total for value in row]


def kl(p: list[float], q: list[float]) -> float:
    return sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))


def slow_trades(weight: float) -> float:
    total = 0.0
    for j in range(B):
        p, q = softmax(CLEAN[j].tolist()), softmax(ATTACKED[j].tolist())
        total += -math.log(p[int(Y[j])]) + weight * kl(p, q)
    return total / B


def slow_mart(weight: float) -> float:
    total = 0.0
    for j in range(B):
        p, q, y = softmax(CLEAN[j].tolist()), softmax(ATTACKED[j].tolist()), int(Y[j])
        rival = max(value for k, value in enumerate(q) if k != y)
        total += -math.log(q[y]) - math.log(1 - rival) + weight * kl(p, q) * (1 - p[y])
    return total / B


def test_trades_and_mart_as_printed() -> None:
    assert float(losses.trades(CLEAN, ATTACKED, Y)) == pytest.approx(slow_trades(6.0), abs=1e-9)
    assert float(losses.mart(CLEAN, ATTACKED, Y, 2.5)) == pytest.approx(slow_mart(2.5), abs=1e-9)
    by_hand = -sum(math.log(softmax(ATTACKED[j].tolist())[int(Y[j])]) for j in range(B)) / B
    assert float(losses.standard(None, ATTACKED, Y)) == pytest.approx(by_hand, abs=1e-9)


def test_mart_is_finite_where_the_model_is_sure_and_wrong() -> None:
    sure = torch.zeros(1, 3)
    sure[0, 2] = 200.0
    value = losses.mart(torch.zeros(1, 3), sure, torch.tensor([0]))
    assert math.isfinite(float(value))
    assert float(value) > 390  # −log p_y and −log(1 − p_rival) are 200 nats each


@pytest.mark.parametrize("loss", [losses.trades, losses.mart])
def test_gradients_of_the_base_losses(loss: object) -> None:
    inputs = (CLEAN.clone().requires_grad_(), ATTACKED.clone().requires_grad_())
    assert torch.autograd.gradcheck(lambda a, b: loss(a, b, Y), inputs)  # type: ignore[operator]


def slow_dv(local: Tensor, codes: Tensor, own: list[int]) -> list[float]:
    """The printed formula, location by location and negative by negative."""
    values = []
    for pattern, j in zip(local.tolist(), own, strict=True):
        total = 0.0
        for place in pattern:
            score = [sum(a * b for a, b in zip(place, code, strict=True)) for code in codes.tolist()]
            others = sum(math.exp(score[i]) for i in range(len(score)) if i != j)
            total += score[j] - (math.log(others) - math.log(len(score) - 1))
        values.append(total / len(pattern))
    return values


def test_dv_as_printed_for_all_and_for_some_rows() -> None:
    local, codes = draw(B, 3, 4), draw(B, 4, seed=1)
    assert local_dv(local, codes).tolist() == pytest.approx(slow_dv(local, codes, list(range(B))), abs=1e-9)
    rows = torch.tensor([5, 2])
    some = local_dv(local[rows], codes, rows)
    assert some.tolist() == pytest.approx(slow_dv(local[rows], codes, [5, 2]), abs=1e-9)


def test_dv_of_a_constant_critic_and_of_a_lone_row_is_zero() -> None:
    constant = local_dv(draw(B, 3, 4), torch.ones(B, 4, dtype=torch.float64))
    assert constant.abs().max() < 1e-12
    assert torch.equal(local_dv(draw(1, 3, 4), draw(1, 4)), torch.zeros(1, dtype=torch.float64))


def test_dv_permutes_with_the_batch_and_ignores_a_constant() -> None:
    local, codes, order = draw(B, 3, 4), draw(B, 4, seed=1), torch.randperm(B)
    assert torch.allclose(local_dv(local[order], codes[order]), local_dv(local, codes)[order])
    wide = torch.cat([local, torch.full((B, 3, 1), 2.0, dtype=torch.float64)], dim=2)
    lifted = torch.cat([codes, torch.full((B, 1), 5.0, dtype=torch.float64)], dim=1)  # all scores + 10
    assert torch.allclose(local_dv(wide, lifted), local_dv(local, codes))


def test_gradient_of_dv() -> None:
    inputs = (draw(3, 2, 4).requires_grad_(), draw(5, 4, seed=1).requires_grad_())
    rows = torch.tensor([4, 0, 2])
    assert torch.autograd.gradcheck(lambda local, codes: local_dv(local, codes, rows), inputs)


def slow_term(values: InformationSplit, penalty: float) -> float:
    nx, na, ax, aa = (
        vector.tolist()
        for vector in (values.natural_x, values.natural_adv, values.adversarial_x, values.adversarial_adv)
    )

    def cosine(u: list[float], v: list[float]) -> float:
        dot = sum(a * b for a, b in zip(u, v, strict=True))
        return dot / math.sqrt(sum(a * a for a in u)) / math.sqrt(sum(b * b for b in v))

    gap = sum(a - n for a, n in zip(aa, na, strict=True)) / len(na)
    return abs(1 - cosine(na, nx)) + abs(1 - cosine(aa, ax)) + penalty * gap


def split_of(rows: int) -> InformationSplit:
    return InformationSplit(*(draw(rows, seed=seed) for seed in range(4)))


def test_namid_term_as_printed() -> None:
    values = split_of(6)
    assert float(losses.namid_term(values, 0.1)) == pytest.approx(slow_term(values, 0.1), abs=1e-9)


def test_one_selected_row_leaves_the_penalty_alone() -> None:
    values = split_of(1)
    expected = 0.3 * float(values.adversarial_adv - values.natural_adv)
    assert float(losses.namid_term(values, 0.3)) == pytest.approx(expected)


def estimators(seed: int = 0) -> LocalEstimators:
    made = {
        kind: build_local_dim((1, 12, 12), C, units=8, kind=kind, seed=seed + place).double()
        for place, kind in enumerate(("natural", "adversarial", "standard"))
    }
    return LocalEstimators(**made).to("cpu")


def images(seed: int) -> Tensor:
    return torch.rand(B, 1, 12, 12, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_gradient_of_the_whole_term_through_the_logits() -> None:
    both, x, x_adv, rows = estimators(), images(0), images(1), torch.tensor([0, 3, 4])

    def term(clean: Tensor, attacked: Tensor) -> Tensor:
        return losses.namid_term(both.split(x, x_adv, clean, attacked, rows), 0.1)

    inputs = (CLEAN.clone().requires_grad_(), ATTACKED.clone().requires_grad_())
    assert torch.autograd.gradcheck(term, inputs)
    assert all(weight.grad is None for weight in both.natural.parameters())


def test_selected_rows_are_what_they_are_among_all() -> None:
    both, x, x_adv, rows = estimators(), images(0), images(1), torch.tensor([6, 1, 3])
    whole = both.split(x, x_adv, CLEAN, ATTACKED)
    some = both.split(x, x_adv, CLEAN, ATTACKED, rows)
    for name in ("natural_x", "natural_adv", "adversarial_x", "adversarial_adv"):
        assert torch.allclose(getattr(some, name), getattr(whole, name)[rows])
    assert torch.allclose(whole.natural_adv, both.natural(x, ATTACKED))
    assert torch.allclose(whole.adversarial_x, both.adversarial(x_adv - x, CLEAN))


def test_selection_is_by_the_largest_class_and_not_by_the_largest_row() -> None:
    clean = torch.tensor([[9.0, 1.0], [3.0, 4.0], [1.0, 0.0], [0.0, 1.0]])
    attacked = torch.tensor([[0.0, 1.0], [3.0, 4.0], [6.0, 7.0], [1.0, 2.0]])
    y = torch.tensor([0, 1, 0, 0])
    assert selected(clean, attacked, y).tolist() == [True, False, True, False]
    # Softmax over the batch axis, as in public code, calls row 2 wrong on x already.
    assert clean.softmax(0).argmax(1).tolist()[2] != 0


def test_divergence_is_zero_only_for_equal_logits() -> None:
    assert losses.divergence(CLEAN, CLEAN + 3).abs().max() < 1e-12
    assert (losses.divergence(CLEAN, ATTACKED) > 0).all()
    by_torch = functional.kl_div(ATTACKED.log_softmax(1), CLEAN.softmax(1), reduction="none").sum(1)
    assert torch.allclose(losses.divergence(CLEAN, ATTACKED), by_torch)
