"""The command that adds NAMID's term to a nearly trained model: all go on from one Standard AT."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from advmi_core import models
from advmi_core.studies.robustness.training import DefenceTrainings

TINY = DefenceTrainings(
    rows=("namid",), seeds=(0,), n=520, model="cnn", epochs=2, batch=60, lr=0.05, eps=0.01, steps=1, units=8,
    first=1,
)  # fmt: skip


@pytest.mark.slow
def test_one_model_goes_on_with_and_without_the_term(
    tmp_path: Path,
    command: Callable[..., Any],
    same_weights: Callable[[torch.nn.Module, torch.nn.Module], bool],
) -> None:
    trained, out, told = tmp_path / "trained", tmp_path / "out", tmp_path / "late.json"
    assert TINY.run(trained, torch.device("cpu")).drain().complete
    late = ["--trained", str(trained), "--out", str(out), "--model", "cnn", "--after", "1", "--held", "40"]
    first = command("namid_late", *late, "--settings", "alpha-1", "--json", str(told))
    assert first.returncode == 0, first.stderr
    alone, with_term = json.loads(told.read_text())["rows"]
    assert (alone["name"], with_term["name"]) == ("standard", "alpha-1")
    assert with_term["difference"] == pytest.approx(with_term["robust"] - alone["robust"])

    def weights(folder: Path) -> torch.nn.Module:
        return models.load("cnn", weights=folder / "cnn.safetensors")

    # The one that goes on alone is the training that was never stopped.
    assert json.loads((trained / "standard" / "seed-0" / "cnn.json").read_text())["validation"]["epoch"] == 2
    assert same_weights(weights(out / "seed-0" / "standard"), weights(trained / "standard" / "seed-0"))
    card = json.loads((out / "seed-0" / "alpha-1" / "cnn.json").read_text())
    assert (card["spec"]["alpha"], card["spec"]["delay"]) == (1.0, 1)
    assert [row["validation"]["epoch"] for row in (alone, with_term)] == [2, 2]  # none that all share

    kept = (out / "seed-0" / "alpha-1" / "cnn.safetensors").stat().st_mtime_ns
    again = command("namid_late", *late, "--settings", "alpha-1")
    assert again.stdout == first.stdout
    assert (out / "seed-0" / "alpha-1" / "cnn.safetensors").stat().st_mtime_ns == kept
    unknown = command("namid_late", *late, "--settings", "alpha-7")
    assert "invalid choice: 'alpha-7'" in unknown.stderr
