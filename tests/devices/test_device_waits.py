"""What a step costs beyond its kernels: no wait for the device, no copy to it; and a step as a graph."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from simulated import simulated
from small_networks import classifier, images

from advmi_core.attacks import ATTACKS
from advmi_core.attacks.core.capture import WARM_UP, Replayed
from advmi_core.objectives import Classification

STEPS = {
    "minmax": {"mi": "mine-conv"},
    "minmax with the closed form": {"mi": "gaussian-patches"},
    "minmax with the distance": {"mi": "l2"},
    "minmax in the L2 ball": {"norm": "l2"},
    "minmax-solver": {"mi_weight": (-1.0, 0.0, 1.0)},
    "minmax-solver in the L2 ball": {"norm": "l2", "eps": (0.3, 0.2, 0.1)},
    "minmax-solver on grey levels": {"quantize": True},
    "pgd": {},
    "pgd with critics": {"mi_weight": 1.0},
    "ddn": {"norm": "l2"},
    "fwa": {"norm": "wasserstein"},
}


def _traffic(name: str, steps: int, **parameters: Any) -> tuple[int, int]:
    """Waits and copies of a run of so many steps, without records."""
    attack = ATTACKS[name.split()[0]](**{"eps": 0.3, "mi_steps": 0, "steps": steps, **parameters})
    with simulated("cuda") as seen:
        objective = Classification(classifier().to("cuda"), torch.zeros(3, dtype=torch.int64))
        x = images().to("cuda")
        seen.forget()
        attack(objective, x)
        return sum(seen.waits.values()), sum(seen.copies.values())


@pytest.mark.fault("G4")
@pytest.mark.parametrize("name", STEPS)
def test_a_step_neither_waits_nor_copies(name: str) -> None:
    assert _traffic(name, 3, **STEPS[name]) == _traffic(name, 7, **STEPS[name])


def test_critics_on_patches_copy_once_in_sixteen_steps() -> None:
    few, one = _traffic("minmax", 3, mi="mine-patches", warmup=0)
    many, still_one = _traffic("minmax", 16, mi="mine-patches", warmup=0)
    assert (few, one) == (many, still_one)
    assert _traffic("minmax", 17, mi="mine-patches", warmup=0) == (many, still_one + 1)


def test_cw_asks_ten_times_a_run_which_rows_have_stalled() -> None:
    few, _ = _traffic("cw", 20, norm="l2", searches=1)
    many, _ = _traffic("cw", 40, norm="l2", searches=1)
    assert few == many


@dataclass(frozen=True)
class Found:
    total: torch.Tensor
    nothing: None = None


class Adding:
    """A step that returns a + b and counts how often its kernels were launched by Python."""

    def __init__(self) -> None:
        self.launched = 0

    def __call__(self, a: torch.Tensor, b: torch.Tensor) -> Found:
        self.launched += 1
        return Found(a + b)


class FakeGraph:
    """Records what a step did to its tensors; a replay adds the static inputs into the static output."""

    def __init__(self) -> None:
        self.inputs: tuple[torch.Tensor, ...] = ()
        self.output = torch.empty(0)

    def replay(self) -> None:
        torch.add(*self.inputs, out=self.output)


@pytest.fixture
def graphs(monkeypatch: pytest.MonkeyPatch) -> list[FakeGraph]:
    made: list[FakeGraph] = []

    def new() -> FakeGraph:
        made.append(FakeGraph())
        return made[-1]

    @contextmanager
    def capturing(graph: FakeGraph, **_: Any) -> Iterator[None]:
        yield

    monkeypatch.setattr(torch.cuda, "CUDAGraph", new)
    monkeypatch.setattr(torch.cuda, "graph", capturing)
    return made


def test_a_step_is_captured_once_and_replayed_with_new_values(graphs: list[FakeGraph]) -> None:
    step = Adding()
    replayed: Replayed[Found] = Replayed(step, wanted=True)
    kept = []
    for number in range(WARM_UP + 4):
        a, b = torch.full((2,), float(number)), torch.ones(2)
        if number == WARM_UP:
            _wire(replayed, graphs)
        kept.append(replayed(a, b).total)
        assert a.tolist() == [number] * 2  # the caller's tensors are only read
    assert len(graphs) == 1
    assert step.launched == WARM_UP + 1
    assert [total[0].item() for total in kept] == [number + 1 for number in range(WARM_UP + 4)]


def _wire(replayed: Replayed[Found], graphs: list[FakeGraph]) -> None:
    """Let the fake graph know the tensors that the real one would have seen."""
    capture = replayed._capture

    def watched(inputs: tuple[torch.Tensor, ...]) -> None:
        capture(inputs)
        graphs[0].inputs, graphs[0].output = replayed._inputs, replayed._found.total

    replayed._capture = watched  # type: ignore[method-assign]


def test_what_cannot_be_captured_goes_on_and_says_so(
    monkeypatch: pytest.MonkeyPatch, graphs: list[FakeGraph], caplog: pytest.LogCaptureFixture
) -> None:
    @contextmanager
    def refusing(graph: FakeGraph, **_: Any) -> Iterator[None]:
        yield
        raise RuntimeError("operation not permitted when stream is capturing")

    monkeypatch.setattr(torch.cuda, "graph", refusing)
    replayed: Replayed[Found] = Replayed(Adding(), wanted=True)
    with caplog.at_level(logging.WARNING):
        totals = [replayed(torch.ones(1), torch.ones(1)).total.item() for _ in range(WARM_UP + 3)]
    assert totals == [2.0] * (WARM_UP + 3)
    assert len(graphs) == 1
    assert caplog.text.count("cannot be captured") == 1


def test_full_memory_in_a_capture_is_for_the_batch_to_halve(
    monkeypatch: pytest.MonkeyPatch, graphs: list[FakeGraph]
) -> None:
    @contextmanager
    def full(graph: FakeGraph, **_: Any) -> Iterator[None]:
        raise torch.OutOfMemoryError("CUDA out of memory.")
        yield

    monkeypatch.setattr(torch.cuda, "graph", full)
    replayed: Replayed[Found] = Replayed(Adding(), wanted=True)
    for _ in range(WARM_UP):
        replayed(torch.ones(1), torch.ones(1))
    with pytest.raises(torch.OutOfMemoryError):
        replayed(torch.ones(1), torch.ones(1))


def test_a_step_that_must_not_be_captured_never_is(graphs: list[FakeGraph]) -> None:
    replayed: Replayed[Found] = Replayed(Adding(), wanted=False)
    for _ in range(WARM_UP + 2):
        replayed(torch.ones(1), torch.ones(1))
    assert not graphs
