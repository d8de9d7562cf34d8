"""An attack is one file: the documentation's own is on the page, on the command line and in sweeps."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sweep_pages import Tab as SweepTab

from advmi_core.attacks import ATTACKS, Attack
from advmi_core.figures.sweep.series import styles
from advmi_core.report.registered import registered_attacks
from advmi_core.studies.sweep import Method, Sweep

PAGE = Path(__file__).resolve().parents[2] / "docs/develop/add-an-attack.md"
NAME = "sign-steps"


@pytest.fixture
def newcomer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> type[Attack]:
    """The file, and the line in the registry."""
    code = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)[0]
    (tmp_path / "sign_steps.py").write_text(code, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "sign_steps", raising=False)
    attack: type[Attack] = importlib.import_module("sign_steps").SignSteps
    monkeypatch.setitem(ATTACKS, attack.name, attack)
    return attack


@pytest.mark.usefixtures("newcomer")
def test_it_is_on_the_page_with_its_controls(visit: Callable[..., Any]) -> None:
    tab = visit("supervised", attack_name=NAME)
    choice = tab.app.selectbox(key="supervised.attack-name")
    assert choice.options[-1] == "Sign steps"
    assert len(choice.options) == len(ATTACKS)
    reach = tab.app.slider(key=f"supervised.{NAME}.reach")
    assert (reach.label, reach.min, reach.max, reach.value) == ("Reach ρ", 0.1, 4, 1)
    assert tab.app.slider(key=f"supervised.{NAME}.eps").value == 0.2
    (formula,) = tab.app.latex
    assert r"\rho" in formula.value
    assert r"h_y" in formula.value
    tab.app.button_group(key="supervised.preset").set_value("paper").run()
    assert tab.app.slider(key=f"supervised.{NAME}.eps").value == 0.06
    tab.app.slider(key=f"supervised.{NAME}.reach").set_value(2.0)
    tab.press("Start")
    tab.finish()
    spec = tab.job.result.spec
    assert (spec["attack"], spec["reach"], spec["eps"], spec["steps"]) == (NAME, 2.0, 0.06, 20)


@pytest.mark.usefixtures("newcomer")
def test_it_is_a_method_of_the_own_grid() -> None:
    tab = SweepTab("mi-vs-asr", {"plan": "own", "grid-methods": f"pgd,{NAME}"})
    pills = tab.app.button_group(key="mi-vs-asr.grid-methods")
    assert "Sign steps" in pills.options
    assert pills.value == ["pgd", NAME]


@pytest.mark.usefixtures("newcomer")
def test_it_runs_in_a_sweep_and_its_look_is_its_own(tmp_path: Path) -> None:
    sweep = Sweep(n=6, shard=6, methods=(
        Method(name=NAME, attack=NAME, parameters={"reach": 2.0, "steps": 3, "mi_steps": 0}, eps=(0.1, 0.3)),
    ))  # fmt: skip
    result = sweep.run(tmp_path, executor="serial").drain()
    assert [summary.counted > 0 for _, summary in result.table()] == [True, True]
    looks = styles(["pgd", NAME, "unknown"])
    assert looks[NAME].title == "Sign steps"
    assert len({look.ink for look in looks.values()}) == 3


def test_it_is_checked_and_documented(newcomer: type[Attack]) -> None:
    with pytest.raises(ValueError, match=r"^reach must be > 0, got 0$"):
        newcomer(reach=0)  # type: ignore[call-arg]
    assert "| `reach` | 1.0 | > 0 | Reach ρ. Length of all steps together, in parts of ε. |" in (
        registered_attacks()
    )


def _advmi(folder: Path, *arguments: str) -> str:
    """A command of a program that has registered the file."""
    program = (
        "import sys; sys.path.insert(0, sys.argv.pop(1)); from sign_steps import SignSteps\n"
        "from advmi_core.attacks import ATTACKS; ATTACKS[SignSteps.name] = SignSteps\n"
        "from advmi_core.cli import app; app()"
    )
    command = [sys.executable, "-c", program, str(folder), *arguments]
    wide = {**os.environ, "COLUMNS": "400"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=wide)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.usefixtures("newcomer")
def test_its_parameters_are_options_of_the_command(tmp_path: Path) -> None:
    (line,) = [line for line in _advmi(tmp_path, "attack", "--help").splitlines() if "--reach" in line]
    assert f"Reach ρ. Length of all steps together, in parts of ε. Of {NAME}." in line
    options = ("--n", "2", "--steps", "3", "--reach", "2", "--mi-steps", "0", "--device", "cpu")
    facts = json.loads(_advmi(tmp_path, "attack", "--attack", NAME, *options, "--json"))
    assert (facts["attack"], facts["counted"]) == (NAME, 2)
