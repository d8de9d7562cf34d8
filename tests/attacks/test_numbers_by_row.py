"""ε and the weight by row: each row is a run of its own, and numbers for other rows are refused."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from advmi_core import data, models
from advmi_core.attacks import ATTACKS, PGD, MinMax
from advmi_core.attacks.core.together import together
from advmi_core.data import ImageSet
from advmi_core.objectives import Classification, Objective, Reconstruction

QUICK = MinMax(eps=0.3, steps=20, mi_steps=0)


def _shown(count: int) -> ImageSet:
    return data.load("fashion-mnist", split="test", download=False).take(range(count))


def _classification(shown: ImageSet) -> Classification:
    return Classification(models.load("cnn"), shown.y)


def _rows(kind: str) -> tuple[Objective, Tensor]:
    shown = _shown(3)
    if kind == "supervised":
        return _classification(shown), shown.x
    return Reconstruction(models.load("ae-dense")), shown.x


@pytest.mark.parametrize("quantize", [False, True])
@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("kind", ["supervised", "unsupervised"])
def test_a_row_of_its_own_numbers_is_a_run_of_its_own(kind: str, norm: str, quantize: bool) -> None:
    objective, x = _rows(kind)
    eps, weight = ((0.3, 0.05, 0.2) if norm == "linf" else (3.0, 0.4, 1.0)), (-2.0, 0.0, 3.0)
    attack = replace(QUICK, norm=norm, quantize=quantize)
    many = replace(attack, eps=torch.tensor(eps), mi_weight=weight)(objective, x)  # type: ignore[arg-type]
    delta = (many.x_adv - x).flatten(1)
    assert (delta.norm(float("inf") if norm == "linf" else 2, dim=1) <= torch.tensor(eps) + 1e-6).all()
    for row in range(3):
        single = replace(attack, eps=eps[row], mi_weight=weight[row])
        alone = single(_own(objective, row), x[row : row + 1], rows=[row])
        # A pixel halfway between two grey levels may be rounded to either.
        far = 1 / 255 + 1e-4 if quantize else 1e-4
        torch.testing.assert_close(many.x_adv[row], alone.x_adv[0], atol=far, rtol=0)
        assert float((many.x_adv[row] - alone.x_adv[0]).abs().mean()) < 1e-4
        assert bool(many.success[row]) == bool(alone.success[0])
        assert float(many.information[row]) == pytest.approx(float(alone.information[0]), rel=1e-3, abs=1e-3)


def _own(objective: Objective, row: int) -> Objective:
    if isinstance(objective, Classification):
        return Classification(models.load("cnn"), objective.y[row : row + 1])
    return objective


def test_parts_of_a_batch_take_the_numbers_of_their_rows() -> None:
    shown = _shown(7)
    attack = replace(QUICK, eps=np.linspace(0.05, 0.3, 7), mi_weight=list(range(-3, 4)))  # type: ignore[arg-type]
    whole = attack(_classification(shown), shown.x)
    parts = replace(attack, batch_size=3)(_classification(shown), shown.x)
    torch.testing.assert_close(parts.x_adv, whole.x_adv, atol=1e-4, rtol=0)
    assert torch.equal(parts.success, whole.success)
    assert (whole.linf <= torch.tensor(attack.eps) + 1e-6).all()


def test_several_people_s_batches_take_the_numbers_of_their_rows() -> None:
    shown = _shown(4)
    tasks = [(_classification(part), part.x) for part in (shown.take([0, 1]), shown.take([2, 3]))]
    attack = replace(QUICK, eps=(0.05, 0.3), mi_weight=(1.0, -1.0))  # type: ignore[arg-type]
    for run, (objective, x) in zip(together(attack, tasks), tasks, strict=True):
        list(run)
        alone = attack(objective, x)
        torch.testing.assert_close(run.result.x_adv, alone.x_adv, atol=1e-4, rtol=0)
        assert torch.equal(run.result.success, alone.success)


@pytest.mark.parametrize("name", ["eps", "mi_weight"])
def test_numbers_of_other_rows_are_refused(name: str) -> None:
    shown = _shown(3)
    attack = replace(QUICK, **{name: [0.1, 0.2]})
    wanted = f"{name} must be one number or 3, one for each row, got 2"
    with pytest.raises(ValueError, match=wanted):
        attack(_classification(shown), shown.x)
    with pytest.raises(ValueError, match=wanted):
        together(attack, [(_classification(shown), shown.x)])


@pytest.mark.parametrize(
    ("numbers", "message"),
    [({"eps": [0.1, -1.0]}, "every eps must be ≥ 0"), ({"eps": []}, "eps must hold at least one number"),
     ({"mi_weight": [0.0, float("nan")]}, "every mi_weight must be a finite number"),
     ({"mi_weight": float("inf")}, "mi_weight must be a finite number"), ({"aim": -1.0}, "aim must be ≥ 0"),
     ({"mi_weight": torch.zeros(2, 2)}, "mi_weight must be"), ({"eps": "wide"}, "eps must be")],
)  # fmt: skip
def test_numbers_that_are_none_are_refused(numbers: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MinMax(**numbers)


@pytest.mark.parametrize("name", sorted(set(ATTACKS) - {"minmax-solver"}))
def test_attacks_without_rows_say_so(name: str) -> None:
    for number in ("eps", "mi_weight"):
        attack = ATTACKS[name]
        if number in attack.by_row or not hasattr(attack, number):
            continue
        with pytest.raises(ValueError, match=f"{number} must be one number for {name}"):
            attack(**{number: [0.1, 0.2]})


def test_pgd_takes_radii_by_row() -> None:
    shown = _shown(3)
    eps = torch.tensor([0.02, 0.1, 0.3])
    result = PGD(eps=eps, steps=5, mi_steps=0)(_classification(shown), shown.x)  # type: ignore[arg-type]
    assert (result.linf <= eps + 1e-6).all()
    assert (result.linf > 0.5 * eps).all()


@pytest.mark.parametrize("attack", [
    replace(QUICK, eps=(0.1, 0.2), mi_weight=[-1, 2.5]), replace(QUICK, eps=torch.tensor([0.1, 0.2])),
    QUICK, MinMax(mi_weight=np.float32(0.5)), MinMax(eps=np.array([0.1]), aim=0.3),
])  # fmt: skip
def test_parameters_survive_json(attack: MinMax) -> None:
    spec = attack.spec()
    assert json.loads(json.dumps(spec)) == spec
    name = spec.pop("attack")
    assert ATTACKS[name](**spec) == attack
    assert hash(ATTACKS[name](**spec)) == hash(attack)
