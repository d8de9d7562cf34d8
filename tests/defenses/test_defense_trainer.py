"""The trainer of defences: records, schedule, card, clear refusals."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from advmi_core.data import ImageSet
from advmi_core.defenses import DEFENSES, DefenseSpec, learner, train_defense
from advmi_core.mi.local.estimators import LocalEstimators

Small = Callable[..., DefenseSpec]
Same = Callable[[torch.nn.Module, torch.nn.Module], bool]


@pytest.mark.parametrize("defense", DEFENSES)
def test_records_of_every_defense(
    defense: str, small: Small, estimators: LocalEstimators, images: ImageSet, test_images: ImageSet
) -> None:
    run = train_defense(
        small(defense, model="cnn"), estimators=estimators, images=images, test=test_images, record_every=1
    )
    records = list(run)
    assert [record.step for record in records] == list(range(1, run.total + 1)) == [1, 2, 3, 4, 5, 6]
    assert [record.finished is not None for record in records] == [False, False, True] * 2
    result = run.result
    assert result.complete
    assert result.history == tuple(record.finished for record in records if record.finished)
    mean = sum(record.parts.loss for record in records[:3]) / 3
    assert result.history[0].train.loss == pytest.approx(mean)
    for epoch in result.history:
        assert math.isfinite(epoch.natural_adv)
        assert math.isfinite(epoch.adversarial_x)
        assert 0 <= epoch.robust <= 1
        assert 0 <= epoch.clean <= 1
    assert not result.network.training
    best = max(result.history, key=lambda epoch: epoch.robust)
    assert result.network.card["validation"]["epoch"] == best.epoch
    assert "every iterate" in result.network.card["validated_by"]


def test_other_estimators_start_anew(
    tmp_path: Path, small: Small, estimators: LocalEstimators, images: ImageSet, test_images: ImageSet
) -> None:
    spec = small("namid", model="cnn")
    run = train_defense(
        spec, tmp_path, estimators=estimators, images=images, test=test_images, record_every=1
    )
    next(run)
    run.close()
    with torch.no_grad():
        estimators.natural.global_block.out.bias.add_(1)
    other = train_defense(
        spec, tmp_path, estimators=estimators, images=images, test=test_images, record_every=1
    )
    assert next(other).step == 1


def test_card_is_json_with_nulls_and_repeats_the_spec(
    tmp_path: Path, small: Small, images: ImageSet, test_images: ImageSet
) -> None:
    spec = small("mart", model="cnn")
    train_defense(spec, tmp_path, images=images, test=test_images, command="how").drain()
    text = (tmp_path / "cnn.json").read_text()
    card = json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert DefenseSpec(**card["spec"]) == spec
    assert card["validation"]["natural_x"] is None
    assert card["command"] == "how"
    assert card["dataset"]["training_images"] == 40


def test_learning_rate_falls_at_three_quarters_and_nine_tenths(small: Small) -> None:
    spec = small("standard", epochs=100, lr=0.1)
    rates = [spec.learning_rate(epoch) for epoch in (0, 74, 75, 89, 90, 99)]
    assert rates == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001, 0.001])


def test_information_joins_over_the_first_epochs(small: Small) -> None:
    spec = small("namid", warmup=2)
    assert [spec.strength(epochs) for epochs in (0, 0.5, 1, 2, 7)] == [0, 0.25, 0.5, 1, 1]
    assert small("namid", warmup=0).strength(0) == 1
    late = small("namid", delay=3, warmup=2)
    assert [late.strength(epochs) for epochs in (0, 2.9, 3, 4, 5, 7)] == [0, 0, 0, 0.5, 1, 1]
    assert [small("namid", delay=3, warmup=0).strength(epochs) for epochs in (2.9, 3)] == [0, 1]


def test_first_step_of_a_warm_up_is_the_base_alone(
    small: Small, estimators: LocalEstimators, images: ImageSet, test_images: ImageSet
) -> None:
    def losses(warmup: int) -> list[tuple[float, float]]:
        spec = small("wmim", model="cnn", warmup=warmup, wmim_weight=2.0)
        run = train_defense(spec, estimators=estimators, images=images, test=test_images, record_every=1)
        return [(step.parts.loss, step.parts.base + 2 * step.parts.information) for step in run]

    warm, cold = losses(1), losses(0)
    assert warm[0][0] != pytest.approx(warm[0][1])
    assert warm[3][0] == pytest.approx(warm[3][1])  # the second epoch
    assert all(loss == pytest.approx(whole) for loss, whole in cold)


@pytest.mark.parametrize(
    ("defense", "baseline"), [("wmim", "standard"), ("namid", "standard"), ("namid-t", "trades")]
)
def test_before_its_delay_is_over_a_defence_is_its_baseline(
    small: Small,
    estimators: LocalEstimators,
    images: ImageSet,
    test_images: ImageSet,
    defense: str,
    baseline: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Record by record: the baseline's loss for two epochs, another from the third on."""

    def some(clean: Tensor, attacked: Tensor, y: Tensor) -> Tensor:  # so few images may hold none to select
        return torch.arange(len(y)) < 4

    monkeypatch.setattr(learner, "selected", some)

    def bases(name: str, **changes: int) -> list[float]:
        spec = small(name, model="cnn", epochs=3, **changes)
        run = train_defense(spec, estimators=estimators, images=images, test=test_images, record_every=1)
        return [step.parts.base for step in run]

    late, plain = bases(defense, delay=2, warmup=0), bases(baseline)
    until = 2 * len(plain) // 3 + 1  # a step's base is that before the step
    assert late[:until] == plain[:until]
    assert late[until:] != plain[until:]


