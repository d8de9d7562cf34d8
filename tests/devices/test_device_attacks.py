"""Every attack on a second device: nothing mixes, nothing is float64, and the CPU finds the same."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from simulated import simulated
from small_networks import Darkener, classifier, images

from advmi_core.attacks import ATTACKS, Attack, AttackResult
from advmi_core.attacks.core.mi_term import MI_TERMS
from advmi_core.augmentation import METHODS, augment
from advmi_core.objectives import Classification, Objective, Reconstruction

QUICK: dict[str, dict[str, Any]] = {
    "minmax": {"alpha": 0.3, "beta": 1.0, "warmup": 1},
    "penalty": {"alpha": 0.3, "first_c": 1.0, "searches": 2},
    "cw": {"step_size": 0.05, "first_c": 10.0, "searches": 2},
    "autoattack": {"targets": 2, "queries": 6},
    "ti-dim": {"step_size": 0.05, "kernel": 3},
}
WITH_TERM = ("minmax", "penalty")
BALLS = [(name, norm, None) for name in sorted(ATTACKS) for norm in ATTACKS[name].norms()]
TERMS = [(name, "linf", term) for name in WITH_TERM for term in MI_TERMS if term != "mine-conv"]


def attack(name: str, norm: str, term: str | None, **parameters: Any) -> Attack:
    given = {"steps": 2, "eps": 0.3, "norm": norm, "mi_steps": 1, **QUICK.get(name, {}), **parameters}
    return ATTACKS[name](**given, **({} if term is None else {"mi": term}))


def objective(kind: str, where: str) -> Objective:
    if kind == "reconstruction":
        return Reconstruction(Darkener().to(where))
    network = classifier()
    y = network(images()).argmax(1)
    target = (y + 1) % 4 if kind == "targeted" else None
    return Classification(network.to(where), y, target=target)


def same(here: AttackResult, there: AttackResult) -> None:
    """Equal verdicts and values; what is handed back lies where the images were given."""
    assert there.x_adv.device.type == "cpu"
    assert torch.equal(here.success, there.success)
    assert torch.equal(here.queries, there.queries)
    for name in ("x_adv", "criterion", "mi", "mi_loop", "linf", "l2"):
        ours, theirs = getattr(here, name), getattr(there, name)
        torch.testing.assert_close(theirs, ours, rtol=1e-4, atol=1e-4, equal_nan=True, msg=name)


@pytest.mark.fault("G2")
@pytest.mark.fault("G4")
@pytest.mark.parametrize(("name", "norm", "term"), [*BALLS, *TERMS])
def test_attacks_agree_with_the_cpu(name: str, norm: str, term: str | None) -> None:
    chosen, x = attack(name, norm, term), images()
    here = chosen(objective("classification", "cpu"), x)
    for kind in ("cuda", "mps"):
        with simulated(kind):
            same(here, chosen(objective("classification", kind), x))


@pytest.mark.fault("G2")
@pytest.mark.parametrize("pursued", ["classification", "reconstruction", "targeted"])
@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("quantize", [False, True])
def test_numbers_by_row_agree_with_the_cpu(pursued: str, norm: str, quantize: bool) -> None:
    numbers = {"eps": (0.3, 0.1, 0.2), "mi_weight": (-1.0, 0.0, 2.0), "steps": 6, "quantize": quantize}
    chosen, x = attack("minmax-solver", norm, None, **numbers), images()
    here = chosen(objective(pursued, "cpu"), x)
    for kind in ("cuda", "mps"):
        with simulated(kind):
            same(here, chosen(objective(pursued, kind), x))


@pytest.mark.parametrize("pursued", ["reconstruction", "targeted"])
@pytest.mark.parametrize("parameters", [{"quantize": True}, {"inner": 2, "critic": "paper"}])
def test_other_objectives_agree_with_the_cpu(pursued: str, parameters: dict[str, Any]) -> None:
    chosen, x = attack("minmax", "l2", None, **parameters), images()
    here = chosen(objective(pursued, "cpu"), x)
    with simulated("mps"):
        same(here, chosen(objective(pursued, "mps"), x))


def test_records_are_on_the_cpu(kind: str) -> None:
    with simulated(kind):
        steps = list(attack("minmax", "linf", None).run(objective("classification", kind), images()))
        assert steps[-1].x_adv.device.type == steps[-1].found.device.type == "cpu"


def test_images_may_lie_on_the_device(kind: str) -> None:
    with simulated(kind):
        result = attack("pgd", "linf", None)(objective("classification", kind), images().to(kind))
        assert result.x_adv.device.type == result.mi.device.type == kind


@pytest.mark.fault("G2")
@pytest.mark.parametrize("method", METHODS)
def test_new_images_agree_with_the_cpu(method: str, kind: str) -> None:
    how: dict[str, Any] = {"steps": 3, "inner": 1, "alpha": 0.1, "part": 2, "warmup": 1}
    how |= {"l2": 2.0} if method == "gaussian" else {}
    here = augment(method, Darkener(), images(), **how)
    with simulated(kind):
        there = augment(method, copy.deepcopy(Darkener()).to(kind), images(), **how)
    assert torch.equal(here.success, there.success)
    torch.testing.assert_close(there.x_adv, here.x_adv, rtol=0, atol=1e-4)
    if method == "gaussian":
        assert torch.equal(there.x_adv, here.x_adv)  # drawn and measured on the CPU for every device
