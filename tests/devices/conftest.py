"""Makes the simulated device importable, and gives it to a test in both its kinds."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from advmi_core import device
from advmi_core.mi.per_image.sampling import projection

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(params=["cuda", "mps"])
def kind(request: pytest.FixtureRequest) -> str:
    """With float64 and without."""
    return str(request.param)


@pytest.fixture(autouse=True)
def _nothing_kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No choice from outside, and no tensor of a device that is gone."""
    monkeypatch.delenv(device.VARIABLE, raising=False)
    monkeypatch.delenv("ADVMI_DATA", raising=False)
    projection.cache_clear()
    yield
    projection.cache_clear()
