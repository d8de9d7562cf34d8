"""Small images, estimators that train in a moment, and a process that runs the commands of `benchmarks`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from advmi_core.data import ImageSet
from advmi_core.defenses import DefenseSpec
from advmi_core.mi.local.dim import KINDS, build_local_dim
from advmi_core.mi.local.estimators import LocalEstimators

SHAPE = (1, 16, 16)
ROOT = Path(__file__).resolve().parents[2]

# Imports torch once and then runs every command that it is told, as `python -m benchmarks.…` does.
_COMMANDS = """
import io, json, runpy, sys
from contextlib import redirect_stderr, redirect_stdout
answers = sys.stdout
for line in sys.stdin:
    module, *words = json.loads(line)
    sys.argv, code, out, err = [module, *words], 0, io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            runpy.run_module("benchmarks." + module, run_name="__main__", alter_sys=True)
        except SystemExit as leaving:
            code = leaving.code or 0
            if isinstance(code, str):
                print(code, file=sys.stderr)
                code = 1
    print(json.dumps([code, out.getvalue(), err.getvalue()]), file=answers, flush=True)
"""


@dataclass(frozen=True)
class Said:
    """What a command left."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture(scope="session")
def command() -> Iterator[Callable[..., Said]]:
    """Runs `python -m benchmarks.NAME WORDS…`, one after the other in one process."""
    with subprocess.Popen(
        [sys.executable, "-c", _COMMANDS], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        told, answers = process.stdin, process.stdout

        def run(name: str, *words: str) -> Said:
            print(json.dumps([name, *words]), file=told, flush=True)
            return Said(*json.loads(answers.readline()))

        yield run
        told.close()


def small_images(count: int, seed: int) -> ImageSet:
    """Three classes told apart by their brightness."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.arange(count) % 3
    x = 0.4 * torch.rand(count, *SHAPE, generator=generator) + 0.3 * y[:, None, None, None]
    return ImageSet(x, y, ("dark", "grey", "light"), "fashion-mnist", "train", "folder", True)


@pytest.fixture(scope="session")
def images() -> ImageSet:
    return small_images(44, 1)


@pytest.fixture(scope="session")
def test_images() -> ImageSet:
    return small_images(9, 2)


@pytest.fixture
def estimators() -> LocalEstimators:
    made = {
        kind: build_local_dim(SHAPE, 3, units=8, kind=kind, seed=place) for place, kind in enumerate(KINDS)
    }
    return LocalEstimators(**made).to("cpu")


@pytest.fixture
def small() -> Callable[..., DefenseSpec]:
    """Two epochs of three steps: 40 images to train on, 4 held out."""

    def make(defense: str, **changes: object) -> DefenseSpec:
        usual = DefenseSpec(
            defense=defense, model="resnet18-w8", epochs=2, batch=12, lr=0.05, eps=0.2, steps=2, crop=1
        )
        return replace(usual, **changes)  # type: ignore[arg-type]

    return make


@pytest.fixture(scope="session")
def same_weights() -> Callable[[torch.nn.Module, torch.nn.Module], bool]:
    def compare(one: torch.nn.Module, two: torch.nn.Module) -> bool:
        left: dict[str, Tensor] = one.state_dict()
        right: dict[str, Tensor] = two.state_dict()
        return left.keys() == right.keys() and all(torch.equal(left[key], right[key]) for key in left)

    return compare
