"""Every kind of study: killed, closed, damaged, shared, repeated, out of disk, it ends in the same bytes."""

from __future__ import annotations

import errno
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kinds import KINDS

from advmi_core.experiments.artefact import Arrays, Artefact
from advmi_core.files import WriteError
from advmi_core.run import Run

KILLS = 5
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")


class Bench:
    """One kind of study: what it needs, its undisturbed result, and ways to start it."""

    def __init__(self, kind: str, place: Path, nursery: Nursery) -> None:
        self.kind, self.place, self.nursery = kind, place / "place", nursery
        self.place.mkdir()
        KINDS[kind].prepare(self.place)
        began = time.perf_counter()
        assert nursery.wait(self.begin(place / "alone", place / "log")) == 0
        self.takes = time.perf_counter() - began
        self.alone, self.parts = results(place / "alone"), lines(place / "log")
        assert len(self.parts) == len(set(self.parts)) >= 3
        self.whole = place / "alone"

    def begin(self, root: Path, log: Path) -> int:
        """A process of its own; its pid."""
        order = {"kind": self.kind, "root": str(root), "place": str(self.place), "log": str(log)}
        return self.nursery.ask(order)

    def run(self, root: Path) -> Run[Any, Any]:
        """In this process."""
        return KINDS[self.kind].start(root, self.place)


class Nursery:
    """See ``nursery.py``."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("nursery.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )

    def ask(self, order: dict[str, Any]) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(order), file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())

    def wait(self, pid: int) -> int:
        """The exit code of a process; minus the signal that killed it."""
        return self.ask({"wait": pid})

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def lines(log: Path) -> list[str]:
    return log.read_text().split() if log.exists() else []


def results(root: Path) -> dict[str, bytes]:
    """All files but timings, locks and what a killed process has left half-written."""
    found = [path for path in sorted(root.rglob("*")) if path.is_file() and not path.name.startswith(".")]
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in found
        if not {"timings", "locks"} & set(path.relative_to(root).parts)
    }


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    made = Nursery()
    yield made
    made.close()


@pytest.fixture(scope="module", params=sorted(KINDS))
def bench(
    request: pytest.FixtureRequest, nursery: Nursery, tmp_path_factory: pytest.TempPathFactory
) -> Bench:
    return Bench(request.param, tmp_path_factory.mktemp(request.param), nursery)


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The parts that this process computes and keeps."""
    names, put = [], Artefact.put

    def noted(self: Artefact, name: str, arrays: Arrays, seconds: float, device: str = "") -> None:
        put(self, name, arrays, seconds, device)
        names.append(f"{self.folder.name}/{name}")

    monkeypatch.setattr(Artefact, "put", noted)
    return names


def copied(bench: Bench, root: Path) -> Path:
    return Path(shutil.copytree(bench.whole, root))


def test_killed_five_times_at_random_moments(bench: Bench, tmp_path: Path) -> None:
    root, log = tmp_path / "root", tmp_path / "log"
    moments, within, kills = random.Random(os.urandom(8)), bench.takes / (KILLS + 1), 0
    while kills < KILLS:
        pid = bench.begin(root, log)
        time.sleep(moments.uniform(0, within))
        os.kill(pid, signal.SIGKILL)
        if bench.nursery.wait(pid) == -signal.SIGKILL:
            kills += 1
        else:  # it came to its end first: that was no kill, begin again
            shutil.rmtree(root)
            log.unlink()
            kills, within = 0, within / 2
    assert bench.nursery.wait(bench.begin(root, log)) == 0
    assert results(root) == bench.alone
    again = len(lines(log)) - len(set(lines(log)))
    assert again == 0, "a part that was kept was computed again"


def test_two_processes_compute_each_part_once(bench: Bench, tmp_path: Path) -> None:
    logs = [tmp_path / "first", tmp_path / "second"]
    both = [bench.begin(tmp_path / "root", log) for log in logs]
    assert [bench.nursery.wait(pid) for pid in both] == [0, 0]
    assert sorted(lines(logs[0]) + lines(logs[1])) == sorted(bench.parts)
    assert results(tmp_path / "root") == bench.alone


def test_a_repeat_computes_nothing(bench: Bench, tmp_path: Path, kept: list[str]) -> None:
    bench.run(copied(bench, tmp_path / "root")).drain()
    assert kept == []
    assert results(tmp_path / "root") == bench.alone


@pytest.mark.parametrize("share", [0.2, 0.7])
def test_closing_keeps_what_is_finished(share: float, bench: Bench, tmp_path: Path, kept: list[str]) -> None:
    run = bench.run(tmp_path)
    for _ in run:
        if len(kept) >= share * len(bench.parts):
            break
    run.close()
    before, some = len(kept), run.result
    assert 0 < before < len(bench.parts)
    assert some is not None
    bench.run(tmp_path).drain()
    assert sorted(kept) == sorted(bench.parts)
    assert results(tmp_path) == bench.alone


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def _flip(path: Path) -> None:
    """A bit of the first array's last value: most bytes of a small file say nothing."""
    with zipfile.ZipFile(path) as file:
        size = file.infolist()[0].file_size
    blob = bytearray(path.read_bytes())
    blob[blob.index(b"\x93NUMPY") + size - 1] ^= 1
    path.write_bytes(bytes(blob))


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def test_damaged_parts_are_computed_again_and_no_others(
    bench: Bench, tmp_path: Path, kept: list[str]
) -> None:
    root = copied(bench, tmp_path / "root")
    harmed = [bench.parts[0], bench.parts[len(bench.parts) // 2], bench.parts[-1]]
    for part, harm in zip(harmed, (_cut, _flip, _empty), strict=True):
        folder, _, name = part.partition("/")
        (path,) = [path for path in (root / folder).rglob("*.npz") if str(path).endswith(f"/{name}.npz")]
        harm(path)
    bench.run(root).drain()
    assert sorted(kept) == sorted(harmed)
    assert results(root) == bench.alone


def test_a_full_disk_is_one_sentence_and_nothing_is_lost(
    bench: Bench, tmp_path: Path, kept: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real, written = Path.replace, itertools.count()
    room = len(bench.alone)  # files, those of the timings among them: about half of all

    def replace(self: Path, target: Path) -> Path:
        if next(written) >= room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self))
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(
        (WriteError, ValueError), match="cannot be written: the disk is full; free some space"
    ):
        bench.run(tmp_path).drain()
    monkeypatch.setattr(Path, "replace", real)
    assert 0 < len(kept) < len(bench.parts)
    bench.run(tmp_path).drain()
    assert sorted(kept) == sorted(bench.parts)
    assert results(tmp_path) == bench.alone
