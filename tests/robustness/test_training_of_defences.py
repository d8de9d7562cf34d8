"""`advmi train-defences`: every row once, told from another training, shared by processes, and killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from advmi_core import models
from advmi_core.cli import app
from advmi_core.defenses.folders import DefenseFolder
from advmi_core.studies.robustness.trained_models import find
from advmi_core.studies.robustness.training import DefenceTrainings
from advmi_core.studies.robustness.variants import ROWS, TRAINED

CPU = torch.device("cpu")
TINY = DefenceTrainings(
    rows=("namid", "trades"), seeds=(0,), n=100, model="cnn", epochs=2, batch=32, lr=0.01, steps=1, units=8,
    first=1,
)  # fmt: skip
WORDS = (
    "--n", "100", "--model", "cnn", "--epochs", "2", "--batch", "32", "--lr", "0.01", "--steps", "1",
    "--units", "8", "--first", "1", "--seeds", "1", "--device", "cpu",
)  # fmt: skip
PARTS = {("standard", 0), ("estimators", 0), ("trades", 0), ("namid", 0)}

# Tells of every record, so that whoever reads knows where it is, and in the end what it has computed.
_SCRIPT = """
import json, sys
from pathlib import Path
import torch
from advmi_core.studies.robustness.training import DefenceTrainings
torch.set_num_threads(1)
computed = set()
run = DefenceTrainings(**json.loads(sys.argv[2])).run(Path(sys.argv[1]), torch.device("cpu"))
print("ready", flush=True)
sys.stdin.readline()
for step in run:
    if step.training is not None:
        computed.add((step.row, step.seed))
        print(f"{step.row} {step.training.step}", flush=True)
