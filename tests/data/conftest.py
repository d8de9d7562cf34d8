"""Every test here starts with no data but the embedded subset, whatever the machine has."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ADVMI_DATA", raising=False)
    monkeypatch.setenv("ADVMI_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty folder that $ADVMI_DATA names."""
    folder = tmp_path / "own"
    folder.mkdir()
    monkeypatch.setenv("ADVMI_DATA", str(folder))
    return folder
