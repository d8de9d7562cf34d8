"""`advmi table reconstruction` as a shell would call it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from advmi_core.cli import app
from advmi_core.experiments.progress import remembered
from advmi_core.experiments.store import Store
from advmi_core.figures.autoencoders import table as retraining_table
from advmi_core.studies.autoencoders import ROWS, stored

RUNNER = CliRunner()
TABLE = ("table", "reconstruction")
SMALL = (
    "--run", "--model", "ae-dense", "--n", "30", "--seeds", "2", "--epochs", "1", "--inner", "1",
    "--steps", "5", "--asr-images", "5",
    "--row", "original", "--row", "mine-uae-patches", "--row", "gaussian", "--device", "cpu",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _small_world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ADVMI_DATA", raising=False)
    monkeypatch.setenv("ADVMI_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(stored, "shipped_folder", lambda: tmp_path / "shipped")


def test_run_computes_stores_and_the_stored_table_is_printed(tmp_path: Path) -> None:
    out = tmp_path / "shipped"
    first = RUNNER.invoke(app, [*TABLE, *SMALL, "--runs", str(tmp_path), "--out", str(out), "--json"])
    assert first.exit_code == 0, first.output
    lines = json.loads(first.stdout)
    assert [(line["row"], line["protocol"]) for line in lines] == [
        (row, protocol)
        for protocol in ("equal-epochs", "equal-steps")
        for row in ("original", "mine-uae-patches", "gaussian")
    ]
    assert all(line["seeds"] == 2 and line["loss_mean"] > 0 for line in lines)
    original, noisy = lines[3], lines[5]
    assert original["against_original"] is None
    assert original["change_percent"] == 0
    mean = noisy["loss_mean"] - original["loss_mean"]
    assert noisy["against_original"]["mean"] == pytest.approx(mean, rel=1e-4)
    assert 0 <= noisy["asr_train_percent"] <= 100
    (info,) = Store(tmp_path).studies()
    assert (info.title, info.complete) == ("Retraining: ae-dense", True)
    assert info.done == info.total > 0
    assert tmp_path in remembered()

    files = {"--csv": tmp_path / "table.csv", "--latex": tmp_path / "table.tex"}
    options = [part for name, path in files.items() for part in (name, str(path))]
    again = RUNNER.invoke(app, [*TABLE, *options, "--json"])
    assert again.exit_code == 0, again.output
    assert json.loads(again.stdout) == lines
    with files["--csv"].open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["row"] for row in rows] == [line["row"] for line in lines]
    assert float(rows[1]["loss_mean"]) == pytest.approx(lines[1]["loss_mean"], rel=1e-6)
    assert files["--latex"].read_text(encoding="utf-8").count(r"\\") == len(lines) + 1

    people = RUNNER.invoke(app, [*TABLE], env={"COLUMNS": "60"})
    assert people.exit_code == 0
    assert "30 training images" in " ".join(people.output.split())
    printed = [
        text for row in retraining_table.rows(stored.load("fashion-mnist").table()) for text in row.values()
    ]
    assert [text for text in printed if text not in people.output] == []  # however narrow the window


def test_without_a_stored_table_it_says_so() -> None:
    result = RUNNER.invoke(app, [*TABLE, "--dataset", "mnist"])
    assert result.exit_code == 2
    assert "no stored result named 'mnist'" in result.output
    assert "--run" in result.output


@pytest.mark.parametrize("row", ["mixup", *[row.upper() for row in ROWS[:1]]])
def test_an_unknown_row_is_named(row: str) -> None:
    result = RUNNER.invoke(app, [*TABLE, "--run", "--row", row])
    assert result.exit_code == 2
    assert f"got '{row}'" in " ".join(result.output.split())
