"""The list of runs, opening one, its pictures, and deleting with a way back."""

from __future__ import annotations

import io
import json
import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest

from advmi_core.studies.sweep import (
    Cell,
    Sweep,
    collect,
    delete,
    gallery,
    load,
    restore,
    runs,
    runs_folder,
    store,
    trash,
)

_ODD = {"bytes": "\x00\x01", "json": "{}", "list": "[1]", "cut": "{", "deep": "[" * 20_000}


@pytest.fixture(autouse=True)
def shipped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    shipped = tmp_path / "assets" / "runs"
    for module in (store, trash):
        monkeypatch.setattr(module, "shipped_folder", lambda: shipped)
    return shipped


def test_runs_lie_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ADVMI_RUNS", str(tmp_path / "here"))
    assert runs_folder() == tmp_path / "here"
    assert runs() == []
    monkeypatch.delenv("ADVMI_RUNS")
    monkeypatch.setenv("ADVMI_CACHE", str(tmp_path / "cache"))
    assert runs_folder() == tmp_path / "cache" / "runs"


def test_a_finished_run_is_found_and_opened(tiny: Sweep, finished: Path) -> None:
    (info,) = runs(finished.parent)
    assert (info.id, info.name, info.folder) == (finished.name, "tiny", finished)
    assert (info.complete, info.done, info.total, info.shipped, info.problem) == (True, 9, 9, False, "")
    assert info.spec == tiny.spec()
    result = load(finished)
    assert result.complete
    assert result.spec == info.spec
    assert list(result.tables) == list(tiny.cells)
    assert all(seconds > 0 for seconds in result.seconds.values())
    told = json.loads((finished / "summary.json").read_text())
    assert told == [
        {"cell": cell.id, "method": cell.method, "eps": cell.eps, **summary.facts()}
        for cell, summary in result.table()
    ]


def test_the_whole_result_is_that_of_the_shards(finished: Path) -> None:
    whole = load(finished)
    (finished / "result.npz").unlink()
    shards = load(finished)
    assert shards.complete
    assert shards.seconds == whole.seconds
    for cell, table in whole.tables.items():
        for name, values in table.arrays().items():
            np.testing.assert_array_equal(values, shards.tables[cell].arrays()[name])


def test_what_is_shipped_needs_no_shards(finished: Path) -> None:
    before = load(finished)
    for name in ("shards", "timings", "locks"):
        shutil.rmtree(finished / name)
    (finished / "images.npz").unlink()
    after = load(finished)
    assert after.complete
    assert [facts for _, facts in after.table()] == [facts for _, facts in before.table()]
    assert all(np.isnan(seconds) for seconds in after.seconds.values())
    assert len(gallery(finished, Cell("pgd", 0.03))["index"]) > 0


def test_collecting_the_steps_gives_the_result(tiny: Sweep, finished: Path) -> None:
    steps = list(tiny.run(finished.parent))
    live, kept = collect(tiny, reversed(steps)), load(finished)
    assert live.complete
    assert live.folder is None
    assert (live.spec, live.seconds) == (kept.spec, kept.seconds)
    assert live.table() == kept.table()
    part = collect(tiny, steps[:4])
    assert not part.complete
    assert sum(map(len, part.tables.values())) == 4 * tiny.shard
    assert len(part.table()) == 3
    assert collect(tiny, []).table() == []


@pytest.mark.parametrize("whole", [True, False])
def test_gallery_shows_the_first_counted_images(whole: bool, tiny: Sweep, finished: Path) -> None:
    if not whole:
        (finished / "gallery.npz").unlink()
    with np.load(finished / "images.npz") as file:
        x = file["x"]
    for cell, table in load(finished).tables.items():
        pictures = gallery(finished, cell)
        np.testing.assert_array_equal(pictures["index"], table.index[table.correct][:24])
        np.testing.assert_array_equal(pictures["x"], x[pictures["index"]])
        moved = np.abs(pictures["x_adv"].astype(np.float64) - pictures["x"]).reshape(
            len(x[table.correct]), -1
        )
        np.testing.assert_allclose(moved.max(axis=1), table.linf[table.correct], rtol=1e-6)
    with pytest.raises(ValueError, match=r"cell must be one of minmax-eps0.02.*eps=0.7"):
        gallery(finished, Cell("minmax", 0.7))


def test_a_started_run_has_no_pictures_yet(finished: Path, tiny: Sweep) -> None:
    shutil.rmtree(finished / "shards")
    for name in ("result.npz", "gallery.npz"):
        (finished / name).unlink()
    (info,) = runs(finished.parent)
    assert (info.complete, info.done, info.total) == (False, 0, 9)
    assert load(finished).table() == []
    pictures = gallery(finished, tiny.cells[0])
    assert pictures["x"].shape == pictures["x_adv"].shape == (0, 1, 28, 28)


