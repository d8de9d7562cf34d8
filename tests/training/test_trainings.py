"""What every training promises: models, defences, estimators and retrainings stand on one loop."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from advmi_core import models
from advmi_core.data import ImageSet
from advmi_core.defenses import DefenseSpec, EstimatorSpec, train_defense, train_estimators
from advmi_core.mi.local.dim import KINDS
from advmi_core.models import CheckpointError, Classifier, TrainingError
from advmi_core.models.training.trainer import TrainResult
from advmi_core.run import Run
from advmi_core.studies.autoencoders.training import Training, TrainingSet

SHAPE = (1, 16, 16)


def pictures(count: int, seed: int) -> ImageSet:
    """Three classes told apart by their brightness."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.arange(count) % 3
    x = 0.4 * torch.rand(count, *SHAPE, generator=generator) + 0.3 * y[:, None, None, None]
    return ImageSet(x, y, ("dark", "grey", "light"), "fashion-mnist", "train", "folder", True)


TRAIN, TEST = pictures(44, 1), pictures(9, 2)
TARGET = models.build("cnn", SHAPE, 3)
assert isinstance(TARGET, Classifier)


def model(out: Path | None, images: ImageSet, **changes: Any) -> Run[Any, Any]:
    """Three epochs of three steps: 40 images to train on, 4 held out."""
    usual = {"epochs": 3, "batch": 14, "warmup": 0.0, "flip": True}
    spec = replace(models.default_spec(changes.pop("model", "ae-dense")), **(usual | changes))
    return models.train(spec, out, images=images, test=TEST, record_every=1)


def defence(out: Path | None, images: ImageSet, **changes: Any) -> Run[Any, Any]:
    usual = {"epochs": 3, "batch": 12, "lr": 0.05, "eps": 0.2, "steps": 1, "crop": 1}
    spec = DefenseSpec(**({"defense": "trades", "model": "cnn"} | usual | changes))  # type: ignore[arg-type]
    return train_defense(spec, out, images=images, test=TEST, record_every=1)


def estimators(out: Path | None, images: ImageSet, **changes: Any) -> Run[Any, Any]:
    """Five parts of x̃, then two epochs of three steps by Eq. 4, then two of one by Eq. 5."""
    usual = {"units": 8, "epochs": 2, "optimised_epochs": 2, "batch": 12, "eps": 0.3, "steps": 1, "crop": 1}
    spec = EstimatorSpec(**(usual | changes))  # type: ignore[arg-type]
    return train_estimators(spec, TARGET, out, images=images, test=TEST)  # type: ignore[arg-type]


def retraining(out: Path | None, images: ImageSet, seed: int = 0) -> Run[Any, Any]:
    """Seven steps in three epochs; nothing but a finished one is ever kept of it."""
    lesson = TrainingSet(images.x, images.x.flip(0), TEST.x)
    made = Training("ae-dense", lesson, seed=seed, epochs=3, steps=7, batch=14, device=torch.device("cpu"))
    return Run(made.records(), lambda: made, made.total)


@dataclass(frozen=True)
class Case:
    """A training.

    Attributes:
        start: with a folder, and images.
        second: the step at the end of its second epoch.
        before: records before its first gradient step, which come again when it goes on.
        keeps: whether it keeps its progress in the folder.
    """

    start: Callable[..., Run[Any, Any]]
    second: int
    before: int = 0
    keeps: bool = True


CASES = {
    "model": Case(model, 6),
    "defence": Case(defence, 6),
    "estimators": Case(estimators, 11, before=5),
    "retraining": Case(retraining, 4, keeps=False),
}
every = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
kept = pytest.mark.parametrize("case", [case for case in CASES.values() if case.keeps], ids=list(CASES)[:3])


def weights(result: Any) -> str:
    """A hash of all that was learnt."""
    modules: list[nn.Module] = (
        [getattr(stage, kind) for stage in (result.first, result.estimators) for kind in KINDS]
        if hasattr(result, "estimators")
        else [result.network]
    )
    digest = hashlib.sha256()
    for module in modules:
        for value in module.state_dict().values():
            digest.update(value.numpy().tobytes())
    return digest.hexdigest()


def until(run: Run[Any, Any], step: int) -> None:
    """Take records up to this step."""
    while next(run).step < step:
        pass


