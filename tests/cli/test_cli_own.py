"""Models and data of one's own on the command line."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from advmi_core import data, models
from advmi_core.cli import app
from advmi_core.data import own as own_data
from advmi_core.models import own as own_models

RUNNER = CliRunner(env={"COLUMNS": "400"})
MODEL = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, softmax=False):
        super().__init__()
        self.conv, self.head, self.softmax = nn.Conv2d(3, 6, 3), nn.Linear(6 * 10 * 10, 3), softmax
    def forward(self, x):
        assert x.shape[-1] == 12, "I was made for 12 pixels"
        logits = self.head(self.conv(x).relu().flatten(1))
        return logits.softmax(1) if self.softmax else logits

def net():
    return Net()

def probabilities():
    return Net(softmax=True)

def autoencoder():
    return nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.Sigmoid())
"""


@pytest.fixture(autouse=True)
def _own_world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ADVMI_DATA", raising=False)
    monkeypatch.setenv("ADVMI_CACHE", str(tmp_path / "cache"))
    for variable in (own_models.VARIABLE, own_data.VARIABLE):
        monkeypatch.setenv(variable, "")


@pytest.fixture
def model(tmp_path: Path) -> str:
    path = tmp_path / "mine.py"
    path.write_text(MODEL)
    return str(path)


@pytest.fixture
def pictures(tmp_path: Path) -> str:
    random = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for number in range(3):
            pixels = random.integers(0, 256, (20, 30, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pets" / name / f"{number}.png")
    (tmp_path / "pets" / "dog" / "broken.png").write_bytes(b"no picture")
    return str(tmp_path / "pets")


def answered(*arguments: str) -> Any:
    result = RUNNER.invoke(app, [*arguments, "--json"])
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.stdout)


def refused(*arguments: str) -> str:
    result = RUNNER.invoke(app, list(arguments))
    assert result.exit_code == 2, (result.output, result.exception)
    assert "Traceback" not in result.output
    return result.output.replace("\n", " ")


def test_attack_a_model_and_pictures_of_ones_own(model: str, pictures: str) -> None:
    facts = answered(
        "attack", "--model", f"{model}:net", "--shape", "3,12,12", "--data", pictures, "--attack", "pgd",
        "--steps", "5", "--set", "mi_steps=0",
    )  # fmt: skip
    assert (facts["images"], facts["dataset"]) == (6, "own-pets")
    assert facts["model"].startswith("own-net-")
    assert "own answers are taken for true" in " ".join(facts["notes"])
    assert "dog/broken.png" in " ".join(facts["notes"])


def test_attack_an_autoencoder_of_ones_own(model: str, pictures: str) -> None:
    facts = answered(
        "attack", "--model", f"{model}:autoencoder", "--shape", "3,12,12", "--data", pictures, "--steps", "5",
        "--set", "mi_steps=0", "--n", "2",
    )  # fmt: skip
    assert (facts["images"], facts["right"]) == (2, None)


def test_a_sweep_names_the_model_by_its_content_and_its_workers_load_it(
    model: str, pictures: str, tmp_path: Path
) -> None:
    options = (
        "sweep", "--preset", "smoke", "--model", f"{model}:net", "--shape", "3,12,12", "--data", pictures,
        "--n", "4", "--runs", str(tmp_path / "runs"), "--workers", "1",
    )  # fmt: skip
    facts = answered(*options)
    assert facts["complete"]
    network = models.load(facts["model"])
    spec = json.loads((Path(facts["folder"]) / "spec.json").read_text("utf-8"))
    assert spec["weights"] == network.card["sha256"]
    assert answered(*options)["folder"] == facts["folder"]


def test_weights_of_a_named_set_on_pictures_of_ones_own(pictures: str) -> None:
    facts = answered(
        "attack",
        "--model",
        "cnn",
        "--data",
        pictures,
        "--attack",
        "pgd",
        "--steps",
        "2",
        "--set",
        "mi_steps=0",
    )
    assert (facts["model"], facts["dataset"]) == ("cnn", "own-pets")


def test_the_app_hands_the_names_to_its_server(
    model: str, pictures: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, str] = {}

    def become(command: list[str], folder: Path) -> int:
        seen.update({name: os.environ[name] for name in (own_models.VARIABLE, own_data.VARIABLE)})
        assert not any("mine.py" in part for part in command)
        return 0

    monkeypatch.setattr("advmi_core.cli.main.become", become)
    result = RUNNER.invoke(
        app, ["app", "--port", "0", "--model", f"{model}:net", "--shape", "3,12,12", "--data", pictures]
    )
    assert result.exit_code == 0, result.output
    (name,) = own_models.registered()
    assert name in seen[own_models.VARIABLE]
    assert models.choices()[0].name == name
    assert data.choices()[0].name == "own-pets"


def test_what_is_missing_is_asked_for_by_its_option(model: str, pictures: str) -> None:
    attack = ("attack", "--model", f"{model}:net")
    assert "give --shape C,H,W" in refused(*attack)
    assert "I was made for 12 pixels" in refused(*attack, "--shape", "3,16,16")
    assert "give --std as well" in refused(*attack, "--shape", "3,12,12", "--mean", "0.5")
    assert "--shape must be C,H,W" in refused(*attack, "--shape", "12")
    assert "--mean must be numbers" in refused(*attack, "--shape", "3,12,12", "--mean", "a", "--std", "1")
    assert "says its own" in refused("attack", "--model", "cnn", "--shape", "1,28,28")
    assert "--data must be" in refused(*attack, "--shape", "3,12,12", "--data", "nowhere")


def test_doctor_looks_a_model_over(model: str, pictures: str) -> None:
    of = ("doctor", "--shape", "3,12,12")
    facts = answered(*of, "--model", f"{model}:probabilities", "--data", pictures)
    assert "look like probabilities, not logits" in " ".join(facts["trouble"])
    assert (facts["kind"], facts["classes"]) == ("classifier", 3)
    result = RUNNER.invoke(app, [*of, "--model", f"{model}:net"])
    assert result.exit_code == 0
    assert "Nothing is odd about it." in result.output


def test_models_are_listed() -> None:
    names = [one["name"] for one in answered("models", "list")]
    assert {"cnn@fashion-mnist", "efficientnet-lite0"} <= set(names)
    assert "must be timm:NAME" in refused("models", "get", "resnet50")


def test_a_photograph_becomes_another_class() -> None:
    facts = answered(
        "attack", "--attack", "pgd", "--model", "efficientnet-lite0", "--data", "photographs",
        "--eps", "2/255",
        "--steps", "5", "--set", "mi_steps=0",
    )  # fmt: skip
    assert facts["classes_before"] == ["Egyptian cat", "espresso", "missile"]
    assert facts["asr"] == 1
    assert not set(facts["classes_before"]) & set(facts["classes_after"])
    assert facts["kept_percent_mean"] > 30
