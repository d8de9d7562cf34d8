"""Local DIM estimators: shapes, files, what each stage ascends, and that they learn what can be learnt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from advmi_core import models
from advmi_core.data import ImageSet
from advmi_core.defenses import EstimatorSpec, train_estimators
from advmi_core.defenses.estimator_spec import Estimated
from advmi_core.defenses.estimator_stages import first_stage, optimised_stage, whole_batches
from advmi_core.mi.local.dim import KINDS, build_local_dim
from advmi_core.mi.local.estimators import LocalEstimators
from advmi_core.models import CheckpointError, Classifier

SPEC = EstimatorSpec(units=16, epochs=3, optimised_epochs=1, batch=20, eps=0.3, steps=2, lr=1e-2, crop=0)


@pytest.fixture(scope="module")
def target() -> Classifier:
    network = models.build("cnn", (1, 16, 16), 3)
    assert isinstance(network, Classifier)
    return network


@pytest.fixture
def pairs() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    x, x_adv = (torch.rand(6, 1, 16, 16, generator=generator) for _ in range(2))
    clean, attacked = (torch.randn(6, 3, generator=generator) for _ in range(2))
    return {"x": x, "x_adv": x_adv, "clean": clean, "attacked": attacked, "y": torch.zeros(6)}


def test_published_shapes() -> None:
    estimator = build_local_dim((3, 32, 32), 10).freeze()
    assert estimator.map(torch.rand(2, 3, 32, 32)).shape == (2, 128, 6, 6)
    assert estimator.local(torch.rand(2, 3, 32, 32)).shape == (2, 36, 2048)
    assert estimator.codes(torch.rand(2, 10)).shape == (2, 2048)
    with pytest.raises(ValueError, match="at least 10×10, got 8×28"):
        build_local_dim((1, 8, 28), 10)


def test_scores_start_with_about_unit_variance() -> None:
    estimator = build_local_dim((1, 28, 28), 10, units=512).freeze()
    scores = estimator.local(torch.rand(4, 1, 28, 28)).flatten(0, 1) @ estimator.codes(torch.randn(40, 10)).T
    assert 0.2 < float((scores - scores.mean()).std()) < 3


def test_both_stages_as_printed(estimators: LocalEstimators, pairs: dict[str, Tensor]) -> None:
    """Equations 4 and 5, one estimator value after the other."""
    x, x_adv, clean, attacked = (pairs[key] for key in ("x", "x_adv", "clean", "attacked"))
    noise = x_adv - x
    e_n, e_a, e_s = estimators.natural, estimators.adversarial, estimators.standard

    def mean(values: Tensor) -> float:
        return sum(values.tolist()) / len(values)

    first = {key: float(value) for key, value in first_stage(estimators, pairs).items()}
    assert first["natural"] == pytest.approx(mean(e_n(x, clean)), abs=1e-5)
    assert first["adversarial"] == pytest.approx(mean(e_a(noise, attacked)), abs=1e-5)
    both = (mean(e_s(x, clean)) + mean(e_s(x_adv, attacked))) / 2
    assert first["standard"] == pytest.approx(both, abs=1e-5)
    second = {key: float(value) for key, value in optimised_stage(estimators, pairs).items()}
    assert second["natural"] == pytest.approx(mean(e_n(x, clean)) - mean(e_n(x, attacked)), abs=1e-5)
    assert second["adversarial"] == pytest.approx(
        mean(e_a(noise, attacked)) - mean(e_a(noise, clean)), abs=1e-5
    )
    assert second.keys() == {"natural", "adversarial"}


def test_a_frozen_estimator_sees_a_pattern_alone(
    estimators: LocalEstimators, pairs: dict[str, Tensor]
) -> None:
    whole = estimators.natural.local(pairs["x"])
    torch.testing.assert_close(estimators.natural.local(pairs["x"][2:4]), whole[2:4])
    order = torch.tensor([3, 1, 5, 0, 2, 4])
    permuted = estimators.natural(pairs["x"][order], pairs["clean"][order])
    torch.testing.assert_close(permuted, estimators.natural(pairs["x"], pairs["clean"])[order])


def test_training_learns_and_only_the_selected_are_optimised(
    target: Classifier, images: ImageSet, test_images: ImageSet
) -> None:
    wide = replace(images, x=images.x.repeat(5, 1, 1, 1), y=images.y.repeat(5))
    before, weights = torch.get_rng_state(), [weight.clone() for weight in target.parameters()]
    run = train_estimators(SPEC, target, images=wide, test=test_images)
    records = list(run)
    stages = [record.stage for record in records]
    assert stages == sorted(stages, key=("craft", "first", "optimised").index)
    first = [record for record in records if record.stage == "first"]
    assert first[-1].natural > first[0].natural + 0.1
    assert [record.stage for record in records if record.held] == [stage for stage, _ in run.result.history]
    assert run.result.complete
    assert torch.equal(torch.get_rng_state(), before)
    assert target.training
    assert all(torch.equal(a, b) for a, b in zip(target.parameters(), weights, strict=True))
    assert not run.result.estimators.natural.training


def test_the_second_stage_goes_on_from_the_first_and_both_are_written(
    target: Classifier, images: ImageSet, test_images: ImageSet, tmp_path: Path
) -> None:
    wide = replace(images, x=images.x.repeat(3, 1, 1, 1), y=images.y.repeat(3))
    spec = replace(SPEC, epochs=1, optimised_lr=3e-3)
    both = train_estimators(spec, target, tmp_path, images=wide, test=test_images, command="how").drain()
    alone = train_estimators(replace(spec, optimised_epochs=0), target, images=wide, test=test_images).drain()
    assert both.first is not None
    assert alone.estimators.digest() == both.first.digest() != both.estimators.digest()
    written = Estimated.load(tmp_path)
    assert written.first.digest() == both.first.digest()
    assert written.optimised.digest() == both.estimators.digest()
    assert written.first.natural.card["command"] == "how"
    gentle = replace(spec, optimised_lr=1e-5)
    moved = train_estimators(gentle, target, images=wide, test=test_images).drain()
    assert moved.first is not None
    assert moved.first.digest() == both.first.digest()
    assert moved.estimators.digest() not in (both.estimators.digest(), both.first.digest())


def test_files_round_trip_and_are_checked(tmp_path: Path, estimators: LocalEstimators) -> None:
    paths = estimators.save(tmp_path, {"metrics": {}})
    assert [path.name for path in paths] == [f"local-dim-{kind}.safetensors" for kind in KINDS]
    loaded = LocalEstimators.load(tmp_path)
    assert loaded.digest() == estimators.digest()
    assert loaded.natural.units == 8
    assert not any(weight.requires_grad for weight in loaded.standard.parameters())
    paths[1].write_bytes(paths[0].read_bytes())
    with pytest.raises(CheckpointError, match=r"local-dim-adversarial.safetensors is damaged"):
        LocalEstimators.load(tmp_path)
    with pytest.raises(CheckpointError, match="cannot be read"):
        LocalEstimators.load(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"units": 0}, "units must be a whole number"),
        ({"batch": 1}, "batch must be a whole number ≥ 2"),
        ({"lr": 0.0}, "lr must be > 0"),
        ({"optimised_lr": 0.0}, "optimised_lr must be > 0"),
        ({"norm": "l0"}, "norm must be one of"),
        ({"optimised_epochs": -1}, "optimised_epochs must be a whole number ≥ 0"),
    ],
)
def test_bad_estimator_parameters(change: dict[str, object], sentence: str) -> None:
    make: Callable[..., EstimatorSpec] = EstimatorSpec
    with pytest.raises(ValueError, match=sentence):
        make(**change)


@pytest.mark.parametrize(
    ("rows", "lengths"), [(40, [20, 20]), (49, [20, 20]), (50, [20, 20, 10]), (3, [3]), (1, []), (0, [])]
)
def test_no_step_is_taken_on_a_few_remaining_rows(rows: int, lengths: list[int]) -> None:
    assert [len(part) for part in whole_batches(torch.arange(rows), 20)] == lengths
