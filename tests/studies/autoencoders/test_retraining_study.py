"""The study: fair protocols, the same bytes after a stop, and a table that can be recomputed by hand."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import t as student

from advmi_core import data
from advmi_core.experiments.progress import read_progress
from advmi_core.experiments.shipped import StoredError
from advmi_core.models.training.learners import AutoencoderLearner
from advmi_core.objectives import Reconstruction
from advmi_core.studies.autoencoders import (
    PROTOCOLS,
    ROWS,
    MakingStep,
    Retrained,
    RetrainingResult,
    RetrainingStudy,
    RetrainStep,
    stored,
)

QUICK = {
    "models": ("ae-dense",),
    "rows": ("original", "mine-uae-patches", "gaussian"),
    "n": 20,
    "validation": 10,
    "measured": "validation",
    "seeds": (0, 1),
    "epochs": 2,
    "batch": 8,
    "steps": 3,
    "inner": 1,
    "asr_images": 4,
    "fooled": 3,
    "part": 10,
    "device": "cpu",
}


@pytest.fixture(autouse=True)
def _no_other_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ADVMI_DATA", raising=False)


def study(**changes) -> RetrainingStudy:
    return RetrainingStudy(**(QUICK | changes))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[list, RetrainingResult, Path]:
    """All records of an undisturbed study, its result, and where its parts lie."""
    folder = tmp_path_factory.mktemp("whole")
    run = study().run(folder)
    records = list(run)
    return records, run.result, folder


def same(a: RetrainingResult, b: RetrainingResult) -> None:
    assert a.cells.keys() == b.cells.keys()
    for cell, found in a.cells.items():
        np.testing.assert_array_equal(found.losses, b.cells[cell].losses)
        np.testing.assert_array_equal(found.curves, b.cells[cell].curves)


def test_rows_share_their_gradient_steps_and_equal_steps_gives_the_original_as_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[int] = []
    step = AutoencoderLearner.step
    build = AutoencoderLearner.__init__

    def begun(self, *arguments) -> None:
        counted.append(0)
        build(self, *arguments)

    def stepped(self, *arguments) -> float:
        counted[-1] += 1
        return step(self, *arguments)

    monkeypatch.setattr(AutoencoderLearner, "__init__", begun)
    monkeypatch.setattr(AutoencoderLearner, "step", stepped)
    small = study(seeds=(0,), share=0.5, asr_images=0)
    small.run(tmp_path).drain()
    epochs, steps = 2 * math.ceil(20 / 8), 2 * math.ceil(40 / 8)
    assert counted == [epochs, steps, steps, steps]
    assert [small.gradient_steps("ae-dense", name) for name in PROTOCOLS] == [epochs, steps]


def test_without_new_images_a_row_is_the_original_of_equal_steps(tmp_path: Path) -> None:
    result = study(seeds=(0,), share=0.0, asr_images=0).run(tmp_path).drain()
    original = result.cells["ae-dense", "original", "equal-steps"]
    for row in ("mine-uae-patches", "gaussian"):
        for protocol in PROTOCOLS:
            found = result.cells["ae-dense", row, protocol]
            assert found.used == 0
            np.testing.assert_array_equal(found.losses, original.losses)
    shorter = result.cells["ae-dense", "original", "equal-epochs"]
    assert not np.array_equal(shorter.losses, original.losses)


def test_records_count_up_to_the_end_and_begin_at_once(whole: tuple) -> None:
    records, result, _ = whole
    first = records[0]
    assert isinstance(first, RetrainStep)
    assert (first.row, first.protocols, first.seed) == ("original", ("equal-epochs",), 0)
    assert math.isnan(first.validation)
    steps = [record.step for record in records]
    assert steps == sorted(steps)
    assert steps[-1] == records[-1].total
    assert result.complete
    making = [record for record in records if isinstance(record, MakingStep)]
    assert {(record.row, record.split) for record in making} == {
        (row, split) for row in ("mine-uae-patches", "gaussian") for split in ("train", "test")
    }
    for record in (record for record in records if isinstance(record, RetrainStep) and record.metrics):
        for protocol in record.protocols:
            found = result.cells["ae-dense", record.row, protocol]
            at = record.seed
            assert (found.means[at], found.kept[at]) == pytest.approx(
                (record.metrics["mse"], record.metrics["kept"]), nan_ok=True
            )
            assert found.curves[at, -1] == record.validation
            assert found.used == record.used


def test_a_result_so_far_has_what_was_found(whole: tuple, tmp_path: Path) -> None:
    _, result, _ = whole
    with study().run(tmp_path) as run:
        first = next(run)
        begun = run.so_far().cells["ae-dense", "original", "equal-epochs"]
        assert (first.epoch, np.isfinite(begun.curves).sum(), np.isfinite(begun.means).sum()) == (1, 0, 0)
        next(run)
        assert np.isfinite(run.so_far().cells["ae-dense", "original", "equal-epochs"].curves).sum() == 1
        next(record for record in run if isinstance(record, MakingStep))
        early = run.so_far()
    assert not early.complete
    for protocol in PROTOCOLS:
        cell = ("ae-dense", "original", protocol)
        np.testing.assert_array_equal(early.cells[cell].losses[0], result.cells[cell].losses[0])
        assert np.isnan(early.cells[cell].losses[1]).all()
        assert np.isnan(early.cells["ae-dense", "gaussian", protocol].means).all()
    lines = {(line.row, line.protocol): line for line in early.table()}
    assert lines["original", "equal-steps"].seeds == 1
    assert math.isnan(lines["gaussian", "equal-steps"].mean)


def test_losses_are_squared_errors_per_pixel_of_the_base(whole: tuple) -> None:
    _, result, _ = whole
    train = data.load("fashion-mnist", split="train").x
    base = result.base["ae-dense"]
    with torch.no_grad():
        wanted = (train[20:30] - base(train[20:30])).square().mean((1, 2, 3))
    found = result.cells["ae-dense", "original", "equal-epochs"]
    np.testing.assert_allclose(found.losses[0], wanted, rtol=1e-5)
    assert found.curves[0, -1] == pytest.approx(float(wanted.mean()), rel=1e-5)


def test_noise_takes_the_place_of_the_uaes_that_it_is_as_long_as(whole: tuple) -> None:
    _, result, _ = whole
    uaes, noise = result.made["ae-dense", "mine-uae-patches"], result.made["ae-dense", "gaussian"]
    torch.testing.assert_close(noise.l2, uaes.l2, rtol=1e-5, atol=0)
    cells = [result.cells["ae-dense", row, "equal-steps"] for row in ("mine-uae-patches", "gaussian")]
    assert cells[0].used == cells[1].used == int(uaes.success.sum())
    assert cells[0].asr_train == pytest.approx(uaes.asr)
    assert cells[0].moved_l2 == pytest.approx(float(uaes.moved_l2.mean()))


def test_the_solvers_uaes_are_learnt_with_both_targets_and_noise_follows_them(tmp_path: Path) -> None:
    rows = ("mine-uae-patches", "solver-uae", "solver-uae-x", "gaussian", "gaussian-loss")
    result = (
        study(rows=rows, seeds=(0,), noise=0.25, fooled=0, asr_images=0, mi_weight=1.0).run(tmp_path).drain()
    )
    assert result.complete
    made = {row: result.made["ae-dense", row] for row in rows}
    assert torch.equal(made["solver-uae"].x_adv, made["solver-uae-x"].x_adv)
    torch.testing.assert_close(made["gaussian"].l2, made["solver-uae"].l2, rtol=1e-5, atol=0)
    torch.testing.assert_close(made["gaussian-loss"].l2, 0.25 * made["solver-uae"].l2, rtol=1e-5, atol=1e-6)
    used = {row: result.cells["ae-dense", row, "equal-steps"].used for row in rows}
    assert used["solver-uae"] == used["gaussian-loss"] == int(made["solver-uae"].success.sum()) > 0
    both = [result.cells["ae-dense", row, "equal-steps"].means for row in ("solver-uae", "solver-uae-x")]
    assert both[0] != both[1]
    denoised = study(rows=("solver-uae", "solver-uae-x"), seeds=(0,), targets="original", fooled=0)
    assert [denoised.target(row) for row in (*denoised.rows, "l2-uae")] == ["self", "original", "original"]
    assert [study().target(row) for row in ("l2-uae", "gaussian", "gaussian-loss")] == [
        "self",
        "self",
        "original",
    ]
    assert made["solver-uae"].spec["steps"] == 5 * 3


def test_what_a_new_uae_keeps_is_measured_on_every_retrained_network(whole: tuple) -> None:
    _, result, folder = whole
    found = study().solver()(
        Reconstruction(result.base["ae-dense"]), data.load("fashion-mnist", "train").x[20:23]
    )
    assert found.success.any()
    wanted = torch.where(found.success, found.kept, torch.nan).numpy()
    (path,) = folder.glob("retrain-ae-dense-original-*/equal-epochs-seed0.npz")
    np.testing.assert_allclose(np.load(path)["kept"], wanted, rtol=1e-4, atol=1e-4)
    cell = result.cells["ae-dense", "original", "equal-epochs"]
    assert cell.kept[0] == pytest.approx(np.nanmean(wanted), rel=1e-4)
    assert cell.kept.shape == (2,)


def test_examples_are_what_base_and_retrained_network_rebuild(whole: tuple) -> None:
    _, result, _ = whole
    shown = result.examples("ae-dense", "mine-uae-patches")
    made, base = result.made["ae-dense", "mine-uae-patches"], result.base["ae-dense"]
    assert shown.x.shape == (16, 1, 28, 28)
    np.testing.assert_array_equal(shown.x_adv, made.x_adv[:16])
    with torch.no_grad():
        np.testing.assert_allclose(shown.before_adv, base(made.x_adv[:16]), atol=1e-6)
    assert not np.allclose(shown.after, shown.before)
    assert result.examples("ae-dense", "l2-uae") is None


def test_a_stopped_study_goes_on(whole: tuple, tmp_path: Path) -> None:
    run = study().run(tmp_path)
    for record in run:
        if isinstance(record, RetrainStep) and record.row == "mine-uae-patches":
            break
    partial = run.result
    assert not partial.complete
    assert not (partial.folder / "result.json").exists()
    resumed = study().run(tmp_path)
    reused = [record for record in resumed if record.reused]
    assert len([record for record in reused if isinstance(record, RetrainStep)]) == 2
    same(resumed.result, whole[1])
    assert not resumed.result.loaded
    again = study().run(tmp_path)
    assert all(record.reused for record in again)
    assert again.result.loaded
    progress = read_progress(again.result.folder)
    folders = {path.name for path in tmp_path.iterdir()}
    assert (progress.complete, progress.done, progress.total) == (True, 12, 12)
    assert {*progress.uses, again.result.folder.name} == folders


def test_more_seeds_and_rows_reuse_what_is_there(whole: tuple, tmp_path: Path) -> None:
    study(seeds=(0,), rows=("original",)).run(tmp_path).drain()
    records = list(study(seeds=(0, 1)).run(tmp_path))
    done = {(r.row, r.protocols, r.seed) for r in records if isinstance(r, RetrainStep) and r.reused}
    assert done == {("original", (protocol,), 0) for protocol in PROTOCOLS}


def _made_up(seeds: int = 3) -> RetrainingResult:
    stream = np.random.default_rng(0)
    cells = {
        ("ae-dense", row, protocol): Retrained(
            stream.random((seeds, 7)).astype(np.float32), stream.random((seeds, 4)).astype(np.float32),
            kept=stream.random(seeds), used=5, l2=1.5, start_l2=1.0, moved_l2=0.25,
        )
        for row in ROWS
        for protocol in PROTOCOLS
    }  # fmt: skip
    return RetrainingResult({"n": 3}, cells, True)


def test_the_table_by_hand() -> None:
    result = _made_up()
    for line in result.table():
        means = {
            row: [
                float(np.mean(seed))
                for seed in result.cells["ae-dense", row, line.protocol].losses.astype(float)
            ]
            for row in ROWS
        }
        own = means[line.row]
        assert line.mean == pytest.approx(sum(own) / 3)
        assert line.std == pytest.approx(math.sqrt(sum((m - sum(own) / 3) ** 2 for m in own) / 2))
        assert line.change == pytest.approx(100 * (sum(own) / sum(means["original"]) - 1))
        for other, pairs in (("original", line.against_original), ("gaussian", line.against_gaussian)):
            # Here noise is as long as the solver's UAEs, so others are not compared with it.
            if line.row == other or (other == "gaussian" and line.row not in ("solver-uae", "solver-uae-x")):
                assert pairs is None
                continue
            differences = [a - b for a, b in zip(own, means[other], strict=True)]
            centre = sum(differences) / 3
            spread = math.sqrt(sum((d - centre) ** 2 for d in differences) / 2)
            half = student.ppf(0.975, df=2) * spread / math.sqrt(3)
            assert (pairs.n, pairs.mean) == (3, pytest.approx(centre))
            assert (pairs.low, pairs.high) == (pytest.approx(centre - half), pytest.approx(centre + half))
        kept = {row: result.cells["ae-dense", row, line.protocol].kept for row in ROWS}
        assert line.kept == pytest.approx(float(np.mean(kept[line.row])))
        assert line.kept_std == pytest.approx(float(np.std(kept[line.row], ddof=1)))
        if line.row != "original":
            wanted = float(np.mean(kept[line.row] - kept["original"]))
            assert line.kept_against_original.mean == pytest.approx(wanted)
        assert line.moved_share == pytest.approx(0.2)


def test_one_seed_claims_nothing() -> None:
    for line in _made_up(seeds=1).table():
        assert math.isnan(line.std)
        for pairs in (line.against_original, line.against_gaussian):
            assert pairs is None or (math.isnan(pairs.low) and math.isnan(pairs.high))


def test_a_stored_result_has_the_same_table(whole: tuple, tmp_path: Path) -> None:
    _, result, _ = whole
    paths = stored.save(result, tmp_path, "small")
    again = stored.load("small", tmp_path)
    assert stored.available(tmp_path) == ("small",)
    assert again.complete
    for line, wanted in zip(again.table(), result.table(), strict=True):
        assert line == wanted or str(line) == str(wanted)  # NaN differs from itself
    for cell, found in result.cells.items():
        np.testing.assert_allclose(again.cells[cell].curves, found.curves, rtol=1e-5)
    shown, wanted = (r.examples("ae-dense", "gaussian") for r in (again, result))
    np.testing.assert_allclose(shown.after_adv, wanted.after_adv, atol=0.5 / 255 + 1e-6)
    before = [path.read_bytes() for path in paths]
    stored.save(result, tmp_path, "small")
    assert [path.read_bytes() for path in paths] == before
    assert json.loads(paths[0].read_text(encoding="utf-8"))["spec"]["n"] == 20
    same_as_own = (result.folder / "result.json").read_bytes()
    assert same_as_own == before[0]


def test_damaged_or_missing_stored_results_say_so(whole: tuple, tmp_path: Path) -> None:
    with pytest.raises(StoredError, match="no stored result named 'x'; there are: none; `advmi table"):
        stored.load("x", tmp_path)
    table, pictures = stored.save(whole[1], tmp_path, "x")
    pictures.write_bytes(b"not a zip")
    assert stored.load("x", tmp_path).shown == {}
    for text in ("{", "[]", '{"format": 2}', '{"format": 1}', '{"format": 9}'):
        table.write_text(text, encoding="utf-8")
        with pytest.raises(StoredError, match=r"x\.json"):
            stored.load("x", tmp_path)


def test_a_search_never_sees_the_test_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load = data.load

    def guarded(name: str, split: str = "test"):
        assert split == "train"
        return load(name, split=split)

    monkeypatch.setattr(data, "load", guarded)
    assert study().run(tmp_path).total > 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"models": ("cnn",)}, "models must be autoencoders, got 'cnn'"),
        ({"models": ()}, "models must be at least one and all different"),
        ({"rows": ("original", "gaussian")}, "noise is as long as a row of UAEs, got no such row"),
        ({"rows": ("mixup",)}, "rows must be one of original, "),
        ({"seeds": (0, 0)}, "seeds must be at least one and all different"),
        ({"share": 1.5}, "share must be ≥ 0 and ≤ 1, got 1.5"),
        ({"targets": "clean"}, "targets must be one of self, original"),
        ({"measured": "train"}, "measured must be one of test, validation"),
        ({"n": 0}, "n must be a whole number ≥ 1"),
        ({"noise": -1}, "noise must be ≥ 0, got -1"),
        ({"fooled": -1}, "fooled must be a whole number ≥ 0"),
        ({"inner": 0}, "inner must be a whole number ≥ 1"),
    ],
)
def test_bad_parameters_are_named(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        study(**changes)


def test_too_few_images_are_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"at most the 2000 training images .* got 1995 \+ 10"):
        study(n=1995).run(tmp_path)
