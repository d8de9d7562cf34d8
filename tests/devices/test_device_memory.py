"""A device whose memory is full: whatever it says, parts are halved and the values stay the same."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import pytest
import torch
from simulated import MESSAGES, simulated
from small_networks import classifier, images
from torch import nn

from advmi_core import models
from advmi_core.attacks import PGD
from advmi_core.attacks.core import best
from advmi_core.data import ImageSet
from advmi_core.memory import in_parts, out_of_memory
from advmi_core.mi import estimate_mi
from advmi_core.objectives import Classification

COUNT = 8
SAYS = "did not fit the memory"


def objective(where: str) -> Classification:
    network = classifier()
    return Classification(network.to(where), torch.zeros(COUNT, dtype=torch.int64))


@pytest.mark.fault("G5")
@pytest.mark.parametrize(
    "error",
    [
        *(RuntimeError(message) for message in MESSAGES.values()),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        MemoryError(),
        RuntimeError("[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes."),
    ],
)
def test_every_message_is_known(error: BaseException) -> None:
    assert out_of_memory(error)


def test_another_error_is_another_error() -> None:
    assert not out_of_memory(RuntimeError("CUDA error: device-side assert triggered"))
    assert not out_of_memory(ValueError("out of memory"))


@pytest.mark.fault("G5")
def test_parts_are_halved_and_stay_small() -> None:
    told: list[str] = []
    seen: list[tuple[int, int]] = []

    def compute(rows: slice) -> int:
        if rows.stop - rows.start > 3:
            raise RuntimeError(MESSAGES["driver"])
        seen.append((rows.start, rows.stop))
        return rows.stop - rows.start

    assert sum(in_parts(compute, 11, 8, torch.device("cpu"), told.append)) == 11
    assert seen[0][0] == 0
    assert seen[-1][1] == 11
    assert len(told) == 2
    assert SAYS in told[0]


def test_what_does_not_fit_alone_is_an_error() -> None:
    def compute(rows: slice) -> None:
        raise MemoryError

    with pytest.raises(MemoryError):
        in_parts(compute, 4, 4, torch.device("cpu"))


@pytest.mark.fault("G5")
@pytest.mark.parametrize("message", [MESSAGES["cuda"], MESSAGES["driver"], MESSAGES["cudnn"]])
def test_an_attack_goes_on_with_half(message: str) -> None:
    attack, x = PGD(eps=0.1, steps=2, mi_steps=0), images(COUNT)
    here = attack(objective("cpu"), x)
    with simulated("cuda", largest=1500, message=message) as seen:  # four images' maps
        there = attack(objective("cuda"), x)
    assert seen.refused
    assert any(SAYS in sentence for sentence in there.warnings)
    assert torch.equal(there.success, here.success)
    torch.testing.assert_close(there.x_adv, here.x_adv, rtol=0, atol=1e-5)


@pytest.mark.fault("G5")
@pytest.mark.parametrize("kind", ["cuda", "mps"])
def test_mi_is_measured_in_smaller_parts(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    x = images(COUNT)
    x_adv = (x + 0.1).clamp(0, 1)
    here = estimate_mi(objective("cpu"), x, x_adv, steps=2)
    with caplog.at_level(logging.WARNING), simulated(kind, largest=12_000, message=MESSAGES[kind]) as seen:
        there = estimate_mi(objective(kind), x, x_adv, steps=2)
    assert seen.refused
    assert SAYS in caplog.text
    torch.testing.assert_close(there, here, rtol=1e-4, atol=1e-4)


@pytest.mark.fault("G5")
def test_a_result_survives_an_mi_that_cannot_be_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> torch.Tensor:
        raise RuntimeError(MESSAGES["cublas"])

    monkeypatch.setattr(best, "estimate_mi", full)
    result = PGD(eps=0.1, steps=2, mi_steps=2)(objective("cpu"), images(COUNT))
    assert result.mi.isnan().all()
    assert result.success.shape == (COUNT,)
    assert any("not measured" in sentence for sentence in result.warnings)


def image_set(count: int) -> ImageSet:
    stream = torch.Generator().manual_seed(0)
    x, y = torch.rand(count, 1, 28, 28, generator=stream), torch.arange(count) % 3
    return ImageSet(x, y, ("a", "b", "c"), "fashion-mnist", "train", "folder", True)


def trained(name: str, largest: int | None) -> nn.Module:
    spec = replace(models.default_spec(name), epochs=1, batch=16, validation=0.2)
    with simulated("cuda", largest=largest):
        network = models.train(spec, images=image_set(24), test=image_set(4), device="cuda").drain().network
        return network.to("cpu")


@pytest.mark.fault("G5")
@pytest.mark.parametrize(("name", "largest"), [("cnn", 300_000), ("ae-conv", 60_000)])
def test_a_training_takes_the_same_steps_from_smaller_parts(
    name: str, largest: int, caplog: pytest.LogCaptureFixture
) -> None:
    whole = trained(name, None)
    with caplog.at_level(logging.WARNING):
        halved = trained(name, largest)
    assert SAYS in caplog.text
    for key, value in whole.state_dict().items():
        torch.testing.assert_close(halved.state_dict()[key], value, rtol=1e-3, atol=1e-4, msg=key)


@pytest.mark.fault("G5")
@pytest.mark.parametrize(("name", "largest"), [("simclr", 100_000), ("resnet18-w8", 60_000)])
def test_a_batch_that_must_stay_whole_says_so(name: str, largest: int) -> None:
    with pytest.raises(ValueError, match="a batch of 16 images does not fit the memory and cannot be halved"):
        trained(name, largest)
