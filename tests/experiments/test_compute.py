"""Parts are found, or computed once and kept, by every executor and whoever else is at it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from advmi_core.experiments.artefact import Arrays, Artefact, has
from advmi_core.experiments.compute import Part, Task, compute, compute_one
from advmi_core.experiments.executors.choice import make_executor
from advmi_core.experiments.executors.executor import Call, Executor, Inline, Pooled, Threads
from advmi_core.experiments.executors.messages import Job, resolve
from advmi_core.files import WriteError

N = 6
BASE, PLUS = np.array([1, 2, 3], np.float32), np.array([0, 1, 0], np.float32)
needs_proc = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="children are found by /proc")


@pytest.fixture(autouse=True)
def _workers_find_toy(monkeypatch: pytest.MonkeyPatch) -> None:
    here = str(Path(__file__).parent)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([here, os.environ.get("PYTHONPATH", "")]))


@pytest.fixture
def artefact(tmp_path: Path) -> Artefact:
    made = Artefact(tmp_path, "powers", {"base": 3}, inside="parts")
    made.open()
    return made


def job(**settings: Any) -> Job:
    return Job("toy:powers", settings, {"base": BASE})


def good(arrays: Arrays) -> bool:
    return has(arrays, np.float32, {"values": BASE.shape})


def tasks(artefact: Artefact) -> list[Task[int]]:
    def call(power: int) -> Callable[[], Call]:
        return lambda: Call({"power": power}, {"plus": PLUS})

    return [Task(power, artefact, f"{power:02d}", good, call(power)) for power in range(N)]


def run(artefact: Artefact, executor: Callable[[], Executor]) -> list[Part[int]]:
    return list(compute(tasks(artefact), executor))


def inline(**settings: Any) -> Callable[[], Executor]:
    return lambda: Inline(resolve(job(**settings)))


EXECUTORS: dict[str, Callable[..., Executor]] = {
    "inline": lambda **settings: Inline(resolve(job(**settings))),
    "threads": lambda **settings: Pooled(Threads(resolve(job(**settings)), 3)),
    "serial": lambda **settings: make_executor("serial", job(**settings)),
    "processes": lambda **settings: make_executor("processes", job(**settings), 2),
}


def files(artefact: Artefact) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in artefact.folder.rglob("*.npz")}


def children(pid: int) -> set[int]:
    """The living processes that a process has started, and those that they have started."""
    found: set[int] = set()
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found |= {int(word) for word in task.read_text().split()}
        except OSError:
            continue
    living = {child for child in found if _state(child) not in "ZX"}
    return living.union(*(children(child) for child in living))


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def wait_for(condition: Callable[[], bool], seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


@pytest.mark.parametrize("executor", EXECUTORS)
def test_every_executor_keeps_the_same_parts(executor: str, artefact: Artefact, tmp_path: Path) -> None:
    mine = children(os.getpid()) if Path("/proc").is_dir() else set()
    found = run(artefact, EXECUTORS[executor])
    assert sorted(part.key for part in found) == list(range(N))
    for part in found:
        np.testing.assert_array_equal(part.arrays["values"], BASE**part.key + PLUS)
        assert (part.seconds, part.reused) == (0.25, False)
    other = Artefact(tmp_path / "other", "powers", {"base": 3}, inside="parts")
    other.open()
    run(other, inline())
    assert files(artefact) == files(other)
    assert '"device": "abacus"' in (artefact.folder / "timings" / "00.json").read_text()
    if mine or Path("/proc").is_dir():
        assert wait_for(lambda: children(os.getpid()) <= mine), "no worker stays behind"


def test_what_is_there_is_read_and_nobody_is_hired(artefact: Artefact) -> None:
    run(artefact, inline())
    found = run(artefact, lambda: pytest.fail("there is nothing to compute"))
    assert [part.key for part in found] == list(range(N))
    assert all(part.reused and part.seconds == 0.25 for part in found)


@pytest.mark.parametrize("blob", [b"", b"PK", None], ids=["empty", "cut", "another shape"])
def test_a_damaged_part_is_computed_again(blob: bytes | None, artefact: Artefact) -> None:
    run(artefact, inline())
    before, path = files(artefact), artefact.path("03")
    np.savez(path, values=np.zeros(7, np.float32)) if blob is None else path.write_bytes(blob)
    assert [part.key for part in run(artefact, inline()) if not part.reused] == [3]
    assert files(artefact) == before


@pytest.mark.parametrize("executor", ["inline", "threads"])
def test_closing_keeps_what_is_finished(executor: str, artefact: Artefact) -> None:
    parts = compute(tasks(artefact), lambda: EXECUTORS[executor](wait=0.05))
    kept = [next(parts).key, next(parts).key]
    parts.close()
    again = run(artefact, inline())
    assert {part.key for part in again if part.reused} >= set(kept)
    assert any(not part.reused for part in again)


def test_closing_gives_up_what_is_on_its_way(artefact: Artefact) -> None:
    parts = compute(tasks(artefact), lambda: EXECUTORS["threads"](wait=60, waits_from=1))
    assert next(parts).key == 0
    began = time.monotonic()
    parts.close()
    assert time.monotonic() - began < 20
    assert len(files(artefact)) == 1


def test_several_at_once_compute_each_part_once(artefact: Artefact, tmp_path: Path) -> None:
    found: list[list[Part[int]]] = []
    log = str(tmp_path / "log")
    several = [
        threading.Thread(target=lambda: found.append(run(artefact, inline(wait=0.03, log=log))))
        for _ in range(3)
    ]
    for thread in several:
        thread.start()
    for thread in several:
        thread.join()
    assert [sorted(part.key for part in parts) for parts in found] == [list(range(N))] * 3
    assert sorted(map(int, Path(log).read_text().split())) == list(range(N))
    assert sum(not part.reused for parts in found for part in parts) == N


@pytest.mark.parametrize("executor", EXECUTORS)
def test_an_error_is_the_callers_and_what_was_finished_stays(executor: str, artefact: Artefact) -> None:
    with pytest.raises(ValueError, match="there is no such power"):
        run(artefact, lambda: EXECUTORS[executor](fails=3))
    kept = len(files(artefact))
    assert kept >= 1
    again = run(artefact, inline())
    assert sum(part.reused for part in again) == kept


def test_a_disk_that_is_full_is_one_sentence_and_the_claims_are_given_back(
    artefact: Artefact, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, written = Path.replace, []

    def replace(self: Path, target: Path) -> Path:
        written.append(target)
        if len(written) > 4:
            raise OSError(28, "No space left on device", str(self))
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(WriteError, match="cannot be written: the disk is full"):
        run(artefact, EXECUTORS["threads"])
    monkeypatch.setattr(Path, "replace", real)
    assert len(files(artefact)) == 2
    assert sum(part.reused for part in run(artefact, inline())) == 2


@needs_proc
def test_a_worker_that_dies_is_one_sentence_and_nothing_is_lost(artefact: Artefact) -> None:
    before = children(os.getpid())
    with pytest.raises(ChildProcessError, match=r"a worker died \(exit code 9\); finished parts are kept"):
        run(artefact, lambda: make_executor("processes", job(dies=2), 1))
    assert children(os.getpid()) <= before
    assert sum(part.reused for part in run(artefact, inline())) == 2


_PARENT = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_compute import Artefact, compute, job, make_executor, tasks
artefact = Artefact(Path(sys.argv[1]), "powers", {"base": 3}, inside="parts")
artefact.open()
print(len(list(compute(tasks(artefact), lambda: make_executor("processes", job(wait=600), 1)))))
"""


