"""What a sweep may be, and that its spec says everything."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from advmi_core.attacks import ATTACKS
from advmi_core.attacks.core.ball import UNBOUNDED
from advmi_core.studies.sweep import PRESETS, Cell, Method, Sweep

PGD = Method(name="pgd", attack="pgd", parameters={"steps": 3}, eps=(0.1, 0.3))


def test_spec_round_trips_through_json(tiny: Sweep) -> None:
    spec = tiny.spec()
    assert json.loads(json.dumps(spec)) == spec
    assert Sweep.from_spec(spec) == tiny
    assert Sweep.from_spec(spec).spec() == spec


@pytest.mark.parametrize(
    "change",
    [
        {"n": 12},
        {"seed": 1},
        {"shard": 5},
        {"name": "other"},
        {"model": "ae-dense"},
        {"methods": (PGD,)},
        {"methods": (replace(PGD, parameters={"steps": 3, "random_start": False}),)},
    ],
)
def test_everything_that_a_result_depends_on_is_in_the_spec(change: dict[str, Any], tiny: Sweep) -> None:
    assert replace(tiny, **change).spec() != tiny.spec()


def test_the_images_and_weights_are_hashed(tiny: Sweep) -> None:
    spec = tiny.spec()
    assert len(spec["images"]) == len(spec["weights"]) == 64
    assert replace(tiny, n=10).spec()["images"] != spec["images"]
    assert replace(tiny, model="ae-dense").spec()["weights"] != spec["weights"]


def test_cells_and_their_attacks() -> None:
    sweep = Sweep(methods=(PGD, replace(PGD, name="PGD_2", eps=(1e-5,))), seed=4)
    assert [cell.id for cell in sweep.cells] == ["pgd-eps0.1", "pgd-eps0.3", "PGD_2-eps1e-05"]
    attack = sweep.attack(Cell("pgd", 0.3))
    assert attack == ATTACKS["pgd"](steps=3, eps=0.3, seed=4)
    with pytest.raises(ValueError, match=r"cell must be one of pgd-eps0.1.*\(method='pgd', eps=0.2\)"):
        sweep.attack(Cell("pgd", 0.2))


def test_whole_radii_are_the_same_as_broken_ones() -> None:
    assert replace(PGD, eps=(1,)) == replace(PGD, eps=(1.0,))


def test_presets_are_what_they_promise() -> None:
    talk, smoke = PRESETS["talk"], PRESETS["smoke"]
    assert talk.n == 1000
    radii = {method.name: method.eps for method in talk.methods}
    shortest = [radii.pop(name) for name in ("cw", "ddn")]
    assert shortest == [(UNBOUNDED,)] * 2
    assert radii.pop("penalty") == (0.3,)
    assert radii == dict.fromkeys(("minmax-solver", "minmax", "pgd"), (0.05, 0.1, 0.2, 0.3, 0.5))
    for cell in talk.cells:
        attack = talk.attack(cell)
        assert attack.name == cell.method
        assert (attack.norm == "l2") == (cell.eps == UNBOUNDED)
        assert attack.steps == (50 if cell.eps == UNBOUNDED else 200)
    assert len(smoke.cells) * -(-smoke.n // smoke.shard) >= 8
    assert all(name == preset.name for name, preset in PRESETS.items())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "../up"}, "a method's name must be up to 64 letters, digits, - and _"),
        ({"name": ""}, "a method's name must be up to 64 letters"),
        ({"name": "a.b"}, "a method's name must be up to 64 letters"),
        ({"attack": "cw9"}, "attack must be one of minmax"),
        ({"eps": ()}, "eps must be a tuple of different radii, at least one, got ()"),
        ({"eps": (0.1, 0.1)}, "eps must be a tuple of different radii"),
        ({"eps": 0.1}, "eps must be a tuple of different radii, at least one, got 0.1"),
        ({"eps": ([0.1],)}, "eps must be a finite number, got [0.1]"),
        ({"eps": (-0.1,)}, "eps must be ≥ 0, got -0.1"),
        ({"eps": (float("nan"),)}, "eps must be a finite number, got nan"),
        ({"parameters": {"stepz": 3}}, "parameters of pgd must be among"),
        ({"parameters": {"eps": 0.3}}, "got 'eps'"),
        ({"parameters": {"seed": 3}}, "got 'seed'"),
        ({"parameters": {"steps": 0}}, "steps must be a whole number ≥ 1, got 0"),
        ({"parameters": {"steps": [1]}}, "parameter steps must be a number, a word, bool or None, got [1]"),
        ({"parameters": {"loss": "hinge"}}, "loss must be one of margin, ce, got 'hinge'"),
        ({"parameters": 3}, "parameters must be a mapping, got 3"),
    ],
)
def test_a_bad_method_is_one_sentence(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 the message is compared below
        Method(**({"name": "pgd", "attack": "pgd"} | change))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "a b"}, "name must be up to 64 letters, digits, - and _"),
        ({"dataset": "imagenet"}, "dataset must be one of"),
        ({"split": "validation"}, "split must be one of train, test, got 'validation'"),
        ({"model": "vgg"}, "model must be one of"),
        ({"n": 0}, "n must be a whole number ≥ 1, got 0"),
        ({"n": 10.0}, "n must be a whole number ≥ 1, got 10.0"),
        ({"seed": -1}, "seed must be a whole number ≥ 0, got -1"),
        ({"shard": 0}, "shard must be a whole number ≥ 1, got 0"),
        ({"methods": ()}, "methods must be a tuple of Method, at least one, got ()"),
        ({"methods": ("pgd",)}, "methods must be a tuple of Method, got str in it"),
        ({"methods": (PGD, PGD)}, "methods must have different names and radii, got pgd-eps0.1 twice"),
        ({"methods": (PGD, replace(PGD, name="PGD"))}, "methods must have different names and radii"),
    ],
)
def test_a_bad_sweep_is_one_sentence(change: dict[str, Any], message: str, tiny: Sweep) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 the message is compared below
        replace(tiny, **change)
    assert message in str(caught.value)


@pytest.mark.parametrize("n", [100_000, 1001])
def test_more_images_than_there_are(n: int, tiny: Sweep, tmp_path) -> None:
    with pytest.raises(ValueError, match=f"n must be at most 1000, the test images of .*got {n}"):
        replace(tiny, n=n).run(tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_attack_that_the_model_does_not_allow_is_refused_before_anything_is_computed(tmp_path) -> None:
    method = Method(name="ce", attack="pgd", parameters={"loss": "ce"})
    with pytest.raises(ValueError, match='loss="ce" needs a Classification objective, got Reconstruction'):
        Sweep(model="ae-dense", methods=(method,), n=4).run(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("spec", [{}, [], None, {"name": "x"}, 7])
def test_something_else_is_no_spec(spec: Any) -> None:
    with pytest.raises(ValueError, match="not a sweep's spec"):
        Sweep.from_spec(spec)


def test_a_spec_with_unreadable_methods(tiny: Sweep) -> None:
    for methods in (None, [3], [{"name": "x"}], [{"name": "x", "attack": "pgd", "eps": [0.1], "more": 1}]):
        with pytest.raises(ValueError, match="not a sweep's spec: methods cannot be read"):
            Sweep.from_spec(tiny.spec() | {"methods": methods})
