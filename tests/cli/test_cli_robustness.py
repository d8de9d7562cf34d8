"""`advmi table whitebox|blackbox|ablation` as a shell would call it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from advmi_core import paths
from advmi_core.cli import app
from advmi_core.experiments.store import Store
from advmi_core.models import build, checkpoints
from advmi_core.studies.robustness import ABLATION, KINDS, stored

RUNNER = CliRunner()
SMALL = (
    "--run", "--model", "cnn", "--n", "12", "--batch", "8", "--attack", "None", "--attack", "PGD-1",
    "--attack", "PGD-40", "--device", "cpu",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _small_world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ADVMI_DATA", raising=False)
    monkeypatch.setenv("ADVMI_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(stored, "shipped_folder", lambda: tmp_path / "shipped")


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """Untrained networks with the cards of all rows of an ablation."""
    for place, (name, variant) in enumerate(ABLATION.items()):
        for seed in (0, 1):
            spec = {"defense": variant.defense, "dataset": "fashion-mnist", "seed": seed}
            spec |= {"eps": 0.01, "norm": "linf", **variant.changes}
            network = build("cnn", seed=2 * place + seed)
            checkpoints.save(
                network, {"metrics": {}, "spec": spec}, tmp_path / "trained" / name / f"seed-{seed}"
            )
    return tmp_path / "trained"


def test_run_computes_stores_and_the_stored_table_is_printed(trained: Path, tmp_path: Path) -> None:
    table, out = ("table", "whitebox"), tmp_path / "shipped"
    options = ("--trained", str(trained), "--row", "standard", "--row", "namid", "--out", str(out), "--json")
    first = RUNNER.invoke(app, [*table, *SMALL, *options])
    assert first.exit_code == 0, first.output
    lines = json.loads(first.stdout)
    attacks = ("None", "PGD-1", "PGD-40")
    expected = [(row, attack) for row in ("Standard", "NAMID") for attack in attacks]
    assert [(line["row"], line["attack"]) for line in lines] == expected
    for line in lines:
        assert [seed["seed"] for seed in line["seeds"]] == [0, 1]
        shares = [seed["accuracy"] for seed in line["seeds"]]
        assert line["accuracy"] == pytest.approx(sum(shares) / 2)
        assert all(seed["interval"][0] <= seed["accuracy"] <= seed["interval"][1] for seed in line["seeds"])
        assert line["images"] == 12
    assert lines[3]["baseline"] == "Standard"
    assert lines[3]["difference"] == pytest.approx(lines[3]["accuracy"] - lines[0]["accuracy"])
    assert lines[0]["published"] == {"accuracy": 83.39, "dataset": "cifar10", "same_dataset": False}
    assert lines[1]["published"] is None
    (info,) = Store(paths.studies()).studies()
    assert (info.title, info.complete) == ("Table whitebox: cnn on fashion-mnist, linf", True)
    assert info.done == info.total > 0

    fewer = ("--trained", str(trained), "--row", "standard", "--out", str(out))
    lost = RUNNER.invoke(app, [*table, *SMALL, *fewer])
    assert lost.exit_code == 2
    assert "the result stored there has namid, which this run leaves out" in " ".join(lost.output.split())

    files = {"--csv": tmp_path / "table.csv", "--latex": tmp_path / "table.tex"}
    again = RUNNER.invoke(app, [*table, *(word for f in files.items() for word in map(str, f)), "--json"])
    assert again.exit_code == 0, again.output
    assert json.loads(again.stdout) == lines
    with files["--csv"].open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["seed"] for row in rows] == ["0", "1", "mean"] * len(lines)
    assert float(rows[2]["accuracy"]) == pytest.approx(lines[0]["accuracy"])
    assert rows[0]["published_accuracy"] == "83.39"
    latex = files["--latex"].read_text(encoding="utf-8")
    assert latex.count(r"\\") == 3
    assert latex.splitlines()[3].count("&") == 5  # three attacks measured, two of them published
    assert "None, published" in latex

    people = RUNNER.invoke(app, [*table], env={"COLUMNS": "250"})
    assert people.exit_code == 0
    assert "fashion-mnist, L∞, ε = 0.01" in people.output
    assert "published, CIFAR-10" in " ".join(people.output.split())
    assert "NAMID − Standard" in people.output


def test_the_ablation_has_its_own_rows(trained: Path) -> None:
    run = ["table", "ablation", *SMALL[:7], "--attack", "None", "--device", "cpu"]
    result = RUNNER.invoke(app, [*run, "--trained", str(trained), "--seeds", "1", "--json"])
    assert result.exit_code == 0, result.output
    lines = json.loads(result.stdout)
    assert {line["row"]: line["baseline"] for line in lines} == {
        "Standard": None, "NAMID": "Standard", "NAMID without E_a": "NAMID", "NAMID without E_n": "NAMID",
        "NAMID, λ = 0": "NAMID", "NAMID, Eq. 4 estimators": "NAMID",
    }  # fmt: skip
    assert all(line["accuracy_std"] is None and line["published"] is None for line in lines)


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_stored_table_it_says_so(kind: str) -> None:
    result = RUNNER.invoke(app, ["table", kind, "--dataset", "mnist"])
    assert result.exit_code == 2
    assert f"no stored result named '{kind}-mnist-linf'" in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("whitebox", "--run"), "--run needs --trained"),
        (("whitebox", "--run", "--trained", "DIR"), "there is no trained Standard of seed 0"),
        (("whitebox", "--run", "--trained", "DIR", "--attack", "DDN"), "got 'DDN'"),
        (("blackbox", "--run", "--trained", "DIR"), "needs surrogate and surrogate_weights"),
        (("ablation", "--norm", "l1"), "norm must be one of linf, l2, got 'l1'"),
    ],
)
def test_bad_input_is_one_sentence(words: tuple[str, ...], said: str) -> None:
    result = RUNNER.invoke(app, ["table", *words])
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())
