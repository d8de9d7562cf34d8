"""`advmi study sampling` as a shell would call it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from advmi_core.cli import app

RUNNER = CliRunner()
QUICK = ("study", "sampling", "--n", "4", "--steps", "2", "--sampling", "conv", "--device", "cpu")


@pytest.fixture(autouse=True)
def _no_other_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ADVMI_DATA", raising=False)
    monkeypatch.setenv("ADVMI_CACHE", str(tmp_path / "cache"))


def _run(*arguments: str):
    result = RUNNER.invoke(app, [*QUICK, *arguments])
    assert result.exit_code == 0, result.output
    return result


def test_json_says_what_the_files_hold(tmp_path: Path) -> None:
    facts = json.loads(_run("--out", str(tmp_path), "--seeds", "3", "--eps", "0.2", "--json").stdout)
    folder = Path(facts["folder"])
    assert folder.parent == tmp_path
    with np.load(folder / "result.npz", allow_pickle=False) as file:
        values = file["conv"]
    assert values.shape == (3, 4)
    (row,) = facts["samplings"]
    assert (row["sampling"], row["images"], row["k"]) == ("conv", 4, 32)
    assert row["mean"] == pytest.approx(values.mean(), rel=1e-6)
    assert row["std"] == pytest.approx(values.std(), rel=1e-6)
    assert row["ms_per_image"] > 0
    assert -1 <= row["rank_correlation"] <= 1
    assert facts["complete"] is True
    summary = json.loads((folder / "summary.json").read_text())
    assert summary == [{key: row[key] for key in summary[0]}]
    assert json.loads((folder / "spec.json").read_text())["eps"] == 0.2


def test_people_get_a_table_and_the_folder(tmp_path: Path) -> None:
    said = " ".join(_run("--seeds", "1").output.split())
    assert "rank corr." in said
    assert "conv" in said
    assert str(tmp_path / "cache" / "studies" / "sampling-") in said.replace(" ", "")
    assert "–" in said, "one seed has no agreement"


def test_stopping_keeps_the_parts_and_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from advmi_core.run import Run

    taken = []

    def interrupted(self: Run):
        taken.append(1)
        if len(taken) == 3:
            raise KeyboardInterrupt
        return next(self._records)

    monkeypatch.setattr(Run, "__next__", interrupted)
    result = RUNNER.invoke(app, [*QUICK, "--out", str(tmp_path), "--json"])
    assert result.exit_code == 130
    assert "the same command goes on from here" in result.output
    facts = json.loads(result.stdout)
    assert facts["complete"] is False
    assert list(Path(facts["folder"]).glob("conv-seed0-*.npz"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--n", "0"], "n must be a whole number ≥ 1, got 0"),
        (["--n", "1000000"], "n must be at most"),
        (["--eps", "2"], "eps must be ≤ 1 for linf, because pixels lie in [0,1], got 2"),
        (["--seeds", "0"], "seeds must be a whole number ≥ 1, got 0"),
        (["--sampling", "maps"], "samplings must be one of conv, random, patches, got 'maps'"),
        (["--perturbation", "blur"], "perturbation must be one of noise, pgd"),
        (["--model", "ae-dense"], "needs a model that starts with one, got ae-dense"),
        (["--dataset", "imagenet"], "imagenet"),
    ],
)
def test_bad_input_is_one_sentence(arguments: list[str], message: str, tmp_path: Path) -> None:
    result = RUNNER.invoke(app, [*QUICK, "--out", str(tmp_path), *arguments])
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    assert message in " ".join(result.output.split())
