"""Trainings on a second device: the same weights as on the CPU, up to rounding."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from simulated import simulated
from torch import Tensor, nn

from advmi_core import data, models
from advmi_core.attacks import FWA, PGD
from advmi_core.data import ImageSet
from advmi_core.defenses import DefenseSpec, train_defense
from advmi_core.evaluation import robust_accuracy
from advmi_core.mi.local.dim import KINDS, build_local_dim
from advmi_core.mi.local.estimators import LocalEstimators
from advmi_core.studies.autoencoders import RetrainingStudy
from advmi_core.studies.autoencoders.features.contrastive import ContrastiveStudy
from advmi_core.studies.autoencoders.features.representation import RepresentationStudy
from advmi_core.studies.defence import DefenceStudy
from advmi_core.studies.defence import attacks as lesson_attacks

NAMES = ("cnn", "resnet18-w8", "ae-dense", "ae-sparse", "ae-conv", "ae-adversarial", "ae-concrete", "simclr")
SHAPE = (1, 16, 16)
TINY: dict[str, Any] = {
    "n": 12,
    "validation": 6,
    "seeds": (0,),
    "epochs": 1,
    "batch": 6,
    "steps": 2,
    "part": 8,
}


STRICT = "mps"  # what runs on it has met all that a CUDA device refuses, and has no float64


def image_set(count: int, seed: int, shape: tuple[int, ...] = (1, 28, 28)) -> ImageSet:
    """Three classes told apart by their brightness."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.arange(count) % 3
    x = 0.4 * torch.rand(count, *shape, generator=generator) + 0.3 * y[:, None, None, None]
    return ImageSet(x, y, ("dark", "grey", "light"), "fashion-mnist", "train", "folder", True)


@pytest.fixture
def _small_data(monkeypatch: pytest.MonkeyPatch) -> None:
    sets = {split: image_set(24, seed) for seed, split in enumerate(data.SPLITS)}
    monkeypatch.setattr(data, "load", lambda name, split="test": sets[split])


def close(one: nn.Module, two: nn.Module, atol: float = 2e-4) -> None:
    """Equal weights, wherever they lie."""
    ours: dict[str, Tensor] = one.state_dict()
    for name, value in two.state_dict().items():
        torch.testing.assert_close(value.cpu(), ours[name].cpu(), rtol=1e-3, atol=atol, msg=name)


@pytest.mark.parametrize(("name", "kind"), [("cnn", "cuda"), *((name, STRICT) for name in NAMES)])
def test_models_learn_the_same(name: str, kind: str) -> None:
    spec = replace(models.default_spec(name), epochs=1, batch=6, validation=0.2)
    sets = {"images": image_set(14, 1), "test": image_set(6, 2)}
    here = models.train(spec, **sets).drain()
    with simulated(kind):
        there = models.train(spec, **sets, device=kind).drain()
        close(here.network, there.network)


DEFENCES = [
    ("standard", "cuda"),
    *((name, STRICT) for name in ("namid", "wmim", "trades", "mart", "namid-m")),
]


@pytest.mark.parametrize(("defense", "kind"), DEFENCES)
def test_defences_learn_the_same(defense: str, kind: str) -> None:
    made = [build_local_dim(SHAPE, 3, units=8, kind=each, seed=n) for n, each in enumerate(KINDS)]
    estimators = LocalEstimators(*made).to("cpu")
    spec = DefenseSpec(
        defense=defense, model="resnet18-w8", epochs=1, batch=6, lr=0.05, eps=0.2, steps=2, crop=1
    )
    sets = {"images": image_set(8, 1, SHAPE), "test": image_set(6, 2, SHAPE)}
    needed = estimators if spec.method.term else None
    here = train_defense(spec, estimators=needed, **sets).drain()
    with simulated(kind):
        there = train_defense(spec, estimators=needed, **sets, device=kind).drain()
        close(here.network, there.network, 2e-3)
        assert there.history[-1].clean == here.history[-1].clean


@pytest.mark.fault("G1")
@pytest.mark.fault("G4")
@pytest.mark.usefixtures("_small_data")
def test_a_lesson_runs_where_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def short(eps: float, seed: int) -> dict[str, Any]:
        given: dict[str, Any] = {"eps": eps, "seed": seed, "steps": 2, "mi_steps": 0}
        return {"PGD-10": PGD(loss="ce", **given), "FWA-10": FWA(**given)}

    monkeypatch.setattr(lesson_attacks, "attacks", short)
    lesson = DefenceStudy(n=24, measured=6, epochs=1, batch=10, steps=1, units=8, first=1, optimised=1)
    here = lesson.run(tmp_path / "here", device="cpu").drain()
    with simulated(STRICT):
        there = lesson.run(tmp_path / "there").drain()
        again = lesson.run(tmp_path / "there").drain()
    assert there.complete
    assert again.complete
    # Its folders say that they are not a CPU's.
    names = ({path.name for path in (tmp_path / where).iterdir()} for where in ("here", "there"))
    assert not set.intersection(*names)
    for mine, its in zip(_measured(here), _measured(there), strict=True):
        torch.testing.assert_close(its.standard_x, mine.standard_x, rtol=1e-2, atol=1e-2)


def _measured(result: Any) -> list[Any]:
    return [step.measured for step in result.steps if step.measured is not None]


@pytest.mark.fault("G1")
@pytest.mark.fault("G4")
@pytest.mark.usefixtures("_small_data")
@pytest.mark.parametrize("study", [ContrastiveStudy(inner=1, **TINY), RepresentationStudy(inner=1, **TINY)])
def test_studies_of_features_run_where_they_are_told(study: Any, tmp_path: Path) -> None:
    here = study.run(tmp_path / "here", device="cpu").drain()
    with simulated(STRICT):
        there = study.run(tmp_path / "there").drain()
    assert there.complete
    assert there.spec["device"] == STRICT
    assert there.cells.keys() == here.cells.keys()
    for cell, values in here.cells.items():
        assert there.cells[cell] == pytest.approx(values, rel=1e-3, nan_ok=True), cell


@pytest.mark.usefixtures("_small_data")
def test_a_retraining_study_finds_the_same(tmp_path: Path) -> None:
    study = RetrainingStudy(
        models=("ae-dense",), rows=("original", "mine-uae-patches", "gaussian"), measured="validation",
        inner=1, asr_images=4, device="cpu", **TINY,
    )  # fmt: skip
    here = study.run(tmp_path / "here").drain()
    with simulated(STRICT):
        there = replace(study, device=STRICT).run(tmp_path / "there").drain()
    for mine, its in zip(here.table(), there.table(), strict=True):
        assert (its.row, its.protocol, its.used) == (mine.row, mine.protocol, mine.used)
        assert its.mean == pytest.approx(mine.mean, rel=1e-3)


def test_a_robustness_table_finds_the_same() -> None:
    network, chosen = models.build("cnn", seed=0).freeze(), image_set(5, 3)
    attacks = {"PGD": PGD(eps=0.1, steps=2, mi_steps=0)}
    here = robust_accuracy(network, chosen.x, chosen.y, attacks, batch=3).drain()
    with simulated(STRICT):
        there = robust_accuracy(network.to(STRICT), chosen.x, chosen.y, attacks, batch=3).drain()
    assert {name: right.tolist() for name, right in here.right.items()} == {
        name: right.tolist() for name, right in there.right.items()
    }