@needs_proc
def test_no_worker_outlives_a_killed_parent(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _PARENT, str(tmp_path), str(Path(__file__).parent)]
    ) as parent:
        assert wait_for(lambda: len(children(parent.pid)) == 1, 60)
        workers = children(parent.pid)
        time.sleep(0.3)
        os.kill(parent.pid, signal.SIGKILL)
    assert wait_for(lambda: all(_state(pid) in "ZX" for pid in workers), 10)


def test_threads_are_left_as_they_were(artefact: Artefact) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        run(artefact, EXECUTORS["serial"])
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def making(calls: list[str], steps: int = 3) -> Generator[str, None, Arrays]:
    for step in range(steps):
        yield f"step {step}"
    calls.append("made")
    return {"values": BASE}


def drained(generator: Generator[str, None, Part[str]]) -> tuple[list[str], Part[str]]:
    said = []
    while True:
        try:
            said.append(next(generator))
        except StopIteration as end:
            return said, end.value


def test_one_part_says_how_far_it_is_and_is_found_again(artefact: Artefact) -> None:
    calls: list[str] = []

    def one() -> Generator[str, None, Part[str]]:
        return compute_one(artefact, "one", good, lambda: making(calls), "waiting")

    said, part = drained(one())
    assert said == ["step 0", "step 1", "step 2"]
    assert not part.reused
    assert part.seconds >= 0
    said, part = drained(one())
    assert (said, part.reused, calls) == ([], True, ["made"])
    np.testing.assert_array_equal(part.arrays["values"], BASE)


def test_one_part_that_another_computes_is_waited_for_with_signs_of_life(artefact: Artefact) -> None:
    calls: list[str] = []
    first = compute_one(artefact, "one", good, lambda: making(calls), "waiting")
    assert next(first) == "step 0"
    second = compute_one(artefact, "one", good, lambda: making(calls), "waiting")
    assert [next(second), next(second)] == ["waiting", "waiting"]
    drained(first)
    said, part = drained(second)
    assert part.reused
    assert said == []
    assert calls == ["made"]


def test_closing_one_part_gives_its_claim_back(artefact: Artefact) -> None:
    calls: list[str] = []
    first = compute_one(artefact, "one", good, lambda: making(calls), "waiting")
    next(first)
    first.close()
    said, _ = drained(compute_one(artefact, "one", good, lambda: making(calls), "waiting"))
    assert said[0] == "step 0"
    assert calls == ["made"]
