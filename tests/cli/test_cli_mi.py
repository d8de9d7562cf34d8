"""``advmi mi`` as a shell would call it."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from advmi_core.cli import app
from advmi_core.mi import ESTIMATORS, TASKS

RUNNER = CliRunner()


def _facts(*arguments: str) -> dict:
    result = RUNNER.invoke(app, ["mi", *arguments, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_json_holds_what_python_finds() -> None:
    facts = _facts(
        "--task", "spiral", "--mi", "0.7", "--dim", "3", "--n", "300", "--seed", "4", "--steps", "30"
    )
    assert list(facts) == ["task", "truth", "value", "error", "warnings", "seconds", "device", "parameters"]
    task = TASKS["spiral"](dim=3, mi=0.7)
    wanted = ESTIMATORS["dv"](seed=4, steps=30).estimate(*task.sample(300, seed=4))
    assert facts["truth"] == task.mutual_information
    assert facts["value"] == wanted.value
    assert facts["error"] == facts["value"] - facts["truth"]
    assert facts["warnings"] == list(wanted.warnings)
    assert facts["seconds"] > 0
    for key, value in {"estimator": "dv", "mi": 0.7, "dim": 3, "n": 300, "seed": 4, "steps": 30}.items():
        assert facts["parameters"][key] == value


def test_a_task_has_its_own_dimension_and_the_closed_form_no_steps() -> None:
    facts = _facts("--task", "spiral", "--estimator", "gaussian", "--n", "100")
    assert facts["parameters"]["dim"] == 2
    assert "steps" not in facts["parameters"]


def test_people_get_a_table_and_the_warnings() -> None:
    result = RUNNER.invoke(app, ["mi", "--n", "20", "--steps", "5"])
    assert result.exit_code == 0, result.output
    assert "true mutual information (nats)" in result.output
    assert "Fewer than 30 samples (20)" in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--task", "cubes"], "task must be one of gaussian, half-cube, asinh"),
        (
            ["--estimator", "ksg"],
            "estimator must be one of dv, nwj, infonce, smile, mine, gaussian, got 'ksg'",
        ),
        (["--mi", "-1"], "mi must be ≥ 0 and ≤ 10, got -1.0"),
        (["--dim", "0"], "dim must be a whole number ≥ 1, got 0"),
        (["--task", "spiral", "--dim", "1"], "dim must be a whole number ≥ 2, got 1"),
        (["--n", "0"], "n must be a whole number ≥ 1, got 0"),
        (["--n", "3"], "x and y must hold at least 4 paired samples, got 3"),
        (["--steps", "0"], "steps must be a whole number ≥ 1, got 0"),
        (["--seed", "-2"], "seed must be a whole number ≥ 0, got -2"),
        (
            ["--estimator", "gaussian", "--steps", "9"],
            "steps must not be given for 'gaussian', a closed form",
        ),
    ],
)
def test_refuses_in_one_sentence(arguments: list[str], message: str) -> None:
    result = RUNNER.invoke(app, ["mi", *arguments])
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    assert message in " ".join(result.output.split())
