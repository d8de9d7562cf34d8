"""A tiny sweep, its undisturbed result, and processes that start at once and may be killed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from advmi_core.studies.sweep import Method, Sweep

# Loads everything once, computes nothing, and forks a process for every sweep that is ordered: torch's
# import takes longer than the sweep.
_NURSERY = """
import json, os, sys
from pathlib import Path
from advmi_core.studies.sweep import Sweep
from advmi_core.studies.sweep.executors.work import settle
settle()
for line in sys.stdin:
    order = json.loads(line)
    if "wait" in order:
        print(os.waitstatus_to_exitcode(os.waitpid(order["wait"], 0)[1]), flush=True)
        continue
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            run = Sweep.from_spec(order["sweep"]).run(
                Path(order["runs"]), executor=order["executor"], workers=order["workers"]
            )
            computed = sum(not step.reused for step in run)
            Path(order["report"]).write_text(json.dumps([computed, run.result.complete]))
            code = 0
        finally:
            os._exit(code)
    print(pid, flush=True)
"""


@pytest.fixture(scope="session")
def tiny() -> Sweep:
    """Nine shards, a few seconds at most."""
    quick = {"steps": 4, "mi_steps": 3}
    methods = (
        Method(name="minmax", attack="minmax", parameters=quick, eps=(0.02, 0.3)),
        Method(name="pgd", attack="pgd", parameters=quick, eps=(0.03,)),
    )
    return Sweep(name="tiny", n=11, shard=4, methods=methods)


@pytest.fixture(scope="session")
def _undisturbed(tiny: Sweep, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tiny.run(tmp_path_factory.mktemp("undisturbed")).drain().folder
    assert folder is not None
    return folder


@pytest.fixture
def finished(_undisturbed: Path, tmp_path: Path) -> Path:
    """The folder of the tiny sweep, computed in one go; a copy that a test may harm."""
    return Path(shutil.copytree(_undisturbed, tmp_path / "finished" / _undisturbed.name))


@pytest.fixture
def contents(finished: Path) -> dict[str, bytes]:
    """What every other run of the tiny sweep must leave, byte for byte."""
    return results(finished)


def results(folder: Path) -> dict[str, bytes]:
    """All files of a run but timings and locks."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    named = {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
    return {name: blob for name, blob in named.items() if name.split("/")[0] not in ("timings", "locks")}


class ProcessFixture:
    """Sweeps in processes of their own."""

    def __init__(self) -> None:
        env = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-c", _NURSERY],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=env,
        )

    def _ask(self, order: dict[str, Any]) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(order), file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())

    def start(
        self, sweep: Sweep, runs: Path, report: Path, executor: str = "serial", workers: int | None = None
    ) -> int:
        """Begin a sweep; the pid of its process. At its end ``report`` says how many shards it computed."""
        order = {"sweep": sweep.spec(), "runs": str(runs), "report": str(report)}
        return self._ask(order | {"executor": executor, "workers": workers})

    def wait(self, pid: int) -> int:
        """The exit code of a process; minus the signal that killed it."""
        return self._ask({"wait": pid})

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


@pytest.fixture(scope="session")
def nursery() -> Iterator[ProcessFixture]:
    if not hasattr(os, "fork"):
        pytest.skip("this system cannot fork")
    kept = ProcessFixture()
    yield kept
    kept.close()


@pytest.fixture(scope="session")
def read_results() -> Callable[[Path], dict[str, bytes]]:
    return results
