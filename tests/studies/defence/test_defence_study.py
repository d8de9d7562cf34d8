"""A lesson: four stages in order, what is finished is found again, and no number is of something else."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from advmi_core import data
from advmi_core.defenses import DEFENSES
from advmi_core.defenses.estimator_spec import STAGES, Estimated
from advmi_core.experiments.progress import read_progress
from advmi_core.mi.local.dim import KINDS, build_local_dim
from advmi_core.mi.local.estimators import LocalEstimators
from advmi_core.models import build, load
from advmi_core.studies.defence import DefenceStudy, DefenceStudyResult, DefenceStudyStep, trained_models
from advmi_core.studies.defence.attacks import measure
from advmi_core.studies.defence.records import ATTACKS, DEFENCE, ESTIMATORS, STANDARD

TINY = DefenceStudy(n=60, measured=6, epochs=2, batch=16, steps=1, units=8, first=1, optimised=1)
UNDER = ("PGD-10", "PGD-40", "FWA-10", "FWA-40", "AA")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lessons")


@pytest.fixture(scope="module")
def whole(folder: Path) -> DefenceStudyResult:
    return TINY.run(folder).drain()


def until(lesson: DefenceStudy, folder: Path, stage: str) -> list[DefenceStudyStep]:
    """The records before the first one of a stage; the lesson is closed there."""
    seen = []
    with lesson.run(folder) as run:
        for step in run:
            if step.stage == stage:
                break
            seen.append(step)
    return seen


def same(one: DefenceStudyResult, two: DefenceStudyResult) -> None:
    """Both found the same, bit for bit."""
    assert one.reference == two.reference
    for model in (STANDARD, DEFENCE):
        assert str(one.history(model)) == str(two.history(model))  # as text: NaN equals NaN
        assert one.weights[model].read_bytes() == two.weights[model].read_bytes()
    assert one.measured.keys() == two.measured.keys()
    for key, left in one.measured.items():
        right = two.measured[key]
        assert torch.equal(left.robust, right.robust)
        assert torch.equal(left.gap, right.gap)
        for stage in STAGES:
            for name, values in vars(getattr(left, stage)).items():
                assert torch.equal(values, getattr(getattr(right, stage), name))


def test_four_stages_in_order_and_every_model_under_every_attack(whole: DefenceStudyResult) -> None:
    assert whole.complete
    order = list(dict.fromkeys(step.stage for step in whole.steps))
    assert order == [STANDARD, ESTIMATORS, DEFENCE, ATTACKS]
    counts = [step.step for step in whole.steps]
    assert counts == sorted(counts)
    assert counts[-1] == whole.steps[-1].total
    assert set(whole.measured) == {(model, label) for model in (STANDARD, DEFENCE) for label in UNDER}
    assert [epoch.epoch for epoch in whole.history(DEFENCE)] == [1, 2]
    assert whole.reference is not None
    kept = whole.kept(STANDARD)
    assert kept is not None
    # The reference is Standard's kept epoch again, on the same images from the same starts.
    assert (whole.reference.clean, whole.reference.robust) == pytest.approx((kept.clean, kept.robust))
    assert math.isfinite(whole.reference.natural_adv)


def test_what_is_measured_is_what_the_kept_weights_say(whole: DefenceStudyResult) -> None:
    test = data.load("fashion-mnist", "test").first(TINY.measured)
    for model in (STANDARD, DEFENCE):
        network = load("cnn", weights=whole.weights[model])
        right = network(test.x).argmax(1) == test.y
        for label in UNDER:
            one = whole.measured[model, label]
            assert torch.equal(one.clean, right)
            assert not bool((one.robust & ~one.clean).any())  # these attacks never mend a mistake
            assert torch.equal(one.selected, one.clean & ~one.robust)


def test_without_a_perturbation_natural_and_adversarial_samples_say_the_same() -> None:
    test = data.load("fashion-mnist", "test").first(5)
    made = [
        LocalEstimators(**{kind: build_local_dim((1, 28, 28), 10, units=8, kind=kind) for kind in KINDS})
        for _ in STAGES
    ]
    one = measure(build("cnn").freeze(), Estimated(*(each.to("cpu") for each in made)), test, test.x)
    torch.testing.assert_close(one.standard_x, one.standard_adv)
    torch.testing.assert_close(one.first.natural_x, one.first.natural_adv)
    torch.testing.assert_close(one.optimised.adversarial_x, one.optimised.adversarial_adv)
    assert not bool(one.selected.any())


def test_the_same_lesson_is_loaded(whole: DefenceStudyResult, folder: Path) -> None:
    again = TINY.run(folder).drain()
    assert again.loaded
    assert not whole.loaded
    assert all(step.reused or step.reference is not None for step in again.steps)
    same(whole, again)


def test_a_study_is_asked_for_what_it_has_while_it_goes_on(whole: DefenceStudyResult, tmp_path: Path) -> None:
    with TINY.run(tmp_path) as run:
        next(step for step in run if step.stage == ESTIMATORS)
        early = run.so_far()
        assert str(early.history(STANDARD)) == str(whole.history(STANDARD))
        assert (list(early.weights), early.complete, early.loaded) == ([STANDARD], False, False)
        next(step for step in run if step.stage == DEFENCE)
    progress = read_progress(run.artefact.folder)
    assert progress is not None
    assert (progress.done, progress.total, progress.complete) == (2, 13, False)
    assert len(progress.uses) == 3


def test_another_defence_trains_only_itself(whole: DefenceStudyResult, folder: Path) -> None:
    seen = until(replace(TINY, defense="trades"), folder, ATTACKS)
    assert all(step.reused for step in seen if step.stage == STANDARD)
    assert not [step for step in seen if step.estimator is not None]
    mine = [step for step in seen if step.stage == DEFENCE]
    assert mine
    assert not any(step.reused for step in mine)
    assert {trained.title.split()[0] for trained in trained_models(folder)} >= {"Standard", "NAMID", "TRADES"}


def test_alpha_counts_for_namid_only() -> None:
    assert replace(TINY, alpha=1.0).defended != TINY.defended
    assert replace(TINY, alpha=1.0).standard == TINY.standard
    mart = replace(TINY, defense="mart")
    assert replace(mart, alpha=1.0, penalty=0.7).defended == mart.defended


def test_closed_anywhere_and_started_again_is_the_same(whole: DefenceStudyResult, tmp_path: Path) -> None:
    for stage, most in ((STANDARD, 1), (ESTIMATORS, 2), (DEFENCE, 2)):
        with TINY.run(tmp_path) as run:
            seen = 0
            for step in run:
                seen += step.stage == stage
                if seen == most:
                    break
        assert not run.result.complete
    resumed = TINY.run(tmp_path).drain()
    same(whole, resumed)


@pytest.mark.fault("L13")
def test_a_resumed_lesson_writes_the_same_cards(
    whole: DefenceStudyResult, folder: Path, tmp_path: Path
) -> None:
    until(TINY, tmp_path, ESTIMATORS)
    until(TINY, tmp_path, DEFENCE)
    cards = sorted(tmp_path.glob("estimators-*/*/local-dim-*.json"))
    assert cards
    standard = json.loads(whole.weights[STANDARD].with_suffix(".json").read_text(encoding="utf-8"))
    for card in cards:
        resumed, undisturbed = card.read_bytes(), (folder / card.relative_to(tmp_path)).read_bytes()
        assert resumed == undisturbed
        assert json.loads(resumed)["target"] == {"model": "cnn", "sha256": standard["sha256"]}


def test_a_closed_lesson_keeps_what_it_found(tmp_path: Path) -> None:
    with TINY.run(tmp_path) as run:
        for step in run:
            if step.stage == ESTIMATORS:
                break
    assert list(run.result.weights) == [STANDARD]
    assert len(run.result.history(STANDARD)) == 2
    assert run.result.measured == {}


def test_a_damaged_file_is_made_again(whole: DefenceStudyResult, folder: Path) -> None:
    other = replace(TINY, defense="mart")
    until(other, folder, ATTACKS)
    weights = next(t for t in trained_models(folder) if t.title.startswith("MART")).weights
    blob = weights.read_bytes()
    weights.write_bytes(blob[:-4] + b"oops")
    until(other, folder, ATTACKS)
    assert weights.read_bytes() == blob


@pytest.mark.parametrize(
    ("change", "said"),
    [({"n": 1}, "n must be"), ({"measured": 0}, "measured must be"), ({"eps": -0.1}, "eps must be"),
     ({"defense": "none"}, "defense must be one of"), ({"optimised": 0}, "optimised must be"),
     ({"model": "ae-conv"}, "model must be one of"), ({"units": 0}, "units must be")],
)  # fmt: skip
def test_a_bad_parameter_is_named(change: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        replace(TINY, **change)  # type: ignore[arg-type]


def test_too_many_images_and_a_file_for_a_folder_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="n must be at most"):
        replace(TINY, n=10**7).run(tmp_path)
    (tmp_path / "file").write_text("occupied")
    with pytest.raises(ValueError, match="cannot be written: a file stands where a folder is needed"):
        TINY.run(tmp_path / "file")


def test_every_defence_has_a_lesson() -> None:
    for name in DEFENSES:
        assert replace(TINY, defense=name).defended.method is DEFENSES[name]
