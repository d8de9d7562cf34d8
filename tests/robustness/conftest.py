"""A folder of small classifiers, made once."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_models import ROWS, learn, put, shaken

from advmi_core.models import Network


@pytest.fixture(autouse=True)
def _no_other_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ADVMI_DATA", raising=False)


@pytest.fixture(scope="session")
def networks() -> dict[tuple[str, int], Network]:
    """(row, seed) → network."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("ADVMI_DATA", raising=False)
        first = learn(0, 25)
    return {
        (row, seed): shaken(first, 2 * at + seed) if (at, seed) != (0, 0) else first
        for at, row in enumerate(ROWS)
        for seed in (0, 1)
    }


@pytest.fixture(scope="session")
def trained(networks: dict[tuple[str, int], Network], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that holds them."""
    folder = tmp_path_factory.mktemp("trained")
    for (row, seed), network in networks.items():
        put(network, folder, row, seed)
    return folder