print(json.dumps([sorted(computed), run.result.complete]), flush=True)
"""


def started(folder: Path) -> subprocess.Popen[str]:
    """A process that has loaded all, and begins when it is told."""
    child = subprocess.Popen(
        [sys.executable, "-c", _SCRIPT, str(folder), json.dumps(asdict(TINY))],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    return child


def go(child: subprocess.Popen[str]) -> Iterable[str]:
    """Tell it to begin; its lines."""
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write("\n")
    child.stdin.flush()
    return child.stdout


def files(folder: Path) -> dict[str, bytes]:
    """All but the claims."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix != ".lock")
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    result = TINY.run(folder, CPU).drain()
    assert result.complete
    assert [(row.row, row.seed) for row in result.rows] == [("namid", 0), ("trades", 0)]
    return folder


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """As every process here, so that all learn the same bits."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ADVMI_CACHE", str(tmp_path / "cache"))


def test_the_tables_find_the_models(whole: Path) -> None:
    for row in ("standard", "namid", "trades"):
        found = find(whole, row, ROWS[row], 0, "cnn", "fashion-mnist")
        assert found.training["images"] == 92
    card = json.loads((whole / "namid" / "seed-0" / "cnn.json").read_text())
    assert card["command"] == (
        "ADVMI_DATA=<data folder> advmi train-defences --n 100 --model cnn --epochs 2 --batch 32 --lr 0.01 "
        "--steps 1 --units 8 --first 1 --row namid --seeds 1 --out <output folder>"
    )


def test_the_command_trains_only_what_is_missing_and_tells_another_training(whole: Path) -> None:
    before = files(whole)
    line = ("train-defences", "--out", str(whole), *WORDS, "--study", "ablation")
    told = CliRunner().invoke(
        app, [*line, "--row", "namid", "--row", "namid-no-penalty", "--row", "namid-first-stage", "--json"]
    )
    assert told.exit_code == 0, told.output
    rows = {row["row"]: row for row in json.loads(told.stdout)["rows"]}
    assert {name: row["penalty"] for name, row in rows.items()} == {
        "namid": 0.1, "namid-no-penalty": 0.0, "namid-first-stage": 0.1,
    }  # fmt: skip
    assert all(row["kept"] in (1, 2) and len(row["history"]) == 2 for row in rows.values())
    after = files(whole)
    assert {name: after[name] for name in before} == before
    new = {name.split("/")[0] for name in after.keys() - before.keys()}
    assert new == {"namid-no-penalty", "namid-first-stage"}
    first = json.loads(after["namid-first-stage/seed-0/cnn.json"])["estimators"]
    assert first != json.loads(after["namid/seed-0/cnn.json"])["estimators"]

    people = CliRunner().invoke(app, [*line, "--row", "namid"])
    assert "NAMID" in people.stdout
    other = CliRunner().invoke(app, [*line, "--row", "namid", "--alpha", "0.2"])
    assert other.exit_code == 2
    assert "its alpha is 0.1, wanted 0.2; choose another folder" in " ".join(other.output.split())


def test_two_processes_at_once_compute_each_training_once(whole: Path, tmp_path: Path) -> None:
    children = [started(tmp_path / "both") for _ in range(2)]
    begun = [go(child) for child in children]
    told = [json.loads(list(lines)[-1]) for lines in begun]
    assert [child.wait() for child in children] == [0, 0]
    parts = [{(row, seed) for row, seed in computed} for computed, _ in told]
    assert parts[0] | parts[1] == PARTS
    assert not parts[0] & parts[1]
    assert all(complete for _, complete in told)
    expected = {name: blob for name, blob in files(whole).items() if name.split("/")[0].count("-") == 0}
    assert files(tmp_path / "both") == expected


@pytest.mark.parametrize("moment", ["standard 2", "estimators 5", "trades 4", "namid 3"])
def test_killed_and_started_again_it_is_the_same(whole: Path, tmp_path: Path, moment: str) -> None:
    child = started(tmp_path / "cut")
    for line in go(child):
        if line.startswith(moment.split()[0]) and int(line.split()[1]) >= int(moment.split()[1]):
            os.kill(child.pid, signal.SIGKILL)
            break
    assert child.wait() == -signal.SIGKILL
    assert TINY.run(tmp_path / "cut", CPU).drain().complete  # the claim has died with its process
    expected = {name: blob for name, blob in files(whole).items() if name.split("/")[0].count("-") == 0}
    assert files(tmp_path / "cut") == expected


def test_the_studies_have_their_rows() -> None:
    assert list(TRAINED["alpha"]) == [
        "standard", "namid", "namid-alpha-0.03", "namid-alpha-0.3", "namid-alpha-1", "namid-alpha-5",
    ]  # fmt: skip
    weight = replace(TINY, study="weight", rows=None)
    assert [weight.training(row, 0).wmim_weight for row in weight.names] == [0.1, 0.1, 0.3]
    other = replace(TINY, alpha=1.0, wmim_weight=0.7)
    assert other.training("trades", 0) == TINY.training("trades", 0)
    assert other.training("namid", 0) != TINY.training("namid", 0)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [({"study": "all"}, "study must be one of"), ({"rows": ("at",)}, "rows must be one of"),
     ({"eps": -1.0}, "eps must be"), ({"units": 0}, "units must be"), ({"n": 1}, "n must be")],
)  # fmt: skip
def test_a_bad_parameter_is_named(change: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        replace(TINY, **change)  # type: ignore[arg-type]


def test_a_damaged_model_is_trained_again(whole: Path, tmp_path: Path) -> None:
    folder = DefenseFolder(tmp_path / "trades" / "seed-0", "cnn")
    alone = replace(TINY, rows=("trades",))
    alone.run(tmp_path, CPU).drain()
    blob = folder.weights.read_bytes()
    assert blob == (whole / "trades" / "seed-0" / "cnn.safetensors").read_bytes()
    folder.weights.write_bytes(blob[:-4] + b"oops")
    assert folder.load() is None
    alone.run(tmp_path, CPU).drain()
    assert folder.weights.read_bytes() == blob
    assert models.load("cnn", weights=folder.weights).card["spec"]["defense"] == "trades"
