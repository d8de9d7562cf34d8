"""The study: what is counted is recounted by hand, and no stop, share or folder changes a bit."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from filelock import FileLock
from small_models import EPS, ROWS, put

from advmi_core import data
from advmi_core.attacks import PGD, AttackResult, AutoAttack
from advmi_core.data import ImageSet
from advmi_core.models import Network, build, checkpoints
from advmi_core.models.folding import folded
from advmi_core.objectives import Classification
from advmi_core.studies.robustness import RobustnessResult, RobustnessStudy, stored, suite
from advmi_core.studies.robustness.known import known_answers
from advmi_core.studies.robustness.suite import GUARDS, LABELS
from advmi_core.studies.robustness.work import right_under

N, PART = 12, 5
QUICK: dict[str, Any] = {
    "kind": "whitebox", "model": "cnn", "rows": ROWS, "seeds": (0, 1), "attacks": ("None", "PGD-10"),
    "n": N, "batch": PART, "device": "cpu",
}  # fmt: skip


@pytest.fixture
def study(trained: Path) -> Callable[..., RobustnessStudy]:
    def make(**changes: Any) -> RobustnessStudy:
        return RobustnessStudy(**(QUICK | {"trained": trained} | changes))

    return make


@pytest.fixture(scope="module")
def whole(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[RobustnessResult, Path]:
    """An undisturbed study and its parts."""
    folder = tmp_path_factory.mktemp("whole")
    return RobustnessStudy(**(QUICK | {"trained": trained})).run(folder).drain(), folder


def files(folder: Path) -> dict[str, bytes]:
    found = [path for path in folder.rglob("*.npz") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def same(a: RobustnessResult, b: RobustnessResult) -> None:
    assert a.right.keys() == b.right.keys()
    for cell, right in a.right.items():
        np.testing.assert_array_equal(right, b.right[cell])


def images(count: int = N) -> ImageSet:
    return data.load("fashion-mnist", "test").first(count)


def test_every_answer_is_recounted_from_x_adv(
    whole: tuple[RobustnessResult, Path], networks: dict[tuple[str, int], Network]
) -> None:
    """An image counts if the model is right on x and on the x̃ of the stated attack with its own row id."""
    result, test = whole[0], images()
    assert result.complete
    attack = PGD(eps=EPS, steps=11, loss="ce", mi_steps=0)
    broken = 0
    for (row, seed), network in networks.items():
        network.freeze()
        clean = network(test.x).argmax(1) == test.y
        np.testing.assert_array_equal(result.right[row, seed, "None"], clean.numpy())
        x_adv = attack(Classification(network, test.y), test.x, rows=range(N)).x_adv
        assert float((x_adv - test.x).abs().max()) <= EPS + 1e-6
        robust = clean & (network(x_adv).argmax(1) == test.y)
        np.testing.assert_array_equal(result.right[row, seed, "PGD-10"], robust.numpy())
        broken += int(clean.sum() - robust.sum())
    assert broken > 5  # so that the attack is seen to do something


def test_a_result_so_far_has_each_cells_images_up_to_the_first_that_is_missing(
    study: Callable[..., RobustnessStudy], tmp_path: Path
) -> None:
    run = study().run(tmp_path)
    assert [next(run).step for _ in range(14)] == list(range(1, 15))
    some = run.so_far()
    assert not some.complete
    assert len(some.right["standard", 0, "None"]) == N
    assert len(some.right["standard", 0, "PGD-10"]) == 2 * PART
    assert len(some.right["wmim", 1, "PGD-10"]) == 0
    assert run.drain().complete


def test_studies_with_a_model_and_an_attack_in_common_share_parts(
    study: Callable[..., RobustnessStudy], whole: tuple[RobustnessResult, Path]
) -> None:
    one = list(study(rows=("standard",), seeds=(1,), attacks=("PGD-10", "PGD-1"), n=2 * PART).run(whole[1]))
    assert [step.reused for step in one] == [True, True, False, False]
    other = list(study(rows=("standard",), seeds=(1,), attacks=("PGD-10",), n=PART, eps=0.01).run(whole[1]))
    assert [step.reused for step in other] == [False]


def test_a_model_is_its_weights_and_not_its_place(
    study: Callable[..., RobustnessStudy], networks: dict[tuple[str, int], Network], tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder, (row, seed) in ((first, ("standard", 0)), (second, ("standard", 0))):
        put(networks[row, seed], folder, "standard", 0)
    changes = {"rows": ("standard",), "seeds": (0,), "attacks": ("None",)}
    spec = study(trained=first, **changes).spec()
    assert spec == study(trained=second, **changes).spec()
    assert str(tmp_path) not in repr(spec)
    put(networks["standard", 1], second, "standard", 0)
    other = study(trained=second, **changes).spec()
    assert spec["weights"] != other["weights"]
    assert {**spec, "weights": 0} == {**other, "weights": 0}


def test_the_spec_tells_how_the_models_were_trained(
    study: Callable[..., RobustnessStudy], networks: dict[tuple[str, int], Network], tmp_path: Path
) -> None:
    put(networks["standard", 0], tmp_path, "standard", 0, epochs=3)
    spec = study(trained=tmp_path, rows=("standard",), seeds=(0,)).spec()
    assert spec["trained"]["standard/0"]["spec"]["epochs"] == 3
    assert spec["trained"]["standard/0"].keys() == {"spec", "images", "epoch", "estimators"}


@pytest.mark.parametrize(("changes", "alike"), [({"epochs": 4}, False), ({"wmim_weight": 0.2}, True)])
def test_only_models_with_the_same_budget_stand_in_one_table(
    study: Callable[..., RobustnessStudy],
    networks: dict[tuple[str, int], Network],
    tmp_path: Path,
    changes: dict[str, float],
    alike: bool,
) -> None:
    put(networks["standard", 0], tmp_path, "standard", 0, epochs=3)
    put(networks["wmim", 0], tmp_path, "wmim", 0, **{"epochs": 3, **changes})
    mixed = study(trained=tmp_path, rows=("standard", "wmim"), seeds=(0,))
    if alike:
        assert len(mixed.subjects) == 2
        return
    with pytest.raises(ValueError, match="epochs is 3 of standard, seed 0, and 4 of wmim, seed 0,"):
        _ = mixed.subjects


def test_restarts_count_an_image_only_if_it_survives_each(networks: dict[tuple[str, int], Network]) -> None:
    test, network, rows = images(2 * N), networks["standard", 0].freeze(), np.arange(2 * N)
    column = suite(EPS)["PGD-40 ×5"]
    assert [attack.seed for attack in column] == [0, 1, 2, 3, 4]
    few = tuple(replace(attack, steps=2) for attack in column)  # weak, so that starts matter
    alone = [right_under((attack,), network, test.x, test.y, rows) for attack in few]
    together = right_under(few, network, test.x, test.y, rows)
    np.testing.assert_array_equal(together, np.all(alone, axis=0))


def test_autoattack_finds_what_pgd_finds(networks: dict[tuple[str, int], Network]) -> None:
    test, network, rows = images(), networks["standard", 0].freeze(), np.arange(N)
    ensemble = AutoAttack(eps=EPS, steps=10, targets=1, queries=20, mi_steps=0)
    pgd = right_under(suite(EPS)["PGD-40"], network, test.x, test.y, rows)
    aa = right_under((ensemble,), network, test.x, test.y, rows)
    assert 0 < pgd.sum() < N
    assert aa.sum() <= pgd.sum() + 1


def test_autoattack_has_its_own_number_of_images(
    study: Callable[..., RobustnessStudy], tmp_path: Path
) -> None:
    small = study(rows=("standard",), seeds=(0,), attacks=("None", "AA"), autoattack_images=3, eps=0.5)
    result = small.run(tmp_path).drain()
    assert {line.attack: line.images for line in result.table()} == {"None": N, "AA": 3}
    assert not result.right["standard", 0, "AA"].any()


def test_guards_have_their_own_number_of_images(
    study: Callable[..., RobustnessStudy], tmp_path: Path
) -> None:
    small = study(rows=("standard",), seeds=(0,), attacks=("None", "PGD-40", "PGD-1"), guard_images=4)
    result = small.run(tmp_path).drain()
    assert {line.attack: line.images for line in result.table()} == {"None": N, "PGD-40": N, "PGD-1": 4}
    assert set(GUARDS) < set(RobustnessStudy(kind="whitebox", trained=tmp_path).attacks)
    assert "PGD-1" not in RobustnessStudy(kind="ablation", trained=tmp_path).attacks


def test_black_box_judges_what_was_made_on_the_surrogate(
    study: Callable[..., RobustnessStudy], networks: dict[tuple[str, int], Network], tmp_path: Path
) -> None:
    """A fresh surrogate's gradients say nothing of the target, so its x̃ breaks less than the target's own."""
    surrogate = build("resnet18-w8", seed=7)
    card = {"metrics": {}, "spec": {"defense": "standard"}}
    weights = checkpoints.save(surrogate, card, tmp_path / "surrogate")
    black = study(
        kind="blackbox", rows=("standard",), seeds=(0,), surrogate="resnet18-w8", surrogate_weights=weights
    )
    white = study(rows=("standard",), seeds=(0,))
    seen = {kind: s.run(tmp_path).drain() for kind, s in (("black", black), ("white", white))}
    test, target = images(), networks["standard", 0].freeze()
    attack = PGD(eps=EPS, steps=11, loss="ce", mi_steps=0)
    clean = target(test.x).argmax(1) == test.y
    right = clean.clone()
    for part in torch.arange(N).split(PART):  # the study's parts: the bits of a sum can depend on the batch
        made = attack(Classification(folded(surrogate), test.y[part]), test.x[part], rows=part.tolist())
        right[part] &= target(made.x_adv).argmax(1) == test.y[part]
    np.testing.assert_array_equal(seen["black"].right["standard", 0, "PGD-10"], right.numpy())
    assert seen["white"].right["standard", 0, "PGD-10"].sum() < right.sum()
    assert black.spec()["surrogate"]["model"] == "resnet18-w8"


def test_examples_for_the_black_box_are_made_once_for_all_models(
    study: Callable[..., RobustnessStudy], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = {"metrics": {}, "spec": {"defense": "standard"}}
    weights = checkpoints.save(build("resnet18-w8", seed=7), card, tmp_path / "surrogate")
    calls: list[int] = []
    attacked = PGD.__call__

    def counted(self: PGD, objective: Classification, x: torch.Tensor, **rows: list[int]) -> AttackResult:
        calls.append(len(x))
        return attacked(self, objective, x, **rows)

    monkeypatch.setattr(PGD, "__call__", counted)
    changes = {"kind": "blackbox", "surrogate": "resnet18-w8", "surrogate_weights": weights}
    done = study(rows=("standard", "wmim"), seeds=(0, 1), attacks=("PGD-1",), **changes).run(tmp_path).drain()
    assert done.complete
    assert len(done.right) == 4
    assert sum(calls) == N


def test_a_surrogate_that_no_defence_trained_is_refused(
    study: Callable[..., RobustnessStudy], tmp_path: Path
) -> None:
    weights = checkpoints.save(build("resnet18-w8"), {"metrics": {}, "spec": {}}, tmp_path / "plain")
    black = study(
        kind="blackbox", rows=("standard",), seeds=(0,), surrogate="resnet18-w8", surrogate_weights=weights
    )
    with pytest.raises(
        ValueError, match=r"trained adversarially, its card resnet18-w8\.json names no defence"
    ):
        black.run(tmp_path)


def test_bad_parameters_and_folders_are_named(study: Callable[..., RobustnessStudy], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="kind must be one of whitebox, blackbox, ablation, got 'grey'"):
        study(kind="grey")
    with pytest.raises(ValueError, match="rows must be one of standard, wmim"):
        study(rows=("standard", "namid-no-penalty"))
    with pytest.raises(ValueError, match="attacks must be one of None, PGD-40, AA"):
        study(attacks=("CW",))
    with pytest.raises(ValueError, match="seeds must be at least one and all different"):
        study(seeds=(0, 0))
    with pytest.raises(ValueError, match="a blackbox study needs surrogate and surrogate_weights"):
        study(kind="blackbox")
    with pytest.raises(ValueError, match="another architecture than model, got 'cnn'"):
        study(kind="blackbox", surrogate="cnn", surrogate_weights=tmp_path)
    with pytest.raises(ValueError, match="surrogate belongs to a blackbox study"):
        study(surrogate="vgg19", surrogate_weights=tmp_path)
    with pytest.raises(ValueError, match=r"no trained Standard of seed 0: wanted .*cnn\.safetensors"):
        study(trained=tmp_path / "nowhere").run(tmp_path)
    with pytest.raises(ValueError, match=r"eps must be given: trained with .*'linf'.*, asked for l2"):
        study(norm="l2").run(tmp_path)
    with pytest.raises(ValueError, match="n must be at most"):
        study(n=10**6).run(tmp_path)


def test_a_model_of_another_training_is_refused(
    study: Callable[..., RobustnessStudy], networks: dict[tuple[str, int], Network], tmp_path: Path
) -> None:
    path = put(networks["standard", 0], tmp_path, "standard", 0, defense="trades")
    with pytest.raises(ValueError, match=r"of a training with .*'standard'.* its card says .*'trades'"):
        study(trained=tmp_path, seeds=(0,), rows=("standard",)).run(tmp_path)
    path.with_suffix(".json").write_text("[]", encoding="utf-8")
    with pytest.raises(ValueError, match="must be a model's card, got list"):
        study(trained=tmp_path, seeds=(0,), rows=("standard",)).run(tmp_path)


def test_a_run_waits_for_a_part_that_another_holds(
    study: Callable[..., RobustnessStudy], tmp_path: Path
) -> None:
    one = study(rows=("standard",), seeds=(0,), attacks=("None",), n=PART)
    run = one.run(tmp_path)
    (made,) = tmp_path.glob("robust-*")
    (made / "locks").mkdir()
    lock = FileLock(made / "locks" / f"000000-{PART:06d}.lock", thread_local=False)
    lock.acquire()
    began = time.perf_counter()
    threading.Timer(0.5, lock.release).start()
    (step,) = list(run)
    assert time.perf_counter() - began > 0.4
    assert not step.reused


def test_a_result_grows_without_measuring_twice(
    study: Callable[..., RobustnessStudy], whole: tuple[RobustnessResult, Path], tmp_path: Path
) -> None:
    small = study(rows=("standard",), seeds=(1,), attacks=("None",)).run(tmp_path / "a").drain()
    grown = list(study().run(tmp_path / "b", small))
    taken = {(step.row, step.seed, step.attack) for step in grown if step.reused}
    assert taken == {("standard", 1, "None")}
    same(study().run(tmp_path / "b", small).drain(), whole[0])
    # Nothing of another attack, of other images or of other weights is taken over.
    for changes in (
        {"spec": {**whole[0].spec, "digest": "another"}},
        {"spec": {**whole[0].spec, "attacks": {}}},
        {"spec": {**whole[0].spec, "weights": {"standard/1": "another"}}},
    ):
        other = list(study(n=PART).run(tmp_path / "c", replace(whole[0], **changes)))
        assert not any(step.reused for step in other)
        shutil.rmtree(tmp_path / "c")


def test_what_an_earlier_result_answers_is_believed(
    study: Callable[..., RobustnessStudy], whole: tuple[RobustnessResult, Path], tmp_path: Path
) -> None:
    """Its bits are taken as they are, for the same weights under another row's name too."""
    turned = replace(whole[0], right={cell: ~right for cell, right in whole[0].right.items()})
    seen = study().run(tmp_path, turned).drain()
    for cell, right in whole[0].right.items():
        np.testing.assert_array_equal(seen.right[cell], ~right)
    assert not files(tmp_path)


def test_a_stored_result_answers_under_every_attack(
    study: Callable[..., RobustnessStudy], whole: tuple[RobustnessResult, Path], tmp_path: Path
) -> None:
    spec = {**study(attacks=tuple(LABELS["linf"])).spec(), "digest": whole[0].spec["digest"]}
    cells = {
        (row, seed, attack): np.ones(images, np.bool_)
        for row in ROWS for seed in (0, 1) for attack, images in spec["images"].items()
    }  # fmt: skip
    stored.save(RobustnessResult(spec, cells), tmp_path)
    known = known_answers(spec, stored.load("whitebox", "fashion-mnist", "linf", tmp_path))
    assert known.keys() == cells.keys()
