"""A sweep that is killed, cancelled, shared or damaged ends in the same bytes as one that was left alone."""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from advmi_core.studies.sweep import Sweep, load

Read = Callable[[Path], dict[str, bytes]]
SHARDS = 9


def test_killed_five_times_at_random_moments(
    tiny: Sweep, nursery, contents: dict[str, bytes], read_results: Read, tmp_path: Path
) -> None:
    report, alone, killed = tmp_path / "report.json", tmp_path / "alone", tmp_path / "killed"
    began = time.perf_counter()
    assert nursery.wait(nursery.start(tiny, alone, report)) == 0
    takes = time.perf_counter() - began
    assert read_results(next(alone.iterdir())) == contents
    moments = random.Random(os.urandom(8))
    kills, within = 0, takes / 6
    while kills < 5:
        pid = nursery.start(tiny, killed, report)
        time.sleep(moments.uniform(0, within))
        os.kill(pid, signal.SIGKILL)
        if nursery.wait(pid) == -signal.SIGKILL:
            kills += 1
        else:  # it came to its end first, faster than the one left alone: that was no kill, begin again
            shutil.rmtree(killed)
            kills, within = 0, within / 2
    assert nursery.wait(nursery.start(tiny, killed, report)) == 0
    assert read_results(next(killed.iterdir())) == contents
    assert json.loads(report.read_text())[1] is True


def test_two_processes_share_the_work_and_lose_nothing(
    tiny: Sweep, nursery, contents: dict[str, bytes], read_results: Read, tmp_path: Path
) -> None:
    reports = [tmp_path / "first.json", tmp_path / "second.json"]
    both = [nursery.start(tiny, tmp_path / "runs", report) for report in reports]
    assert [nursery.wait(pid) for pid in both] == [0, 0]
    (folder,) = (tmp_path / "runs").iterdir()
    assert read_results(folder) == contents
    told = [json.loads(report.read_text()) for report in reports]
    assert sum(computed for computed, _ in told) == SHARDS, "no shard was computed twice"
    assert all(complete for _, complete in told), "both ended with the whole result"


def test_closing_keeps_the_finished_shards(
    tiny: Sweep, contents: dict[str, bytes], read_results: Read, tmp_path: Path
) -> None:
    run = tiny.run(tmp_path / "runs")
    seen = [next(run), next(run)]
    run.close()
    part = run.result
    assert not part.complete
    assert sum(map(len, part.tables.values())) >= 8
    assert part.folder is not None
    kept = len(list(part.folder.glob("shards/*/*.npz")))
    assert 2 <= kept <= 3, "the one in hand may have been finished as well"
    loaded = load(part.folder)
    assert not loaded.complete
    for step in seen:
        rows = np.isin(loaded.tables[step.cell].index, step.table.index)
        assert rows.sum() == len(step.table)
    again = list(tiny.run(tmp_path / "runs"))
    assert [step.reused for step in again] == [True] * kept + [False] * (SHARDS - kept)
    assert [step.step for step in again] == list(range(1, SHARDS + 1))
    assert all(step.total == SHARDS for step in again)
    assert read_results(part.folder) == contents


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def _flip(path: Path) -> None:
    blob = bytearray(path.read_bytes())
    blob[len(blob) // 2] ^= 1
    path.write_bytes(bytes(blob))


def _other_images(path: Path) -> None:
    path.write_bytes((path.parent / "000004.npz").read_bytes())


def _without_pictures(path: Path) -> None:
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files if name != "x_adv"}
    np.savez(path, **arrays)


@pytest.mark.parametrize(
    "harm", [_cut, _flip, _other_images, _without_pictures, lambda path: path.write_text("")]
)
def test_a_damaged_shard_is_computed_again(
    harm: Callable[[Path], None], tiny: Sweep, finished: Path, contents: dict[str, bytes], read_results: Read
) -> None:
    harm(finished / "shards" / "minmax-eps0.3" / "000000.npz")
    assert read_results(finished) != contents
    steps = list(tiny.run(finished.parent))
    assert [(step.cell.id, step.start) for step in steps if not step.reused] == [("minmax-eps0.3", 0)]
    assert read_results(finished) == contents


@pytest.mark.parametrize("name", ["result.npz", "gallery.npz", "summary.json", "images.npz"])
def test_a_damaged_result_is_written_again_without_computing(
    name: str, tiny: Sweep, finished: Path, contents: dict[str, bytes], read_results: Read
) -> None:
    (finished / name).write_bytes(b"PK")
    assert all(step.reused for step in tiny.run(finished.parent))
    assert read_results(finished) == contents


def test_the_shards_size_changes_no_number(tiny: Sweep, contents: dict[str, bytes], tmp_path: Path) -> None:
    other = replace(tiny, shard=7).run(tmp_path).drain()
    assert other.folder is not None
    for name in ("result.npz", "gallery.npz"):
        ours, wanted = np.load(other.folder / name), np.load(io.BytesIO(contents[name]))
        assert set(ours.files) == set(wanted.files)
        for key in ours.files:
            if ours[key].dtype.kind == "f":
                np.testing.assert_allclose(ours[key], wanted[key], rtol=1e-4, atol=1e-4, err_msg=key)
            else:
                np.testing.assert_array_equal(ours[key], wanted[key], key)
