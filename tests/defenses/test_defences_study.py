"""The command that trains all defences: every row, once, and told apart from another training."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

TINY = [
    "--images", "130", "--epochs", "1", "--model", "cnn", "--units", "8", "--first", "1", "--steps", "1",
    "--lr", "0.01", "--seeds", "0", "--batch", "60",
]  # fmt: skip


@pytest.mark.slow
def test_all_rows_of_a_study_are_trained_once(tmp_path: Path, command: Callable[..., Any]) -> None:
    def study(*more: str) -> Any:
        return command("defences", "--out", str(tmp_path / "out"), *TINY, *more)

    told = tmp_path / "alpha.json"
    first = study("--study", "alpha", "--json", str(told))
    assert first.returncode == 0, first.stderr
    rows = {row["row"]: row for row in json.loads(told.read_text())["rows"]}
    assert {name: row["alpha"] for name, row in rows.items()} == {
        "standard": None, "namid": 0.1, "namid-alpha-0.03": 0.03, "namid-alpha-0.3": 0.3,
        "namid-alpha-1": 1.0, "namid-alpha-5": 5.0,
    }  # fmt: skip
    assert all(row["kept"] == 1 and len(row["history"]) == 1 for row in rows.values())
    trained = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.safetensors")}

    second = study("--study", "ablation", "--defenses", "namid,namid-no-penalty")
    assert second.returncode == 0, second.stderr
    assert [line.split(":")[0] for line in second.stdout.splitlines()] == [
        "namid-no-penalty seed 0 epoch 1/1"
    ]  # fmt: skip
    assert all(path.stat().st_mtime_ns == then for path, then in trained.items())
    card = tmp_path / "out" / "namid-no-penalty" / "seed-0" / "cnn.json"
    assert json.loads(card.read_text())["spec"]["penalty"] == 0

    other = study("--defenses", "namid", "--alpha", "0.2")
    assert other.returncode != 0
    assert "its alpha is 0.1, wanted 0.2; choose another --out" in other.stderr