def files(folder: Path) -> dict[str, bytes]:
    """All that lies in a folder."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Case], tuple[str, dict[str, bytes]]]:
    """Weights and files of an undisturbed training."""
    done: dict[Any, tuple[str, dict[str, bytes]]] = {}

    def train(case: Case) -> tuple[str, dict[str, bytes]]:
        if case.start not in done:
            folder = tmp_path_factory.mktemp("whole")
            done[case.start] = weights(case.start(folder, TRAIN).drain()), files(folder)
        return done[case.start]

    return train


@every
def test_records_count_up_to_the_end(case: Case) -> None:
    run = case.start(None, TRAIN)
    steps = [record.step for record in run]
    assert steps == sorted(set(steps))
    assert {1, case.second} <= set(steps)
    if case.keeps:  # the others tell something about every second
        assert steps == list(range(1, steps[-1] + 1))
    assert run.ended
    assert steps[-1] <= run.total
    assert getattr(run.result, "complete", True)


@every
@pytest.mark.parametrize("off", [-1, 0, 1])
def test_closed_and_started_again_it_learns_the_same(
    case: Case, off: int, tmp_path: Path, whole: Callable[[Case], tuple[str, dict[str, bytes]]]
) -> None:
    first = case.start(tmp_path, TRAIN)
    until(first, case.second + off)
    first.close()
    assert not list(tmp_path.rglob("*.safetensors"))
    rest = case.start(tmp_path, TRAIN)
    seen = [record.step for record in rest]
    learnt, written = whole(case)
    assert weights(rest.result) == learnt
    assert files(tmp_path) == written
    if case.keeps:
        begun = seen[case.before]
        assert begun == case.second + off + 1


@kept
def test_killed_without_a_goodbye_it_goes_on_from_the_last_epoch(
    case: Case, tmp_path: Path, whole: Callable[[Case], tuple[str, dict[str, bytes]]]
) -> None:
    killed = case.start(tmp_path, TRAIN)
    until(killed, case.second - 1)
    blobs = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert blobs
    killed.close()
    for path, blob in blobs.items():  # what a killed process leaves: the end of the first epoch
        path.write_bytes(blob)
    rest = case.start(tmp_path, TRAIN)
    records = [record.step for record in rest]
    assert records[case.before] == case.second - 2
    learnt, written = whole(case)
    assert weights(rest.result) == learnt
    assert files(tmp_path) == written


@kept
def test_other_parameters_or_images_start_anew(case: Case, tmp_path: Path) -> None:
    run = case.start(tmp_path, TRAIN)
    until(run, case.second)
    run.close()
    others = ({"seed": 1}, TRAIN), ({"lr": 0.07}, TRAIN), ({}, replace(TRAIN, x=1 - TRAIN.x))
    for changes, images in others:
        with case.start(tmp_path, images, **changes) as fresh:
            assert [next(fresh).step for _ in range(case.before + 1)][-1] == case.before + 1


@kept
def test_damaged_progress_is_refused(case: Case, tmp_path: Path) -> None:
    run = case.start(tmp_path, TRAIN)
    until(run, case.second)
    run.close()
    (progress,) = tmp_path.glob("*.progress")
    progress.write_bytes(progress.read_bytes()[:50])
    with pytest.raises(CheckpointError, match="is damaged, delete it to train from the start"):
        case.start(tmp_path, TRAIN).drain()


RUNAWAY: dict[str, Callable[[], Run[Any, Any]]] = {
    "cnn": lambda: model(None, TRAIN, model="cnn", lr=1e9),
    "TRADES": lambda: defence(None, TRAIN, lr=1e30),
    "the estimators": lambda: estimators(None, TRAIN, lr=1e30),
    "ae-dense": lambda: retraining(None, replace(TRAIN, x=TRAIN.x / 0)),
}


@pytest.mark.parametrize("name", RUNAWAY)
def test_a_runaway_loss_is_one_clear_error(name: str) -> None:
    says = rf"loss of {name} became -?(nan|inf) at step \d+ of \d+: try a learning rate below \d"
    with pytest.raises(TrainingError, match=says):
        RUNAWAY[name]().drain()


@every
def test_nothing_around_it_is_touched(
    case: Case, whole: Callable[[Case], tuple[str, dict[str, bytes]]]
) -> None:
    learnt, _ = whole(case)
    torch.manual_seed(5)
    before, x = torch.get_rng_state(), TRAIN.x.clone()
    other: Tensor = torch.stack([w.detach().sum() for w in TARGET.parameters()])
    assert weights(case.start(None, TRAIN).drain()) == learnt
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(TRAIN.x, x)
    assert TARGET.training
    assert torch.equal(torch.stack([w.detach().sum() for w in TARGET.parameters()]), other)
    assert weights(case.start(None, TRAIN, seed=1).drain()) != learnt


@pytest.mark.parametrize("case", [CASES["model"], CASES["defence"]], ids=["model", "defence"])
def test_closed_it_keeps_its_best_epoch(case: Case) -> None:
    run = case.start(None, TRAIN)
    until(run, case.second + 1)
    run.close()
    result = run.result
    assert not result.complete
    assert result.network.card["validation"]["epoch"] in (1, 2)
    assert not result.network.training
    assert not any(weight.requires_grad for weight in result.network.parameters())
    if isinstance(result, TrainResult):
        assert result.weights is None
    with pytest.raises(StopIteration):
        next(run)


@pytest.mark.parametrize("case", [CASES["model"], CASES["defence"]], ids=["model", "defence"])
def test_test_images_only_measure(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    one = case.start(None, TRAIN).drain()
    monkeypatch.setitem(globals(), "TEST", replace(TEST, x=1 - TEST.x))
    two = case.start(None, TRAIN).drain()
    assert weights(one) == weights(two)
    assert one.network.card["metrics"] != two.network.card["metrics"]


def test_a_closed_training_of_estimators_holds_what_it_has_found() -> None:
    run = estimators(None, TRAIN)
    until(run, 8)
    assert not run.result.complete
    assert run.result.first is None
    assert [stage for stage, _ in run.result.history] == ["first"]
    assert math.isfinite(run.result.history[0][1].standard_x)
