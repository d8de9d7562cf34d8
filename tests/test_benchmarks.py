"""Every benchmark imports what is there; each is run by hand, so nothing else would notice."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.mark.parametrize("name", sorted(path.stem for path in BENCHMARKS.glob("[!_]*.py")))
def test_it_can_be_started(name: str) -> None:
    import_module(f"benchmarks.{name}")