def test_bfloat16_and_memory_layout_change_speed_and_not_what_is_learnt(
    small: Small, images: ImageSet, test_images: ImageSet
) -> None:
    def first_loss(**changes: object) -> float:
        spec = small("trades", **changes)
        return next(train_defense(spec, images=images, test=test_images, record_every=1)).parts.loss

    usual = first_loss()
    assert first_loss(channels_last=False) == pytest.approx(usual, rel=1e-4)
    assert first_loss(precision="bfloat16") == pytest.approx(usual, rel=0.05)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"defense": "at"}, "defense must be one of standard, wmim, namid"),
        ({"model": "ae-conv"}, "model must be one of cnn"),
        ({"norm": "l1"}, "norm must be one of linf, l2"),
        ({"eps": -0.1}, "eps must be ≥ 0"),
        ({"alpha": float("nan")}, "alpha must be a finite number"),
        ({"batch": 0}, "batch must be a whole number"),
        ({"weight": -1.0}, "weight must be ≥ 0"),
        ({"precision": "float16"}, "precision must be one of"),
        ({"flip": 1}, "flip must be True or False, got 1"),
    ],
)
def test_bad_parameters(changes: dict[str, object], sentence: str, small: Small) -> None:
    with pytest.raises(ValueError, match=sentence):
        small(**({"defense": "standard"} | changes))  # type: ignore[arg-type]


def test_bad_surroundings(
    small: Small, estimators: LocalEstimators, images: ImageSet, test_images: ImageSet
) -> None:
    with pytest.raises(ValueError, match="NAMID_M needs estimators, got None"):
        train_defense(small("namid-m"), images=images, test=test_images)
    with pytest.raises(ValueError, match="batch must be at most the 40 training images, got 41"):
        train_defense(small("standard", batch=41), images=images, test=test_images)
    wide = [replace(part, x=part.x.repeat(1, 3, 1, 1)) for part in (images, test_images)]
    with pytest.raises(ValueError, match=r"estimators must be of images \(3, 16, 16\) and 3 classes"):
        train_defense(small("namid"), estimators=estimators, images=wide[0], test=wide[1])
