"""The list of runs, opening one, and its pictures."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from advmi_core.experiments.artefact import Artefact
from advmi_core.studies.sweep import Cell, Sweep, find, gallery, load, runs, runs_folder


@pytest.fixture(autouse=True)
def shipped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    shipped = tmp_path / "assets" / "runs"
    monkeypatch.setattr("advmi_core.studies.sweep.store.shipped_folder", lambda: shipped)
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
    assert (info.id, info.kind, info.folder) == (finished.name, "tiny", finished)
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
    assert not load(finished).complete
    assert load(finished).table() == []
    pictures = gallery(finished, tiny.cells[0])
    assert pictures["x"].shape == pictures["x_adv"].shape == (0, 1, 28, 28)


def test_folders_that_are_no_runs_are_listed_with_a_sentence(finished: Path, tiny: Sweep) -> None:
    directory = finished.parent
    (directory / "holiday").mkdir()
    other = Artefact(directory, "other", {"no": "sweep"})
    older = Artefact(directory, "older", {**tiny.spec(), "sweep": 1})
    for artefact in (other, older):
        artefact.open()
    found = {info.id: info for info in runs(directory)}
    assert set(found) == {finished.name, "holiday", other.folder.name, older.folder.name}
    assert found[finished.name].problem == ""
    assert "has no spec.json, so it is no study; delete the folder" in found["holiday"].problem
    assert "not a sweep's spec" in found[other.folder.name].problem
    assert "measured by another version of AdvMI" in found[older.folder.name].problem
    for info in found.values():
        if info.problem:
            with pytest.raises(ValueError, match="delete the folder or move it away"):
                load(info.folder)
            with pytest.raises(ValueError, match="delete the folder or move it away"):
                gallery(info.folder, Cell("pgd", 0.03))
    with pytest.raises(ValueError, match="is not there"):
        load(directory / "gone")


def test_shipped_runs_are_listed_too(finished: Path, shipped: Path) -> None:
    shutil.copytree(finished, shipped / finished.name)
    own, given = runs(finished.parent)
    assert (own.shipped, given.shipped) == (False, True)
    assert load(given.folder).complete
    assert find([own, given], own.id) == own
    assert find([given], own.id) == given


def test_results_hold_plain_arrays_only(finished: Path) -> None:
    for path in finished.rglob("*.npz"):
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            assert all(file[name].dtype != object for name in file.files)
