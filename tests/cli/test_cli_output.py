"""Whatever the output is, a result is not lost: other encodings, a reader that leaves, Ctrl-C."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

ADVMI = [sys.executable, "-c", "from advmi_core.cli import app; app()"]
ATTACK = ["attack", "--attack", "pgd", "--n", "2", "--steps", "1", "--set", "mi_steps=0", "--device", "cpu"]
END = "END-OF-THE-COMMAND"
# One interpreter, which an encoding is chosen for at its start, calls many commands.
_SEVERAL = f"""
import json, sys
from advmi_core.cli import app
for arguments in json.loads(sys.argv.pop(1)):
    try:
        app(arguments)
    except SystemExit as end:
        for stream in (sys.stdout, sys.stderr):
            print("{END}", end.code or 0, file=stream, flush=True)
"""


def environment(tmp_path: Path, **more: str) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("LC_", "LANG", "PYTHONUTF8"))
    }
    return {**kept, "ADVMI_CACHE": str(tmp_path / "cache"), "COLUMNS": "200", **more}


@dataclass(frozen=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    stdout: bytes
    stderr: bytes


def run(commands: Sequence[list[str]], tmp_path: Path, **more: str) -> list[Said]:
    """Call the commands one after the other in a process with these variables."""
    done = subprocess.run(
        [sys.executable, "-c", _SEVERAL, json.dumps(commands)],
        env=environment(tmp_path, **more),
        capture_output=True,
        check=True,
        cwd=tmp_path,
    )
    parts = [re.split(rf"{END} (\d+)\r?\n".encode(), text) for text in (done.stdout, done.stderr)]
    (out, codes), (err, _) = ((part[:-1:2], part[1::2]) for part in parts)
    assert len(out) == len(err) == len(commands), done.stderr
    return [Said(int(code), *said) for code, *said in zip(codes, out, err, strict=True)]


OUTPUTS = [
    {"PYTHONIOENCODING": "cp1252"},
    {"PYTHONIOENCODING": "latin-1"},
    {"PYTHONIOENCODING": "ascii"},
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
]
FOLDER = "größe-ε"
IN_ASCII = (
    (["doctor"], 0), (["--help"], 0), (["attack", "--help"], 0), (["data", "list"], 0),
    (["table", "reconstruction"], 0), (["table", "whitebox"], 0),
    ([*ATTACK, "--eps", "ε"], 2), ([*ATTACK, "--model", "modèle"], 2),
)  # fmt: skip


@pytest.mark.fault("L12")
@pytest.mark.parametrize("output", OUTPUTS, ids=str)
def test_an_output_that_is_not_utf8_loses_nothing(output: dict[str, str], tmp_path: Path) -> None:
    """Tables whole, JSON as JSON; and in ASCII, doctor, help, lists and mistakes."""
    ascii_only = IN_ASCII if output.get("PYTHONIOENCODING") == "ascii" else ()
    folder = "found" if "LC_ALL" in output else FOLDER  # in the locale C, files have ASCII names as well
    commands = [ATTACK, [*ATTACK, "--json", "--out", folder], *(arguments for arguments, _ in ascii_only)]
    people, machines, *others = run(commands, tmp_path, **output)
    assert people.code == 0, people.stderr
    text = people.stdout.decode("latin-1")
    assert "Linf norm, largest" in text
    assert "attack success rate" in text

    assert machines.code == 0, machines.stderr
    facts = json.loads(machines.stdout.decode("utf-8"))
    assert facts["files"][0] == str(Path(folder) / "result.npz")
    assert np.load(tmp_path / folder / "result.npz")["x_adv"].shape == (2, 1, 28, 28)

    for (arguments, code), said in zip(ascii_only, others, strict=True):
        assert said.code == code, (arguments, said.stderr)
        assert b"Traceback" not in said.stderr
        assert (said.stdout + said.stderr).isascii()
        assert said.stdout or said.stderr


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


# The command as it is, but for a file that tells that it is at work.
_TELLING = """
from pathlib import Path
from advmi_core.run import Run
go_on = Run.__next__
def told(self):
    found = go_on(self)
    Path("at-work").touch()
    return found
Run.__next__ = told
from advmi_core.cli import app
app()
"""


@pytest.mark.fault("L12")
@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("as_json", [False, True])
def test_ctrl_c_prints_and_writes_what_was_found(as_json: bool, tmp_path: Path) -> None:
    endless = ["attack", "--attack", "pgd", "--n", "4", "--steps", "100000", "--set", "mi_steps=0"]
    with subprocess.Popen(
        [sys.executable, "-c", _TELLING, *endless, "--device", "cpu", "--out", "found"]
        + (["--json"] if as_json else []),
        env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path, text=True,
        preexec_fn=_hear_ctrl_c,
    ) as process:  # fmt: skip
        while not (tmp_path / "at-work").exists():
            assert process.poll() is None, process.stderr and process.stderr.read()
            time.sleep(0.05)
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
