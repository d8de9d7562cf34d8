"""Whatever the output is, a result is not lost: other encodings, a reader that leaves, Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

ADVMI = [sys.executable, "-c", "from advmi_core.cli import app; app()"]
ATTACK = ["attack", "--attack", "pgd", "--n", "2", "--steps", "1", "--set", "mi_steps=0", "--device", "cpu"]


def environment(tmp_path: Path, **more: str) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("LC_", "LANG", "PYTHONUTF8"))
    }
    return {**kept, "ADVMI_CACHE": str(tmp_path / "cache"), "COLUMNS": "200", **more}


def run(arguments: list[str], tmp_path: Path, **more: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*ADVMI, *arguments],
        env=environment(tmp_path, **more),
        capture_output=True,
        check=False,
        cwd=tmp_path,
    )


OUTPUTS = [
    {"PYTHONIOENCODING": "cp1252"},
    {"PYTHONIOENCODING": "latin-1"},
    {"PYTHONIOENCODING": "ascii"},
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
]


@pytest.mark.fault("L12")
@pytest.mark.parametrize("output", OUTPUTS, ids=str)
def test_an_output_that_is_not_utf8_loses_nothing(output: dict[str, str], tmp_path: Path) -> None:
    done = run(ATTACK, tmp_path, **output)
    assert done.returncode == 0, done.stderr
    text = done.stdout.decode("latin-1")
    assert "Linf norm, largest" in text
    assert "attack success rate" in text


@pytest.mark.fault("L12")
def test_doctor_help_lists_and_mistakes_speak_ascii(tmp_path: Path) -> None:
    ascii_only = {"PYTHONIOENCODING": "ascii"}
    for arguments, code in (
        (["doctor"], 0), (["--help"], 0), (["attack", "--help"], 0), (["data", "list"], 0),
        (["table", "reconstruction"], 0), (["table", "whitebox"], 0),
        ([*ATTACK, "--eps", "ε"], 2), ([*ATTACK, "--model", "modèle"], 2),
    ):  # fmt: skip
        done = run(arguments, tmp_path, **ascii_only)
        assert done.returncode == code, (arguments, done.stderr)
        assert b"Traceback" not in done.stderr
        assert (done.stdout + done.stderr).isascii()
        assert done.stdout or done.stderr


@pytest.mark.fault("L12")
def test_json_is_json_in_every_encoding(tmp_path: Path) -> None:
    folder = "größe-ε"
    done = run([*ATTACK, "--json", "--out", folder], tmp_path, PYTHONIOENCODING="cp1252")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout.decode("utf-8"))
    assert facts["files"][0] == str(Path(folder) / "result.npz")
    assert np.load(tmp_path / folder / "result.npz")["x_adv"].shape == (2, 1, 28, 28)


@pytest.mark.fault("L12")
@pytest.mark.skipif(sys.platform == "win32", reason="a shell's pipe")
@pytest.mark.parametrize("arguments", [["data", "list"], ["data", "list", "--json"], ["doctor"]], ids=str)
def test_a_reader_that_has_seen_enough_is_no_error(arguments: list[str], tmp_path: Path) -> None:
    with subprocess.Popen(
        [*ADVMI, *arguments], env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
        process.wait(timeout=60)
    assert said == b""


def _hear_ctrl_c() -> None:
    """What a shell starts in the background ignores Ctrl-C, also these tests and what they start."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.fault("L12")
@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("as_json", [False, True])
def test_ctrl_c_prints_and_writes_what_was_found(as_json: bool, tmp_path: Path) -> None:
    endless = ["attack", "--attack", "pgd", "--n", "4", "--steps", "1000000", "--set", "mi_steps=0"]
    with subprocess.Popen(
        [*ADVMI, *endless, "--device", "cpu", "--out", "found", *(["--json"] if as_json else [])],
        env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path, text=True,
        preexec_fn=_hear_ctrl_c,
    ) as process:  # fmt: skip
        time.sleep(15)
        assert process.poll() is None, process.stderr and process.stderr.read()
        process.send_signal(signal.SIGINT)
        try:
            said, errors = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    assert "Traceback" not in errors
    assert process.returncode == 0, errors
    assert "keeping what was found so far" in errors
    assert '"asr"' in said if as_json else "attack success rate" in said
    assert (tmp_path / "found" / "summary.json").is_file()
    if as_json:
        assert json.loads(said)["partial"] is True
