"""`advmi sweep` as a shell would call it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from advmi_core.cli import app
from advmi_core.run import Run
from advmi_core.studies.sweep import PRESETS

RUNNER = CliRunner()
QUICK = ("sweep", "--preset", "smoke", "--executor", "serial")


@pytest.fixture(autouse=True)
def _small_and_apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The preset's methods and radii with few steps on few images, and no runs but the test's own."""
    quick = tuple(
        replace(method, parameters={**method.parameters, "steps": 3, "mi_steps": 2})
        for method in PRESETS["smoke"].methods
    )
    monkeypatch.setitem(PRESETS, "smoke", replace(PRESETS["smoke"], n=6, shard=4, methods=quick))
    monkeypatch.delenv("ADVMI_DATA", raising=False)
    monkeypatch.delenv("ADVMI_RUNS", raising=False)
    monkeypatch.setenv("ADVMI_CACHE", str(tmp_path / "cache"))


def _run(*arguments: str):
    result = RUNNER.invoke(app, [*QUICK, *arguments])
    assert result.exit_code == 0, result.output
    return result


def test_json_says_what_the_files_hold(tmp_path: Path) -> None:
    facts = json.loads(_run("--runs", str(tmp_path / "runs"), "--n", "5", "--seed", "3", "--json").stdout)
    folder = Path(facts["folder"])
    assert folder.parent == tmp_path / "runs"
    assert (facts["sweep"], facts["images"], facts["seed"], facts["complete"]) == ("smoke", 5, 3, True)
    assert facts["seconds"] > 0
    spec = json.loads((folder / "spec.json").read_text())
    assert (spec["n"], spec["seed"], spec["shard"]) == (5, 3, 4)
    with np.load(folder / "result.npz", allow_pickle=False) as file:
        for row in facts["cells"]:
            success, correct = file[f"{row['cell']}/success"], file[f"{row['cell']}/correct"]
            assert row["counted"] == correct.sum()
            assert row["asr"] == pytest.approx(success.sum() / correct.sum())
            assert row["asr_interval"][0] <= row["asr"] <= row["asr_interval"][1]
            if success.any():
                assert row["mi"]["mean"] == pytest.approx(file[f"{row['cell']}/mi"][success].mean(), rel=1e-6)
            assert row["seconds_per_image"] > 0
    summary = json.loads((folder / "summary.json").read_text())
    assert summary == [{key: row[key] for key in summary[0]} for row in facts["cells"]]
    assert [row["cell"] for row in facts["cells"]] == [cell.id for cell in PRESETS["smoke"].cells]


def test_people_get_a_table_and_the_folder_and_a_repeat_computes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADVMI_RUNS", str(tmp_path / "mine"))
    said = " ".join(_run("--n", "2").output.split())
    for word in ("minmax-solver", "ASR", "kept", "MI, nats", "0.05"):
        assert word in said
    assert str(tmp_path / "mine" / "smoke-") in said.replace(" ", "")
    (folder,) = (tmp_path / "mine").iterdir()
    before = {path: path.stat().st_mtime_ns for path in folder.glob("shards/*/*")}
    _run("--n", "2")
    assert {path: path.stat().st_mtime_ns for path in folder.glob("shards/*/*")} == before


def test_stopping_keeps_the_shards_and_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shards, taken = 12, []

    def interrupted(self: Run):
        if self.total == shards:  # not the attacks, which are runs as well
            taken.append(1)
        if len(taken) == 3:
            raise KeyboardInterrupt
        return next(self._records)

    monkeypatch.setattr(Run, "__next__", interrupted)
    result = RUNNER.invoke(app, [*QUICK, "--runs", str(tmp_path / "runs"), "--json"])
    assert result.exit_code == 130
    assert "the same command goes on from here" in result.output
    facts = json.loads(result.stdout)
    assert facts["complete"] is False
    assert list(Path(facts["folder"]).glob("shards/*/*.npz"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--n", "0"], "n must be a whole number ≥ 1, got 0"),
        (["--n", "1000000"], "n must be at most"),
        (["--seed", "-1"], "seed must be a whole number ≥ 0, got -1"),
        (["--shard", "0"], "shard must be a whole number ≥ 1, got 0"),
        (["--preset", "walk"], "preset must be one of talk, smoke, got 'walk'"),
        (["--executor", "threads"], "executor must be one of serial, processes, ray, got 'threads'"),
        (["--workers", "2"], 'executor="serial" has one worker, got workers=2'),
        (["--ray-address", "auto"], 'ray_address is for executor="ray"'),
        (["--model", "vgg"], "model must be one of"),
        (["--dataset", "imagenet"], "dataset must be one of"),
        (["--split", "all"], "split must be one of"),
    ],
)
def test_bad_input_is_one_sentence(arguments: list[str], message: str, tmp_path: Path) -> None:
    result = RUNNER.invoke(app, [*QUICK, "--runs", str(tmp_path / "runs"), *arguments])
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    assert message in " ".join(result.output.split())
    assert not (tmp_path / "runs").exists()
