"""Studies in a folder: listed with how far they came, found by their parameters, deleted with a way back."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from advmi_core.experiments.artefact import Artefact
from advmi_core.experiments.progress import StudyRun, remembered
from advmi_core.experiments.store import Store, in_use, inspect, restore

SPEC = {"n": 3, "seeds": [0, 1]}


@dataclass(frozen=True)
class Step:
    step: int
    total: int = 3


def study(root: Path, title: str = "Three", **changes: object) -> StudyRun[Step, int]:
    """Three parts in one artefact of its own and one that several studies share."""
    own, shared = Artefact(root, "three", SPEC | changes), Artefact(root, "shared", {"of": "all"})
    own.open()
    shared.open()

    def records() -> Iterator[Step]:
        for step in range(1, 4):
            own.put(str(step), {"values": np.array([step])}, 1.0)
            yield Step(step)

    return StudyRun(own, title, records(), lambda: 3, 3, uses=[shared])


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_study_is_listed_with_how_far_it_came(tmp_path: Path) -> None:
    store, run = Store(tmp_path), study(tmp_path)
    assert store.studies() == []
    next(run)
    next(run)
    (info,) = store.studies()
    assert (info.title, info.kind, info.done, info.total, info.complete) == ("Three", "three", 2, 3, False)
    assert (info.spec, info.problem, info.uses) == (SPEC, "", (info.uses[0],))
    assert store.complete(info.id) is None
    run.drain()
    (info,) = store.studies()
    assert (info.done, info.complete) == (3, True)
    assert store.complete(info.id) == info
    next(study(tmp_path))  # to look at it again does not make it incomplete
    assert store.studies() == [info]


def test_a_study_is_found_by_its_parameters_and_opens_on_its_page(tmp_path: Path) -> None:
    store = Store(tmp_path)
    study(tmp_path).announce("defence", {"alpha": 0.7}).drain()
    study(tmp_path, n=4).drain()
    found = store.newest("three", {"n": 3, "seeds": (0, 1)})
    assert found is not None
    assert (found.page, found.form) == ("defence", {"alpha": 0.7})
    assert store.newest("three", {"n": 5}) is None
    assert store.newest("three", {"m": 3}) is None
    assert store.newest("four", {"n": 3}) is None
    study(tmp_path).drain()
    assert store.newest("three", {"n": 3}) == found, "what no page begins still opens where one began it"


def test_folders_of_announced_studies_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADVMI_CACHE", str(tmp_path / "cache"))
    assert remembered() == []
    for place in ("a", "b", "a"):
        study(tmp_path / place).announce()
    assert remembered() == [tmp_path / "a", tmp_path / "b"]
    shutil.rmtree(tmp_path / "a")
    assert remembered() == [tmp_path / "b"]
    (tmp_path / "cache" / "folders.json").write_text("{")
    assert remembered() == []


@pytest.mark.parametrize("text", ["\x00\x01", "{}", "[1]", "{", "[" * 20_000, None])
def test_what_is_no_study_is_listed_with_a_sentence_where_it_is_wanted(
    text: str | None, tmp_path: Path
) -> None:
    (tmp_path / "holiday").mkdir()
    (tmp_path / "note.txt").write_text("no folder")
    if text is not None:
        (tmp_path / "holiday" / "spec.json").write_text(text)
    assert Store(tmp_path).studies() == []
    (info,) = Store(tmp_path, strays=True).studies()
    assert (info.complete, info.spec, info.title) == (False, {}, "holiday")
    assert info.problem.endswith("; delete the folder or move it away")
    assert "\n" not in info.problem
    assert Store(tmp_path).delete(info.folder).is_dir()


def test_a_moved_or_damaged_folder_says_so(tmp_path: Path) -> None:
    run = study(tmp_path)
    run.drain()
    moved = Path(shutil.move(run.artefact.folder, tmp_path / "three-0123456789ab"))
    assert "describes another study than its folder's name says" in inspect(moved).problem
    assert not inspect(moved).complete
    (moved / "progress.json").write_text("[" * 200_000)
    assert inspect(moved).title == "three"


def test_shipped_ones_come_last_and_stay(tmp_path: Path) -> None:
    shipped = tmp_path / "shipped"
    study(shipped).drain()
    study(tmp_path / "own").drain()
    study(tmp_path / "own", n=4).drain()
    older = study(tmp_path / "own").artefact.folder
    os.utime(older / "spec.json", (1, 1))
    store = Store(tmp_path / "own", shipped)
    found = store.studies()
    assert [info.shipped for info in found] == [False, False, True]
    assert found[1].folder == older
    assert found[2].key == f"{older.name}~shipped"
    assert store.complete(older.name) == found[1]
    with pytest.raises(ValueError, match="came with AdvMI and cannot be deleted"):
        store.delete(found[2].folder)
    store.delete(older)
    assert store.complete(older.name) == found[2]


def test_deleting_takes_the_parts_along_that_no_other_study_uses_and_can_be_undone(tmp_path: Path) -> None:
    store, run = Store(tmp_path), study(tmp_path)
    run.drain()
    other = study(tmp_path, n=4)
    other.drain()
    shared = tmp_path / store.studies()[0].uses[0]
    before = contents(tmp_path)
    first = store.delete(run.artefact.folder)
    assert shared.is_dir(), "the other study uses it"
    second = store.delete(other.artefact.folder)
    assert not shared.exists()
    assert store.studies() == []
    with pytest.raises(ValueError, match="is no folder"):
        store.delete(other.artefact.folder)
    with pytest.raises(ValueError, match="is deleted already"):
        store.delete(second)
    assert restore(second) == other.artefact.folder
    assert restore(first) == run.artefact.folder
    assert {name: blob for name, blob in contents(tmp_path).items() if "/" in name} == before
    for gone in (first, run.artefact.folder):
        with pytest.raises(ValueError, match="not in the trash any more"):
            restore(gone)


def test_a_new_study_in_its_place_keeps_the_deleted_one_in_the_trash(tmp_path: Path) -> None:
    store, folder = Store(tmp_path), study(tmp_path).artefact.folder
    trashed = store.delete(folder)
    study(tmp_path)
    with pytest.raises(ValueError, match="exists again, so the deleted one cannot be restored"):
        restore(trashed)
    again = store.delete(folder)
    assert trashed.is_dir()
    assert restore(again) == folder


def test_the_trash_is_emptied_after_a_day(tmp_path: Path) -> None:
    store = Store(tmp_path)
    old = store.delete(study(tmp_path).artefact.folder)
    yesterday = time.time() - 25 * 3600
    os.utime(old.parent, (yesterday, yesterday))
    new = store.delete(study(tmp_path, n=4).artefact.folder)
    assert new.is_dir()
    assert not old.exists()


@pytest.mark.parametrize("part", ["three", "shared"])
def test_what_is_being_computed_cannot_be_deleted(part: str, tmp_path: Path) -> None:
    run = study(tmp_path)
    run.drain()
    (shared,) = inspect(run.artefact.folder).uses
    busy = run.artefact if part == "three" else Artefact(tmp_path, "shared", {"of": "all"})
    assert busy.folder.name in (run.artefact.folder.name, shared)
    with busy.claim("some/part"):
        assert in_use(busy.folder)
        with pytest.raises(ValueError, match="is being computed; cancel that before you delete it"):
            Store(tmp_path).delete(run.artefact.folder)
    assert Store(tmp_path).delete(run.artefact.folder).is_dir()


def test_a_file_in_the_place_of_the_folder_is_nothing_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert Store(tmp_path / "file" / "studies").studies() == []
    with pytest.raises(ValueError, match="a file stands where a folder is needed; choose another folder"):
        study(tmp_path / "file" / "studies")


def test_a_foreign_spec_in_its_place_is_refused(tmp_path: Path) -> None:
    folder = study(tmp_path).artefact.folder
    (folder / "spec.json").write_text(json.dumps(SPEC | {"n": 7}))
    with pytest.raises(ValueError, match="is damaged or describes another study than its folder's name says"):
        study(tmp_path)


@pytest.mark.fault("L17")
def test_a_deeply_nested_timing_is_an_unknown_time(tmp_path: Path) -> None:
    artefact = study(tmp_path).artefact
    artefact.put("one", {"values": np.zeros(2)}, 1.0)
    assert artefact.seconds("one") == 1.0
    (artefact.folder / "timings" / "one.json").write_text("[" * 200_000)
    assert np.isnan(artefact.seconds("one"))
