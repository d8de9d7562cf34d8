"""The commands as a shell would call them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from advmi_core import models, paths
from advmi_core.attacks import ATTACKS
from advmi_core.cli import app
from advmi_core.mi.per_image.information import Information

RUNNER = CliRunner()
_MEANS = ("kept_percent_mean", "information_mean", "mi_mean", "mi_std", "l2_mean", "linf_max", "queries_mean")


@pytest.fixture(autouse=True)
def _no_other_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ADVMI_DATA", raising=False)
    monkeypatch.setenv("ADVMI_CACHE", str(tmp_path / "cache"))


def _json(*arguments: str) -> dict:
    result = RUNNER.invoke(app, [*arguments, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def _refused(*arguments: str) -> str:
    result = RUNNER.invoke(app, list(arguments))
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    return " ".join(result.output.split())


def test_attack_writes_what_it_says(tmp_path: Path) -> None:
    facts = _json(
        "attack", "--attack", "pgd", "--n", "6", "--eps", "0.1", "--steps", "5", "--seed", "3", "--out",
        str(tmp_path), "--set", "mi_steps=2",
    )  # fmt: skip
    arrays = np.load(tmp_path / "result.npz")
    assert arrays["x_adv"].shape == (6, 1, 28, 28)
    assert np.abs(arrays["x_adv"] - arrays["x"]).max() <= 0.1 + 1e-7  # float32's rounding
    assert facts["asr"] == pytest.approx(arrays["success"][arrays["correct"]].mean())
    assert facts["counted"] == 6
    spec = json.loads((tmp_path / "spec.json").read_text())
    assert (spec["attack"], spec["eps"], spec["steps"], spec["seed"]) == ("pgd", 0.1, 5, 3)
    fresh = models.load("cnn")(torch.from_numpy(arrays["x_adv"])).argmax(1) != torch.tensor(spec["y"])
    assert (fresh.numpy() == arrays["success"]).all()


@pytest.mark.fault("M6")
def test_attack_describes_its_successes_as_sweeps_do(tmp_path: Path) -> None:
    arguments = ("attack", "--attack", "pgd", "--n", "24", "--eps", "0.02", "--steps", "5")
    arguments += ("--set", "mi_steps=2")
    facts = _json(*arguments, "--out", str(tmp_path))
    arrays = np.load(tmp_path / "result.npz")
    won = arrays["success"] & arrays["correct"]
    assert 0 < won.sum() < 24  # or there would be no failures to leave out
    assert (facts["counted"], facts["succeeded"], facts["failed"]) == (24, won.sum(), 24 - won.sum())
    for name, values in (("mi", arrays["mi"]), ("l2", arrays["l2"]), ("queries", arrays["queries"])):
        assert facts[f"{name}_mean"] == pytest.approx(values[won].mean(), rel=1e-5), name
    assert facts["mi_mean"] != pytest.approx(arrays["mi"].mean(), rel=1e-5)
    assert facts["kept_percent_mean"] == pytest.approx(100 * arrays["kept"][won].mean(), rel=1e-5)
    assert facts["kept_percent_std"] == pytest.approx(100 * arrays["kept"][won].std(), rel=1e-4)
    assert facts["information_mean"] == pytest.approx(arrays["information"][won].mean(), rel=1e-5)
    x, x_adv = (torch.from_numpy(arrays[name]) for name in ("x", "x_adv"))
    np.testing.assert_allclose(arrays["kept"], Information(x).kept(x_adv).numpy(), atol=1e-3)
    assert facts["linf_max"] == pytest.approx(arrays["linf"][won].max())
    assert json.loads((tmp_path / "summary.json").read_text()).items() <= facts.items()
    told = " ".join(RUNNER.invoke(app, list(arguments)).output.split())
    assert f"over {won.sum()} successes of 24 images that the model gets right" in told


@pytest.mark.fault("M6")
def test_an_attack_without_success_has_no_means() -> None:
    facts = _json("attack", "--attack", "pgd", "--n", "2", "--eps", "0", "--steps", "1")
    assert (facts["counted"], facts["succeeded"], facts["asr"]) == (2, 0, 0.0)
    assert all(facts[name] is None for name in _MEANS)


def test_attack_on_an_autoencoder_speaks_to_people(tmp_path: Path) -> None:
    result = RUNNER.invoke(app, ["attack", "--model", "ae-conv", "--n", "2", "--eps", "1", "--steps", "3"])
    assert result.exit_code == 0, result.output
    assert "minmax-solver on ae-conv" in result.output
    assert "attack success rate" in result.output
    assert "information kept, mean (%)" in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--attack", "fgsm"], f"attack must be one of {', '.join(ATTACKS)}, got 'fgsm'"),
        (["--eps", "-1"], "eps must be ≥ 0, got -1.0"),
        (["--steps", "0"], "steps must be a whole number ≥ 1, got 0"),
        (["--n", "0"], "n must be a whole number ≥ 1, got 0"),
        (["--dataset", "imagenet"], "imagenet"),
        (["--dataset", "mnist"], "mnist"),
        (["--model", "resnet-9000"], "model must be one of"),
        (["--set", "colour=red"], "--set must be NAME=VALUE"),
        (["--attack", "minmax", "--set", "alpha=red"], "alpha must be a finite number, got 'red'"),
        (["--device", "tpu"], "device must be auto or one of"),
    ],
)
def test_attack_refuses_in_one_sentence(arguments: list[str], message: str) -> None:
    assert message in _refused("attack", "--n", "1", *arguments)


def test_train_writes_a_model_that_loads(tmp_path: Path) -> None:
    card = _json("train", "ae-conv", "--out", str(tmp_path), "--epochs", "1", "--batch", "500")
    model = models.load("ae-conv", weights=tmp_path / "ae-conv.safetensors")
    assert model.card["sha256"] == card["sha256"]
    assert "--epochs 1" in card["command"]


def test_train_refuses_in_one_sentence() -> None:
    assert "model must be one of" in _refused("train", "gan")
    assert "epochs must be a whole number ≥ 1, got 0" in _refused("train", "ae-conv", "--epochs", "0")


def test_data_list_names_sources() -> None:
    result = RUNNER.invoke(app, ["data", "list", "--json"])
    rows = json.loads(result.stdout)
    used = {(row["name"], row["split"]): row["source"] for row in rows if row["used"]}
    assert used[("fashion-mnist", "test")] == "embedded"
    assert RUNNER.invoke(app, ["data", "list"]).exit_code == 0


def test_data_get_refuses_unknown_names() -> None:
    assert "imagenet" in _refused("data", "get", "imagenet")


def test_doctor_says_what_is_missing_and_how_to_get_it() -> None:
    facts = _json("doctor")
    assert facts["app"] is True
    assert facts["weights"]["fashion-mnist"]["cnn"] == "ok"
    assert any("advmi data get cifar10" in line for line in facts["advice"])
    assert "AdvMI doctor" in RUNNER.invoke(app, ["doctor"]).output


def test_doctor_finds_a_damaged_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "weights" / "fashion-mnist"
    folder.mkdir(parents=True)
    for file in (paths.assets() / "weights" / "fashion-mnist").glob("ae-conv.*"):
        (folder / file.name).write_bytes(file.read_bytes()[:-1] + b" ")
    monkeypatch.setattr(paths, "assets", lambda: tmp_path)
    facts = _json("doctor")
    assert facts["weights"]["fashion-mnist"]["ae-conv"] != "ok"
    assert any("advmi train ae-conv" in line for line in facts["advice"])
