"""All executors leave the same bytes, and no worker outlives the process that started it."""

from __future__ import annotations

import importlib.util
import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from advmi_core.studies.sweep import Method, Sweep

Read = Callable[[Path], dict[str, bytes]]
needs_proc = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="children are found by /proc")
needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason='Ray is not installed: pip install "advmi[ray]"'
)


def children(pid: int) -> set[int]:
    """The processes that a process has started, and those that they have started."""
    found: set[int] = set()
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found |= {int(word) for word in task.read_text().split()}
        except OSError:
            continue
    return found.union(*(children(child) for child in found))


def alive(pids: set[int]) -> set[int]:
    """Those that still run; a zombie does not."""
    running = set()
    for pid in pids:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state not in "ZX":
            running.add(pid)
    return running


def wait_for(condition: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


@pytest.mark.parametrize("executor", ["processes", pytest.param("ray", marks=needs_ray)])
def test_same_bytes_as_serial(
    executor: str, tiny: Sweep, contents: dict[str, bytes], read_results: Read, tmp_path: Path
) -> None:
    mine = children(os.getpid()) if Path("/proc").is_dir() else set()
    steps, run = [], tiny.run(tmp_path / "runs", executor=executor, workers=2)
    for step in run:
        steps.append(step)
    assert len(steps) == run.total == 9
    assert not any(step.reused for step in steps)
    assert read_results(next((tmp_path / "runs").iterdir())) == contents
    if mine:
        assert wait_for(lambda: alive(children(os.getpid())) <= mine, 10), "no worker stays behind"


def test_serial_leaves_the_caller_s_threads_alone(tiny: Sweep, tmp_path: Path) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        run = replace(tiny, n=4).run(tmp_path)
        next(run)
        run.close()
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@needs_proc
def test_a_worker_that_dies_is_one_sentence_and_nothing_is_lost(
    tiny: Sweep, contents: dict[str, bytes], read_results: Read, tmp_path: Path
) -> None:
    mine = children(os.getpid())
    runs = tmp_path / "runs"
    run = tiny.run(runs, executor="processes", workers=1)
    next(run)
    (worker,) = alive(children(os.getpid()) - mine)
    os.kill(worker, signal.SIGKILL)
    with pytest.raises(ChildProcessError, match=r"died \(exit code -9\); finished shards are kept"):
        run.drain()
    assert not alive({worker})
    (folder,) = runs.iterdir()
    kept = len(list(folder.glob("shards/*/*.npz")))
    assert kept > 0
    assert sum(step.reused for step in tiny.run(runs)) == kept
    assert read_results(folder) == contents


@needs_proc
def test_no_worker_outlives_a_killed_parent(tiny: Sweep, nursery, tmp_path: Path) -> None:
    busy = Method(name="pgd", attack="pgd", parameters={"steps": 100_000, "mi_steps": 1}, eps=(0.1,))
    quick = Method(name="quick", attack="pgd", parameters={"steps": 1, "mi_steps": 1})
    sweep = replace(tiny, methods=(quick, busy), shard=11)
    parent = nursery.start(sweep, tmp_path, tmp_path / "no.json", executor="processes", workers=1)
    assert wait_for(lambda: bool(list(tmp_path.glob("*/shards/*/*.npz"))), 60)
    time.sleep(0.3)  # by now the worker has taken one of the tasks that would take hours
    workers = alive(children(parent))
    assert len(workers) == 1
    os.kill(parent, signal.SIGKILL)
    nursery.wait(parent)
    assert wait_for(lambda: not alive(workers), 5), f"still there: {alive(workers)}"


def test_an_error_in_a_worker_is_the_caller_s(
    tiny: Sweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from advmi_core.studies.sweep.executors import executor as executors

    def fails(*arguments: object) -> None:
        raise ValueError("the attack cannot do this")

    monkeypatch.setattr(executors, "measure", fails)
    with pytest.raises(ValueError, match="the attack cannot do this"):
        tiny.run(tmp_path).drain()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"executor": "threads"}, "executor must be one of serial, processes, ray, got 'threads'"),
        ({"executor": "processes", "workers": 0}, "workers must be a whole number ≥ 1, got 0"),
        ({"executor": "serial", "workers": 3}, 'executor="serial" has one worker, got workers=3'),
        ({"ray_address": "auto"}, "ray_address is for executor=\"ray\", got executor='serial'"),
    ],
)
def test_bad_choices_are_refused_at_once(options: dict, message: str, tiny: Sweep, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        tiny.run(tmp_path, **options)
    assert not list(tmp_path.iterdir())


def test_ray_missing_says_how_to_get_it(tiny: Sweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ValueError, match=r'pip install "advmi\[ray\]"'):
        tiny.run(tmp_path, executor="ray").drain()


@needs_ray
@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "127.0.0.1:99999"])
def test_no_cluster_at_the_address_is_said_at_once(address: str, tiny: Sweep, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"Ray cannot be started or reached at {address}: "):
        tiny.run(tmp_path, executor="ray", ray_address=address).drain()
