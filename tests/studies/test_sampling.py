"""The sampling study: what it measures, what it keeps, and that it goes on where it was."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from advmi_core import data, models
from advmi_core.mi import estimate_mi
from advmi_core.objectives import Classification
from advmi_core.studies.sampling.exports import values_csv, values_npz
from advmi_core.studies.sampling.results import StudyResult
from advmi_core.studies.sampling.spec import SAMPLINGS
from advmi_core.studies.sampling.study import SamplingStudy

N, PART = 7, 3
QUICK = {"n": N, "part": PART, "samplings": ("conv",), "steps": 2, "device": "cpu"}


def study(**changes) -> SamplingStudy:
    return SamplingStudy(**(QUICK | changes))


def files(folder: Path) -> dict[str, bytes]:
    """All results below the folder, not the timings."""
    found = [path for path in folder.rglob("*") if path.is_file() and path.parent.name != "timings"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def objective() -> tuple[Classification, torch.Tensor]:
    images = data.load("fashion-mnist").take(range(N))
    return Classification(models.load("cnn", device="cpu"), images.y), images.x


def test_a_part_has_the_values_of_one_estimate_over_all_images(tmp_path: Path) -> None:
    run = study(eps=0.2, samplings=SAMPLINGS).run(tmp_path)
    result = run.drain()
    target, x = objective()
    twins = [np.load(path)["values"] for path in sorted(result.folder.glob("perturb-*.npz"))]
    x_adv = torch.from_numpy(np.concatenate(twins))
    assert 0.1 < float((x_adv - x).abs().max()) <= 0.2
    assert 0 <= float(x_adv.min()) <= float(x_adv.max()) <= 1
    for sampling in SAMPLINGS:
        for index, seed in enumerate((0, 1)):
            wanted = estimate_mi(target, x, x_adv, sampling=sampling, seed=seed, steps=2)
            np.testing.assert_allclose(result.values[sampling][index], wanted.numpy(), rtol=0, atol=1e-4)
    assert result.k == {"conv": target.features(x[:1]).shape[1], "random": 500, "patches": 26 * 26}
    assert result.complete
    assert run.total == 3 * (1 + 3 * 2)


def test_pgd_twins_attack_and_do_not_depend_on_the_part(tmp_path: Path) -> None:
    found = [study(perturbation="pgd", part=size, seeds=(0,)).run(tmp_path).drain() for size in (2, N)]
    twins = [
        np.concatenate([np.load(path)["values"] for path in sorted(result.folder.glob("perturb-*.npz"))])
        for result in found
    ]
    np.testing.assert_allclose(*twins, rtol=0, atol=1e-6)
    target, x = objective()
    fooled = target.model(torch.from_numpy(twins[0])).argmax(1) != target.y
    assert float(fooled.float().mean()) > 0.5
    assert np.abs(twins[0] - x.numpy()).max() <= 0.1 + 1e-7  # float32's rounding


def test_an_autoencoder_is_studied_too(tmp_path: Path) -> None:
    result = study(model="ae-dense", samplings=("random",), perturbation="pgd", n=2).run(tmp_path).drain()
    assert result.values["random"].shape == (2, 2)
    with pytest.raises(ValueError, match="ae-dense"):
        study(model="ae-dense").run(tmp_path)


def test_a_repeat_is_loaded_and_another_study_has_another_folder(tmp_path: Path) -> None:
    first = study().run(tmp_path).drain()
    again = study().run(tmp_path).drain()
    assert (first.loaded, again.loaded) == (False, True)
    np.testing.assert_array_equal(first.values["conv"], again.values["conv"])
    assert again.seconds == pytest.approx(first.seconds)
    folders = {
        study(**change).run(tmp_path).drain().folder for change in ({"eps": 0.2}, {"seed": 1}, {"n": 6})
    }
    assert len(folders | {first.folder}) == 4


def test_a_result_so_far_has_what_was_measured_and_the_run_goes_on(tmp_path: Path) -> None:
    run, measured = study().run(tmp_path), []
    for step in run:
        if step.stage == "conv":
            measured.append(step)
            now = run.so_far()
            assert np.isfinite(now.values["conv"]).sum() == sum(min(PART, N - one.start) for one in measured)
    assert len(measured) == 6
    assert not np.isnan(now.values["conv"]).any()
    assert run.so_far().complete


def test_neither_threads_nor_time_change_a_byte(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    try:
        found = []
        for threads in (1, 3):
            torch.set_num_threads(threads)
            found.append(study(samplings=("random", "conv")).run(tmp_path / str(threads)).drain())
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    one, three = (files(result.folder) for result in found)
    assert one == three
    assert b"seconds" not in b"".join(one.values())
    assert all(math.isfinite(value) for value in found[0].seconds.values())


def test_the_table_counts_what_is_there() -> None:
    values = {
        "conv": np.array([[1, 2, 3, 4], [1, 6, math.nan, math.nan]], np.float32),
        "random": np.full((2, 4), math.nan, np.float32),
    }
    result = StudyResult({}, (5, 7), values, {"conv": 32, "random": 500}, {"conv": 1.5, "random": math.nan})
    conv, random = result.table()
    assert not result.complete
    assert (conv.k, conv.images) == (32, 2)
    assert (conv.mean, conv.std) == (pytest.approx(17 / 6), pytest.approx(np.std([1, 2, 3, 4, 1, 6])))
    assert conv.means == (2.5, 3.5)
    assert conv.stds == pytest.approx((math.sqrt(1.25), 2.5))
    assert conv.rank_correlation == pytest.approx(1)
    assert conv.icc == pytest.approx(5 / 13)  # mean squares 9 (images), 4 (seeds), 4 (rest)
    assert conv.seconds == 1.5
    assert random.images == 0
    assert random.facts()["mean"] is None
    assert json.loads(json.dumps(conv.facts())) == conv.facts()


def test_seconds_are_per_image_of_the_parts_whose_seconds_are_known(tmp_path: Path) -> None:
    result = study(seeds=(0,)).run(tmp_path).drain()
    for name, seconds in (("000000", 1.0), ("000003", 3.0)):
        (result.folder / "timings" / f"conv-seed0-{name}.json").write_text(json.dumps({"seconds": seconds}))
    (result.folder / "timings" / "conv-seed0-000006.json").unlink()
    again = study(seeds=(0,)).run(tmp_path).drain()
    assert again.seconds["conv"] == pytest.approx(4 / 6)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"n": 0}, "n must be a whole number ≥ 1, got 0"),
        ({"eps": 1.5}, "eps must be ≥ 0 and ≤ 1, got 1.5"),
        ({"perturbation": "blur"}, "perturbation must be one of noise, pgd, got 'blur'"),
        ({"samplings": ("conv", "conv")}, "samplings must be a tuple of different values"),
        ({"samplings": ()}, "samplings must be a tuple"),
        ({"samplings": ["conv"]}, "samplings must be a tuple"),
        ({"samplings": ("maps",)}, "samplings must be one of conv, random, patches, got 'maps'"),
        ({"seeds": (0, -1)}, "seeds must be a whole number ≥ 0, got -1"),
        ({"critic": "huge"}, "critic must be one of"),
        ({"part": 0}, "part must be"),
    ],
)
def test_parameters_are_checked(changes: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        study(**changes)


def test_more_images_than_there_are_is_one_sentence(tmp_path: Path) -> None:
    have = len(data.load("fashion-mnist"))
    with pytest.raises(ValueError, match=f"n must be at most {have}, the test images of fashion-mnist"):
        study(n=have + 1).run(tmp_path)
    assert not list(tmp_path.iterdir())


def test_exports_hold_every_value_and_leave_out_what_is_unknown() -> None:
    values = {"conv": np.array([[1, 2], [math.nan, 0.125]], np.float32)}
    result = StudyResult({}, (5, 7), values, {"conv": 32}, {"conv": math.nan})
    lines = values_csv(result).decode().splitlines()
    assert lines == ["image,conv seed 5,conv seed 7", "0,1,", "1,2,0.125"]
    with np.load(io.BytesIO(values_npz(result)), allow_pickle=False) as file:
        np.testing.assert_array_equal(file["conv"], result.values["conv"])
        assert file["seeds"].tolist() == [5, 7]
