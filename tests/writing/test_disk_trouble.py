"""A full disk, a folder that is none, a process that was killed: nothing half-written, one sentence."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from advmi_core import files, models
from advmi_core.cli import app
from advmi_core.experiments.artefact import Artefact
from advmi_core.files import WriteError, write_atomically
from advmi_core.jobs.manager import sentence
from advmi_core.models import TrainSpec

RUNNER = CliRunner(env={"COLUMNS": "400"})
FULL = "the disk is full; free some space or choose another folder"
ATTACK = ["attack", "--attack", "pgd", "--n", "2", "--steps", "1", "--set", "mi_steps=0", "--device", "cpu"]
TRAIN = ["train", "ae-dense", "--epochs", "1", "--batch", "500", "--device", "cpu"]
posix = pytest.mark.skipif(sys.platform == "win32", reason="limits and locks of POSIX")


def left_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk on which every file can be begun and none can be finished."""

    def replace(self: Path, target: Path) -> Path:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self))

    monkeypatch.setattr(Path, "replace", replace)


@pytest.mark.fault("L6")
@pytest.mark.parametrize(
    ("arguments", "file"),
    [
        ([*ATTACK, "--out", "here"], "result.npz"),
        (["table", "reconstruction", "--csv", "here/table.csv"], "table.csv"),
        (["table", "whitebox", "--latex", "here/table.tex"], "table.tex"),
        (["study", "sampling", "--n", "2", "--steps", "1", "--seeds", "1", "--out", "here"], "spec.json"),
        (["sweep", "--preset", "smoke", "--n", "2", "--executor", "serial", "--runs", "here"], "spec.json"),
        ([*TRAIN, "--out", "here"], ".progress"),
    ],
)
def test_every_command_names_the_file_and_the_remedy(
    full: None, arguments: list[str], file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = RUNNER.invoke(app, arguments)
    said = " ".join(result.output.split())
    assert result.exit_code == 2, (result.output, result.exception)
    assert file in said
    assert FULL in said
    assert "Errno" not in said
    assert [name for name in left_in(tmp_path) if ".lock" not in name] == []


@pytest.fixture
def may_write() -> Iterator[Callable[[int], None]]:
    """Sets the system's limit for the size of a file, until the test's end."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.fault("L11")
@posix
@pytest.mark.parametrize(
    ("arguments", "limit", "file"),
    [([*ATTACK, "--out", "here"], 1000, "result.npz"), ([*TRAIN, "--out", "here"], 100_000, ".progress")],
)
def test_a_limit_that_the_system_sets_is_one_sentence(
    may_write: Callable[[int], None],
    arguments: list[str],
    limit: int,
    file: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ADVMI_CACHE", str(tmp_path / "cache"))
    may_write(limit)
    result = RUNNER.invoke(app, arguments)
    assert result.exit_code == 2, (result.stderr, result.exception)
    assert isinstance(result.exception, SystemExit)
    said = " ".join(result.stderr.split())
    assert "Traceback" not in said
    assert file in said
    assert "it would be larger than a file may be here; choose another folder" in said
    assert left_in(tmp_path) == []


@pytest.mark.fault("L11")
def test_the_app_says_the_same_of_a_training(full: None, tmp_path: Path) -> None:
    spec = TrainSpec(model="ae-dense", epochs=1, batch=500)
    with pytest.raises(WriteError) as error:
        models.train(spec, tmp_path).drain()
    assert FULL in sentence(error.value)
    assert "unexpected" not in sentence(OSError(errno.ENOSPC, "No space left on device", "/a/b"))
    assert sentence(OSError(errno.ENOSPC, "x", "/a/b")) == f"/a/b cannot be written: {FULL}"


@pytest.mark.fault("L11")
def test_what_the_writer_of_tensors_raises_is_the_same_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from safetensors import SafetensorError

    from advmi_core.models.training import progress

    def refuse(*_: Any) -> None:
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(progress, "save_file", refuse)
    with pytest.raises(WriteError, match=r"\.progress cannot be written: the disk is full"):
        models.train(TrainSpec(model="ae-dense", epochs=1, batch=500), tmp_path).drain()
    assert left_in(tmp_path) == []


@pytest.mark.fault("L6")
def test_an_older_file_survives_a_failed_write(tmp_path: Path) -> None:
    target = tmp_path / "kept"
    target.write_text("old")

    def half(path: Path) -> None:
        path.write_text("ne")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(WriteError, match=f"{target} cannot be written: {FULL}"):
        write_atomically(target, half)
    assert target.read_text() == "old"
    assert left_in(tmp_path) == ["kept"]


@pytest.mark.fault("L17")
def test_a_file_where_a_folder_is_needed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    occupied = tmp_path / "cache"
    occupied.write_text("")
    with pytest.raises(ValueError, match="a file stands where a folder is needed; choose another folder"):
        Artefact(occupied / "studies", "any", {}).open()
    monkeypatch.setenv("ADVMI_CACHE", str(occupied))
    from advmi_core.studies.sweep import store

    assert all(run.shipped for run in store.runs())
    result = RUNNER.invoke(app, ["sweep", "--preset", "smoke", "--n", "2", "--executor", "serial"])
    assert result.exit_code == 2
    assert "a file stands where a folder is needed" in " ".join(result.output.split())
    doctor = RUNNER.invoke(app, ["doctor"])
    assert doctor.exit_code == 0, doctor.exception
    assert "ADVMI_CACHE" in doctor.output


DIES = """
import os, sys
from pathlib import Path
from advmi_core.files import write_atomically
def die(path):
    path.write_bytes(bytes(1000))
    os.kill(os.getpid(), 9)
write_atomically(Path(sys.argv[1]), die)
"""


@pytest.mark.fault("L15")
@posix
def test_what_a_killed_process_left_is_deleted_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        subprocess.run([sys.executable, "-c", DIES, str(tmp_path / "part.npz")], check=False)
    left = left_in(tmp_path)
    assert len(left) == 1  # the second start has deleted the first one's
    (tmp_path / ".private").write_text("not ours")
    monkeypatch.setattr(files, "_tidied", set())
    write_atomically(tmp_path / "other", lambda path: path.write_text("new"))
    assert left_in(tmp_path) == [".private", "other"]


LIVES = """
import sys, time
from pathlib import Path
from advmi_core.files import write_atomically
def slow(path):
    path.write_text("slow")
    print("writing", flush=True)
    sys.stdin.readline()
write_atomically(Path(sys.argv[1]), slow)
"""


@pytest.mark.fault("L15")
@posix
def test_what_a_living_process_is_writing_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", LIVES, str(tmp_path / "slow")], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdin is not None
        process.stdout.readline()
        monkeypatch.setattr(files, "_tidied", set())
        write_atomically(tmp_path / "other", lambda path: path.write_text("new"))
        assert len(left_in(tmp_path)) == 2
        process.stdin.write("\n")
        process.stdin.close()
        process.wait(timeout=20)
    assert (tmp_path / "slow").read_text() == "slow"
    assert left_in(tmp_path) == ["other", "slow"]


@pytest.mark.fault("L15")
def test_a_temporary_that_was_taken_for_an_orphan_is_begun_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between its making and its lock, another process may delete a temporary."""
    real, calls = files._lock, []

    def lock(handle: int, *, wait: bool) -> bool:
        calls.append(wait)
        if len(calls) == 1:
            for path in tmp_path.iterdir():
                path.unlink()
        return real(handle, wait=wait)

    monkeypatch.setattr(files, "_lock", lock)
    write_atomically(tmp_path / "kept", lambda path: path.write_text("whole"))
    assert left_in(tmp_path) == ["kept"]
    assert calls == [True, True]
