"""What a sweep mends, what its shards' size changes, and what it says of the time that is left."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from advmi_core.experiments.compute import Part
from advmi_core.studies.sweep import Cell, Sweep
from advmi_core.studies.sweep.runner import Runner

Read = Callable[[Path], dict[str, bytes]]


def _other_images(path: Path) -> None:
    path.write_bytes((path.parent / "000004.npz").read_bytes())


def _without_pictures(path: Path) -> None:
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files if name != "x_adv"}
    np.savez(path, **arrays)


@pytest.mark.parametrize("harm", [_other_images, _without_pictures])
def test_a_shard_that_is_another_or_lacks_something_is_computed_again(
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


def test_a_result_so_far_holds_the_shards_that_were_said(tiny: Sweep, tmp_path: Path) -> None:
    run, seen = tiny.run(tmp_path), []
    for step in run:
        seen.append(step)
        now = run.so_far()
        assert {cell: sum(1 for one in seen if one.cell == cell) for cell in tiny.cells} == {
            cell: -(-len(table) // tiny.shard) for cell, table in now.tables.items()
        }
        assert now.complete == (step.step == step.total == len(seen))


def test_time_left_counts_methods_by_their_own_seconds(
    tiny: Sweep, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = Runner(tiny, finished.parent, "serial", None, None, torch.device("cpu"))
    slow, _, fast = tiny.cells
    shards = {(shard.cell, shard.start): shard for shard in sweep.folder.shards}

    def left(cell: Cell, start: int, seconds: float, elapsed: float, reused: bool = False) -> float:
        monkeypatch.setattr("time.monotonic", lambda: sweep._began + elapsed)
        shard = shards[cell, start]
        arrays = sweep.folder.artefact.get(shard.name)
        assert arrays is not None
        return sweep._step(Part(shard, arrays, seconds, reused)).left

    sweep._began = 100.0
    assert math.isnan(left(slow, 0, 3.0, 1.0, reused=True))
    left(slow, 4, 10.0, 10.0)
    # 4 slow shards of 10 s and 2 fast ones of 1 s are left; the two took 11 s on one core.
    assert left(fast, 0, 1.0, 11.0) == pytest.approx(42)
    assert left(fast, 4, 1.0, 6.0) == pytest.approx(41 * 6 / 12)  # two workers
