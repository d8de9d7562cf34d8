"""The sampling study: what it measures, what it keeps, and that it goes on where it was."""

from __future__ import annotations

import io
import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from advmi_core import data, models
from advmi_core.mi import estimate_mi
from advmi_core.objectives import Classification
from advmi_core.studies.sampling import parts as sampling_parts
from advmi_core.studies.sampling.exports import values_csv, values_npz
from advmi_core.studies.sampling.pool import in_order
from advmi_core.studies.sampling.results import StudyStep, collect
from advmi_core.studies.sampling.spec import SAMPLINGS
from advmi_core.studies.sampling.study import SamplingStudy

N, PART = 7, 3
QUICK = {"n": N, "part": PART, "samplings": ("conv",), "steps": 2, "device": "cpu"}


def study(**changes) -> SamplingStudy:
    return SamplingStudy(**(QUICK | changes))


@pytest.fixture
def estimates(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The rows of every estimate that is really computed."""
    seen: list[tuple[int, ...]] = []

    def counted(*arguments, rows, **options):
        seen.append(tuple(rows))
        return estimate_mi(*arguments, rows=rows, **options)

    monkeypatch.setattr(sampling_parts, "estimate_mi", counted)
    return seen


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


def test_a_stopped_study_goes_on_and_ends_alike(tmp_path: Path, estimates: list) -> None:
    whole = study().run(tmp_path / "whole").drain()
    run = study().run(tmp_path / "cut")
    for step in run:
        if step.stage == "conv" and step.rows[0] == PART:
            break
    partial = run.result
    measured = len(estimates) - 6
    assert 2 <= measured < 6
    assert np.isfinite(partial.values["conv"]).sum() == 2 * PART
    assert not partial.complete
    assert not (partial.folder / "result.npz").exists()

    steps = list(study().run(tmp_path / "cut"))
    assert len(estimates) == 12, "finished parts were computed again"
    assert sum(step.reused for step in steps) == 3 + measured
    assert files(partial.folder) == files(whole.folder)


def test_a_killed_study_goes_on(tmp_path: Path, estimates: list) -> None:
    program = (
        "from pathlib import Path; from advmi_core.studies.sampling.study import SamplingStudy\n"
        f"SamplingStudy(**{QUICK | {'steps': 20, 'n': 36}!r}).run(Path({str(tmp_path)!r})).drain()"
    )
    process = subprocess.Popen([sys.executable, "-c", program], env=os.environ | {"OMP_NUM_THREADS": "1"})
    deadline = time.monotonic() + 60
    while len(list(tmp_path.glob("sampling-*/conv-*.npz"))) < 2:
        assert process.poll() is None, "ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = len(list(tmp_path.glob("sampling-*/conv-*.npz")))
    assert 2 <= kept < 24
    result = study(steps=20, n=36).run(tmp_path).drain()
    assert result.complete
    assert len(estimates) == 24 - kept


def test_a_repeat_computes_nothing_and_another_study_has_another_folder(
    tmp_path: Path, estimates: list
) -> None:
    first = study().run(tmp_path).drain()
    before = files(first.folder)
    again = study().run(tmp_path).drain()
    assert len(estimates) == 6
    assert files(first.folder) == before
    np.testing.assert_array_equal(first.values["conv"], again.values["conv"])
    assert again.seconds == pytest.approx(first.seconds)
    folders = {
        study(**change).run(tmp_path).drain().folder for change in ({"eps": 0.2}, {"seed": 1}, {"n": 6})
    }
    assert len(folders | {first.folder}) == 4


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[content.index(b"\n", 60) + 2] ^= 1  # a bit of the numbers, behind the header's line
    path.write_bytes(content)


def _other(path: Path) -> None:
    np.savez(path, values=np.zeros(PART + 1, np.float32))


def _pickled(path: Path) -> None:
    np.savez(path, values=np.array([print] * PART, dtype=object))


@pytest.mark.parametrize("harm", [_cut, _flip, _other, _pickled, lambda path: path.write_text("")])
def test_a_damaged_part_is_computed_again(
    harm: Callable[[Path], None], tmp_path: Path, estimates: list
) -> None:
    result = study().run(tmp_path).drain()
    before = files(result.folder)
    estimates.clear()
    harm(result.folder / "conv-seed1-000003.npz")
    study().run(tmp_path).drain()
    assert estimates == [(3, 4, 5)]
    assert files(result.folder) == before


def test_a_folder_of_another_study_is_refused_in_one_sentence(tmp_path: Path) -> None:
    folder = study().run(tmp_path).result.folder
    spec = json.loads((folder / "spec.json").read_text())
    assert (spec["n"], spec["steps"], spec["samplings"]) == (N, 2, ["conv"])
    (folder / "spec.json").write_text(json.dumps(spec | {"eps": 0.5}))
    with pytest.raises(ValueError, match="describes another study than its folder's name says; delete"):
        study().run(tmp_path)


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


def _step(stage: str, seed: int, rows: range, values: list[float], seconds: float = 1.0) -> StudyStep:
    return StudyStep(1, 9, stage, seed, np.array(rows), np.array(values, np.float32), 32, seconds, False)


def test_the_table_counts_what_is_there() -> None:
    steps = [
        _step("perturb", 0, range(2), [], 50.0),
        _step("conv", 5, range(2), [1, 2]),
        _step("conv", 5, range(2, 4), [3, 4], math.nan),
        _step("conv", 7, range(2), [1, 6], 3.0),
    ]
    result = collect({}, ("conv", "random"), (5, 7), 4, steps)
    conv, random = result.table()
    assert not result.complete
    assert (conv.k, conv.images) == (32, 2)
    assert (conv.mean, conv.std) == (pytest.approx(17 / 6), pytest.approx(np.std([1, 2, 3, 4, 1, 6])))
    assert conv.means == (2.5, 3.5)
    assert conv.stds == pytest.approx((math.sqrt(1.25), 2.5))
    assert conv.rank_correlation == pytest.approx(1)
    assert conv.icc == pytest.approx(5 / 13)  # mean squares 9 (images), 4 (seeds), 4 (rest)
    assert conv.seconds == pytest.approx(4 / 4)
    assert random.images == 0
    assert random.facts()["mean"] is None
    assert json.loads(json.dumps(conv.facts())) == conv.facts()


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


def test_the_pool_keeps_the_order_and_stops_when_closed() -> None:
    began: list[int] = []

    def job(number: int) -> Callable[[], int]:
        def work() -> int:
            began.append(number)
            time.sleep(0.02 if number % 2 == 0 else 0.001)
            return number

        return work

    assert list(in_order(map(job, range(9)), 3)) == list(range(9))
    began.clear()
    stream = in_order(map(job, range(100)), 2)
    assert next(stream) == 0
    stream.close()
    assert len(began) < 10


def test_the_pool_hands_on_an_error() -> None:
    def fail() -> int:
        raise ValueError("no such image")

    with pytest.raises(ValueError, match="no such image"):
        list(in_order([lambda: 1, fail], 2))


def test_exports_hold_every_value_and_leave_out_what_is_unknown() -> None:
    steps = [_step("conv", 5, range(2), [1, 2]), _step("conv", 7, range(1, 2), [0.125])]
    result = collect({}, ("conv",), (5, 7), 2, steps)
    lines = values_csv(result).decode().splitlines()
    assert lines == ["image,conv seed 5,conv seed 7", "0,1,", "1,2,0.125"]
    with np.load(io.BytesIO(values_npz(result)), allow_pickle=False) as file:
        np.testing.assert_array_equal(file["conv"], result.values["conv"])
        assert file["seeds"].tolist() == [5, 7]