def test_folders_that_are_no_runs_are_listed_with_a_sentence(finished: Path) -> None:
    directory = finished.parent
    (directory / "holiday").mkdir()
    (directory / "note.txt").write_text("not a folder, not a run")
    for name, text in {
        "bytes": "\x00\x01",
        "json": "{}",
        "list": "[1]",
        "cut": "{",
        "deep": "[" * 20_000,
    }.items():
        (directory / name).mkdir()
        (directory / name / "spec.json").write_text(text)
    moved = directory / "tiny-0123456789ab"
    shutil.copytree(finished, moved)
    older = json.loads((finished / "spec.json").read_text())
    (directory / "older").mkdir()
    (directory / "older" / "spec.json").write_text(json.dumps({**older, "sweep": 1}))
    changed = directory / f"other{finished.name}"
    shutil.copytree(finished, changed)
    (changed / "spec.json").write_bytes(b"\xff\xfe\x00")
    found = {info.id: info for info in runs(directory)}
    assert set(found) == {
        finished.name,
        "holiday",
        "bytes",
        "json",
        "list",
        "cut",
        "deep",
        "older",
        moved.name,
        changed.name,
    }
    assert found[finished.name].problem == ""
    assert "has no spec.json, so it is no run; delete the folder or move it away" in found["holiday"].problem
    assert "cannot be read" in found["cut"].problem
    assert "cannot be read" in found["bytes"].problem
    assert "cannot be read" in found[changed.name].problem
    assert "not a sweep's spec" in found["json"].problem
    assert "not a sweep's spec" in found["list"].problem
    assert "describes another run than its folder's name says" in found[moved.name].problem
    assert found["deep"].problem
    assert "measured by another version of AdvMI" in found["older"].problem
    for name in ("holiday", "older", *_ODD, moved.name):
        assert "\n" not in found[name].problem
        with pytest.raises(ValueError):  # noqa: PT011 whatever the sentence is, it is one
            load(directory / name)
        with pytest.raises(ValueError):  # noqa: PT011
            gallery(directory / name, Cell("pgd", 0.03))


def test_runs_come_newest_first_and_shipped_ones_last(
    finished: Path, shipped: Path, tiny: Sweep, tmp_path: Path
) -> None:
    shutil.copytree(finished, shipped / finished.name)
    newer = tiny.run(finished.parent).result.folder
    assert newer == finished
    (finished.parent / "younger").mkdir()
    os.utime(finished / "spec.json", (1, 1))
    found = runs(finished.parent)
    assert [(info.id, info.shipped) for info in found] == [
        ("younger", False),
        (finished.name, False),
        (finished.name, True),
    ]
    with pytest.raises(ValueError, match="came with AdvMI and cannot be deleted"):
        delete(found[-1].folder)
    assert load(found[-1].folder).complete


def test_delete_and_restore(finished: Path, contents: dict[str, bytes], read_results) -> None:
    trashed = delete(finished)
    assert not finished.exists()
    assert runs(finished.parent) == []
    with pytest.raises(ValueError, match="is no folder"):
        delete(finished)
    with pytest.raises(ValueError, match="is deleted already"):
        delete(trashed)
    assert restore(trashed) == finished
    assert read_results(finished) == contents
    assert [info.id for info in runs(finished.parent)] == [finished.name]
    with pytest.raises(ValueError, match="not in the trash any more"):
        restore(trashed)
    with pytest.raises(ValueError, match="not in the trash any more"):
        restore(finished)


def test_a_new_run_in_its_place_keeps_the_deleted_one_in_the_trash(finished: Path, tiny: Sweep) -> None:
    trashed = delete(finished)
    shutil.copytree(trashed, finished)
    with pytest.raises(ValueError, match="exists again, so the deleted one cannot be restored"):
        restore(trashed)
    again = delete(finished)
    assert again != trashed
    assert trashed.is_dir()
    assert restore(again) == finished


def test_the_trash_is_emptied_after_a_day(finished: Path) -> None:
    old = delete(Path(shutil.copytree(finished, finished.parent / "old")))
    yesterday = time.time() - 25 * 3600
    os.utime(old.parent, (yesterday, yesterday))
    new = delete(finished)
    assert new.is_dir()
    assert not old.exists()


def test_a_run_at_work_cannot_be_deleted(tiny: Sweep, tmp_path: Path) -> None:
    run = tiny.run(tmp_path / "runs")
    next(run)
    next(run)
    (folder,) = (tmp_path / "runs").iterdir()
    with pytest.raises(ValueError, match="is being computed; cancel that before you delete it"):
        delete(folder)
    run.close()
    assert delete(folder).is_dir()


def test_a_folder_that_cannot_be_written_is_one_sentence(tiny: Sweep, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="cannot be written"):
        tiny.run(tmp_path / "file" / "runs")


def test_a_foreign_spec_in_the_run_s_place_is_refused(tiny: Sweep, finished: Path) -> None:
    (finished / "spec.json").write_text("{}")
    with pytest.raises(ValueError, match="is damaged or describes another"):
        tiny.run(finished.parent)


def test_results_hold_plain_arrays_only(finished: Path) -> None:
    for path in finished.rglob("*.npz"):
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            assert all(file[name].dtype != object for name in file.files)
