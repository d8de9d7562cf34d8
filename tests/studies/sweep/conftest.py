"""A tiny sweep and its undisturbed result."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from advmi_core.studies.sweep import Method, Sweep


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


@pytest.fixture(scope="session")
def read_results() -> Callable[[Path], dict[str, bytes]]:
    return results
