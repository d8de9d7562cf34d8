"""Whatever the output is, a result is not lost: other encodings, a reader that leaves, Ctrl-C."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

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


# Loads the program once and then becomes every command in turn by a fork, in a folder of its own: its end is
# an interpreter's own, with what that writes at last.
_EACH = """
import json, os, sys
from pathlib import Path
from advmi_core.cli import app
{setup}
for number, arguments in enumerate(json.loads(sys.argv.pop(1))):
    if pid := os.fork():
        print(pid, flush=True)
        continue
    os.chdir(str(number))
    os.environ["ADVMI_CACHE"] = os.path.join(os.getcwd(), "cache")
    for stream, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT), stream)
    {before}
    app(arguments)
for _ in sys.stdin:
    pid, status = os.wait()
    print(pid, os.waitstatus_to_exitcode(status), flush=True)
"""


@contextmanager
def forked(
    commands: Sequence[list[str]], tmp_path: Path, setup: str = "", before: str = ""
) -> Iterator[tuple[list[int], Callable[[], dict[int, int]]]]:
    """The commands, each in the folder of its number: their pids, and what waits for their exit codes."""
    for number in range(len(commands)):
        (tmp_path / str(number)).mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", _EACH.format(setup=setup, before=before), json.dumps(commands)],
        env=environment(tmp_path), stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=tmp_path, text=True,
        preexec_fn=_hear_ctrl_c,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        said = process.stdout
        pids = [int(said.readline()) for _ in commands]

        def codes() -> dict[int, int]:
            ended, _ = process.communicate("\n" * len(commands), timeout=60)
            return dict(tuple(map(int, line.split())) for line in ended.splitlines())

        try:
            yield pids, codes
        finally:
            for pid in pids if process.poll() is None else ():
                os.kill(pid, signal.SIGKILL)
            process.kill()


def _hear_ctrl_c() -> None:
    """What a shell starts in the background ignores Ctrl-C, also these tests and what they start."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


posix = pytest.mark.skipif(sys.platform == "win32", reason="a shell's pipe and the signals of POSIX")


@pytest.mark.fault("L12")
@posix
def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    commands = [["data", "list"], ["data", "list", "--json"], ["doctor"]]
    unread = "reader, writer = os.pipe(); os.close(reader); os.dup2(writer, 1)"
    with forked(commands, tmp_path, before=unread) as (_, codes):
        assert len(codes()) == len(commands)
    for number, arguments in enumerate(commands):
        assert (tmp_path / str(number) / "stderr").read_text() == "", arguments


# The command as it is, but for a file that tells that it is at work.
_TELLING = """
from advmi_core.run import Run
go_on = Run.__next__
def told(self):
    found = go_on(self)
    Path("at-work").touch()
    return found
Run.__next__ = told
"""


@pytest.mark.fault("L12")
@posix
def test_ctrl_c_prints_and_writes_what_was_found(tmp_path: Path) -> None:
    endless = ["attack", "--attack", "pgd", "--n", "4", "--steps", "100000", "--set", "mi_steps=0"]
    endless += ["--device", "cpu", "--out", "found"]
    with forked([endless, [*endless, "--json"]], tmp_path, setup=_TELLING) as (pids, codes):
        deadline = time.monotonic() + 60
        for number, pid in enumerate(pids):
            folder = tmp_path / str(number)
            while not (folder / "at-work").exists():
                assert time.monotonic() < deadline, (folder / "stderr").read_text()
                time.sleep(0.05)
            os.kill(pid, signal.SIGINT)
        ended = codes()
    for number, pid in enumerate(pids):
        said, errors = ((tmp_path / str(number) / name).read_text() for name in ("stdout", "stderr"))
        assert "Traceback" not in errors
        assert ended[pid] == 0, errors
        assert "keeping what was found so far" in errors
        assert (tmp_path / str(number) / "found" / "summary.json").is_file()
        if number:
            assert '"asr"' in said
            assert json.loads(said)["partial"] is True
        else:
            assert "attack success rate" in said
