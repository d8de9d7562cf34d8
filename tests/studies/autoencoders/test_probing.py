"""Studies of learned features: what is trained on what, killed and resumed, tables by hand, the probes."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import stdtrit

from advmi_core import data, models
from advmi_core.data import ImageSet
from advmi_core.models.networks.simclr import SimCLR
from advmi_core.studies.autoencoders.features import work as probe_work
from advmi_core.studies.autoencoders.features.contrastive import ContrastiveStudy, linear_probe
from advmi_core.studies.autoencoders.features.representation import (
    MICE,
    RepresentationStudy,
    tree_accuracy,
)
from advmi_core.studies.autoencoders.features.results import ProbeResult
from advmi_core.studies.autoencoders.features.study import ProbeStudy
from advmi_core.studies.autoencoders.images import lesson
from advmi_core.studies.autoencoders.records import MakingStep, RetrainStep
from advmi_core.studies.autoencoders.training import TrainingSet

SMALL: dict[str, Any] = {
    "n": 40, "validation": 12, "seeds": (0, 1), "epochs": 2, "batch": 20, "steps": 2, "inner": 1, "part": 25,
}  # fmt: skip
STUDIES = [RepresentationStudy(**SMALL), ContrastiveStudy(**SMALL)]
BY_KIND = pytest.mark.parametrize("study", STUDIES, ids=[study.kind for study in STUDIES])


def image_set(count: int, seed: int, split: str) -> ImageSet:
    """Four classes of smooth images: where the bright blob lies."""
    random = torch.Generator().manual_seed(seed)
    y = torch.randint(0, 4, (count,), generator=random)
    x = 0.3 * torch.rand(count, 1, 28, 28, generator=random)
    for row, label in enumerate(y.tolist()):
        top, left = 14 * (label // 2), 14 * (label % 2)
        x[row, :, top + 3 : top + 11, left + 3 : left + 11] += 0.6
    return ImageSet(x, y, tuple("abcd"), "fashion-mnist", split, "folder")


@pytest.fixture(autouse=True)
def _data(monkeypatch: pytest.MonkeyPatch) -> None:
    sets = {split: image_set(60, seed, split) for seed, split in enumerate(data.SPLITS)}
    monkeypatch.setattr(data, "load", lambda name, split="test": sets[split])


@BY_KIND
def test_whole_study_and_its_records(study: ProbeStudy, tmp_path: Path) -> None:
    before = torch.get_rng_state()
    run = study.run(tmp_path)
    records = list(run)
    result = run.result
    assert result.complete
    assert torch.equal(torch.get_rng_state(), before)
    assert [record.step for record in records] == sorted(record.step for record in records)
    assert records[-1].step == run.total
    first = records[0]
    assert isinstance(first, RetrainStep)
    assert (first.row, first.seed, first.epoch) == ("original", 0, 1)
    ended = [record for record in records if isinstance(record, RetrainStep) and record.metrics]
    assert [(step.row, step.seed, step.protocols) for step in ended] == [
        ("original", 0, ("equal-epochs",)),
        *[(row, 0, both) for row, both in zip(ROWS, SERVED, strict=True)],
        ("original", 1, ("equal-epochs",)),
        *[(row, 1, both) for row, both in zip(ROWS, SERVED, strict=True)],
    ]
    for step in ended:
        assert 0 <= step.metrics["accuracy"] <= 1
        assert math.isfinite(step.validation)
        assert step.used == (0 if step.row == "original" else result.used)
        for protocol in step.protocols:
            values = result.cells[step.row, protocol][study.seeds.index(step.seed)]
            assert values.tolist() == list(step.metrics.values())
    assert {record.row for record in records if isinstance(record, MakingStep)} == {"mine-uae", "gaussian"}
    assert 0 <= result.asr <= 1


@BY_KIND
def test_the_solver_makes_the_uaes_where_it_is_asked(study: ProbeStudy, tmp_path: Path) -> None:
    solved = replace(study, method="solver-uae", steps=8, seeds=(0,))
    assert solved.augmentation("mine-uae", solved.model).attack().name == "minmax-solver"
    result = solved.run(tmp_path).drain()
    assert result.complete
    assert result.asr > 0.5
    assert result.spec["method"] == result.spec["made"]["method"] == "solver-uae"
    with pytest.raises(ValueError, match="method must be one of mine-uae, solver-uae, got 'cutout'"):
        replace(study, method="cutout")


ROWS = ("original", "mine-uae", "gaussian")
SERVED = (("equal-steps",), *[("equal-epochs", "equal-steps")] * 2)


def test_closed_and_resumed_it_computes_nothing_twice(tmp_path: Path) -> None:
    study = STUDIES[0]
    closed = study.run(tmp_path)
    for record in closed:
        if isinstance(record, RetrainStep) and (record.row, record.seed) == ("mine-uae", 0):
            break
    closed.close()
    assert not closed.result.complete
    records = list(study.run(tmp_path))
    found = [record for record in records if isinstance(record, RetrainStep) and record.metrics]
    assert [record.reused for record in found] == [True, True] + [False] * 6
    assert all(record.reused for record in study.run(tmp_path))


@pytest.mark.parametrize("targets", ["self", "original"])
def test_what_rows_learn(targets: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = replace(STUDIES[0], targets=targets, seeds=(0,), only_successful=False)
    seen = []

    class Spy(probe_work.ProbeTraining):
        def __init__(self, model: str, lesson: TrainingSet, **options: Any) -> None:
            seen.append((lesson, options["steps"]))
            super().__init__(model, lesson, **options)

    monkeypatch.setattr(probe_work.ProbeWork, "training", Spy)
    result = study.run(tmp_path).drain()
    (base, short), (original, long), (uae, uae_steps), (noise, noise_steps) = seen
    assert (short, long, uae_steps, noise_steps) == (4, 8, 8, 8)
    train = data.load("fashion-mnist", split="train")
    assert torch.equal(base.x, train.x[:40])
    assert torch.equal(original.x, base.x)
    assert torch.equal(base.validation, train.x[40:52])
    assert result.used == 40
    for learnt in (uae, noise):
        assert torch.equal(learnt.x[:40], base.x)
        assert torch.equal(learnt.targets[:40], base.x)
        assert torch.equal(learnt.targets[40:], learnt.x[40:] if targets == "self" else base.x)
        assert not torch.equal(learnt.x[40:], base.x)
    lengths = [(learnt.x[40:] - base.x).flatten(1).norm(dim=1) for learnt in (uae, noise)]
    torch.testing.assert_close(*lengths, rtol=1e-3, atol=1e-4)


def test_only_successful_ones_are_mixed_in(tmp_path: Path) -> None:
    work = probe_work.ProbeWork(STUDIES[0], tmp_path, torch.device("cpu"))
    made = (("mine-uae", "train"), ("gaussian", "train"))
    for _ in work.records():
        if all(key in work.made for key in made):
            break
    success = torch.arange(40) % 3 == 0
    work.made[made[0]] = replace(work.made[made[0]], success=success)
    for row, split in made:
        mixed = lesson(work.images, work.made[row, split], work.positions(row), "self")
        assert torch.equal(mixed.x[40:], work.made[row, split].x_adv[success])


def result_of(cells: dict[tuple[str, str], np.ndarray], folder: Path) -> ProbeResult:
    return ProbeResult({}, ("mse", "accuracy"), cells, 1.0, 5, True, folder)


def test_table_by_hand(tmp_path: Path) -> None:
    cells = {
        (row, "equal-steps"): np.array([[first, 0.5], [second, 0.6], [third, 0.7]])
        for row, first, second, third in (
            ("original", 1, 2, 4),
            ("mine-uae", 1.5, 2, 3),
            ("gaussian", 1, 1, np.nan),
        )
    }
    table = {(line.row, line.metric): line for line in result_of(cells, tmp_path).table()}
    assert len(table) == 6
    line = table["mine-uae", "mse"]
    differences = np.array([0.5, 0, -1])
    half = stdtrit(2, 0.975) * differences.std(ddof=1) / math.sqrt(3)
    assert line.against_original is not None
    assert (line.mean, line.std, line.seeds) == pytest.approx((6.5 / 3, np.std([1.5, 2, 3], ddof=1), 3))
    assert line.against_original.mean == pytest.approx(-0.5 / 3)
    assert line.against_original.high == pytest.approx(-0.5 / 3 + half)
    assert line.against_gaussian is not None
    assert (line.against_gaussian.n, line.against_gaussian.mean) == (2, pytest.approx(0.75))
    assert table["original", "mse"].against_original is None
    assert table["gaussian", "accuracy"].seeds == 3


def test_trees_see_only_the_selected_inputs() -> None:
    train, test = image_set(80, 3, "train"), image_set(80, 4, "test")
    telling = torch.tensor([28 * 7 + 7, 28 * 7 + 21, 28 * 21 + 7, 28 * 21 + 21])
    blind = torch.tensor([0, 1, 1, 783])
    assert tree_accuracy(telling, train, test) == 1.0
    assert tree_accuracy(blind, train, test) < 0.6
    assert tree_accuracy(telling, replace(train, y=torch.zeros(80, dtype=torch.int64)), test) < 0.6


def test_linear_probe_learns_what_the_representation_holds() -> None:
    train, test = image_set(80, 3, "train"), image_set(80, 4, "test")
    network = models.build("simclr")
    assert isinstance(network, SimCLR)
    brightness = train.x.flatten(1).mean(1)
    easy = [replace(part, x=part.x * (0.25 + 0.25 * part.y[:, None, None, None])) for part in (train, test)]
    assert float(brightness.std()) < 0.05
    assert linear_probe(network, *easy) > 0.9


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"seeds": ()}, "seeds must be at least one"),
        ({"seeds": (1, 1)}, "all different"),
        ({"n": 0}, "n must be a whole number"),
        ({"targets": "other"}, "targets must be one of self, original"),
        ({"mi": "mine"}, "mi must be one of"),
        ({"eps": -1.0}, "eps must be"),
    ],
)
def test_bad_parameters(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        RepresentationStudy(**(SMALL | change))


def test_too_few_images(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"at most the 60 training images of fashion-mnist .* got 55 \+ 12"):
        replace(STUDIES[0], n=55).run(tmp_path)


def test_the_table_of_proteins_is_used_up_by_its_settings() -> None:
    assert MICE.n + MICE.validation == data.CATALOG["mice-protein"].sizes["train"]
