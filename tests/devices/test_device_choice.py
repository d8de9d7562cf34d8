"""Which device computes, set up how; and the same random numbers on all of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
import torch
from simulated import simulated
from small_networks import classifier
from typer.testing import CliRunner

from advmi_core import device
from advmi_core.cli import app, doctor
from advmi_core.cli import main as cli
from advmi_core.defenses.parallel import processes
from advmi_core.mi.critics import PRESETS
from advmi_core.mi.per_image.per_sample import PerSampleMINE
from advmi_core.objectives import Classification
from advmi_core.rng import RowStreams


@pytest.mark.fault("G1")
def test_auto_takes_what_is_there_and_listens_to_the_environment(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert device.pick().type == "cpu"
    with simulated(kind):
        assert device.pick().type == kind
        monkeypatch.setenv(device.VARIABLE, "cpu")
        assert device.pick().type == "cpu"
        assert device.pick(kind).type == kind


@pytest.mark.fault("G6")
@pytest.mark.parametrize(
    "name", ["cpu:x", "cuda:9", "cuda:-1", "tpu", "", "cuda:1", "mps:3", "cpu:4", "meta"]
)
def test_a_wrong_device_is_one_sentence(name: str) -> None:
    with pytest.raises(ValueError, match=r"^device must be") as caught, simulated("cuda"):
        device.pick(name)
    assert repr(name) in str(caught.value)
    result = CliRunner().invoke(app, ["attack", "--n", "1", "--steps", "1", "--device", name])
    assert result.exit_code == 2
    assert "Traceback" not in result.output


@pytest.mark.fault("G6")
def test_an_index_that_is_there_is_taken() -> None:
    with simulated("cuda"):
        assert device.pick("cuda:0") == torch.device("cuda", 0)


@pytest.fixture
def _tf32() -> Iterator[None]:
    """Torch's own setting, before and after."""
    switches: list[Any] = [torch.backends.cuda.matmul, torch.backends.cudnn]
    before = [switch.allow_tf32 for switch in switches]
    for switch in switches:
        switch.allow_tf32 = True
    yield
    for switch, value in zip(switches, before, strict=True):
        switch.allow_tf32 = value


@pytest.mark.fault("G3")
@pytest.mark.usefixtures("_tf32")
def test_what_is_judged_is_computed_in_full_float32() -> None:
    with simulated("cuda"):
        Classification(classifier().to("cuda"), torch.zeros(3, dtype=torch.int64))
    assert torch.backends.cuda.matmul.fp32_precision == "ieee"
    assert torch.backends.cudnn.conv.fp32_precision == "ieee"
    assert not torch.backends.cudnn.allow_tf32
    assert not torch.backends.cuda.matmul.allow_tf32


@pytest.mark.fault("G1")
def test_doctor_and_commands_name_the_device(kind: str) -> None:
    runner = CliRunner()
    with simulated(kind):
        assert doctor.examine()["device"].startswith(kind)
        for command in (
            ["mi", "--n", "40", "--steps", "2"],
            ["attack", "--n", "1", "--steps", "1", "--attack", "pgd", "--set", "mi_steps=1"],
        ):
            result = runner.invoke(app, [*command, "--json"])
            assert result.exit_code == 0, result.output
            assert json.loads(result.stdout)["device"].startswith(kind)


@pytest.mark.fault("G1")
def test_the_app_hands_its_choice_to_its_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(device.VARIABLE, "auto")
    with mock.patch.object(cli, "become", return_value=0) as started:
        CliRunner().invoke(app, ["app", "--device", "cpu"])
        refused = CliRunner().invoke(app, ["app", "--device", "cuda:9"])
    assert started.call_count == 1
    assert cli.os.environ[device.VARIABLE] == "cpu"
    assert refused.exit_code == 2


@pytest.mark.fault("G7")
@pytest.mark.parametrize("shape", [(3, 5), (3, 70, 9)])
def test_draws_have_the_same_bits_everywhere(shape: tuple[int, ...], kind: str) -> None:
    def drawn(where: str) -> list[torch.Tensor]:
        streams = RowStreams(3, [4, 0, 9], 1, where)
        filled = torch.zeros(shape, device=where)
        streams.fill_uniform(filled, 0.37)
        streams.fill_uniform(filled[..., :-1], 0.11)  # as the filters' weights beside their biases
        return [filled, streams.normal(4), streams.uniform(2, 2), streams.permutation(6)]

    here = drawn("cpu")
    with simulated(kind):
        for ours, its in zip(here, drawn(kind), strict=True):
            assert torch.equal(its.cpu(), ours)


@pytest.mark.fault("G7")
def test_weights_are_drawn_in_one_copy_a_tensor(monkeypatch: pytest.MonkeyPatch) -> None:
    maps = torch.rand(5, 4, 10, 10)
    here = PerSampleMINE(maps).weights
    with simulated("cuda") as seen:
        mine = PerSampleMINE(maps.to("cuda"))
        copies = sum(number for place, number in seen.copies.items() if "rng.py" in place)
        for name, ours in here.items():
            assert torch.equal(mine.weights[name].cpu(), ours)
    drawn = 2 * sum(name in ("filters", "first", "second") for name in here) + 1  # two branches and the head
    assert copies == drawn
    assert PRESETS["compact"].channels == 8
    monkeypatch.setattr("advmi_core.rng._CHUNK", 1)  # row by row
    with simulated("cuda"):
        again = PerSampleMINE(maps.to("cuda")).weights
        assert all(torch.equal(again[name].cpu(), ours) for name, ours in here.items())


@pytest.mark.fault("G8")
@pytest.mark.parametrize(
    ("given", "gpus", "rank", "expected"), [("cuda", 2, 1, 1), ("cuda:1", 3, 1, 2), ("cuda:1", 3, 0, 1)]
)
def test_torchrun_counts_from_the_given_gpu(
    given: str, gpus: int, rank: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    _torchrun(monkeypatch, rank)
    with simulated("cuda"):
        monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
        with processes(given) as chosen:
            assert chosen == torch.device("cuda", expected)


@pytest.mark.fault("G8")
@pytest.mark.parametrize(("given", "gpus"), [("cuda", 1), ("cuda:1", 2)])
def test_more_processes_than_gpus_is_one_sentence(
    given: str, gpus: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    _torchrun(monkeypatch, 0)
    with simulated("cuda"):
        monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
        wanted = "needs a GPU of its own, got 2 processes for 1"
        with pytest.raises(ValueError, match=wanted), processes(given):
            pass


def _torchrun(monkeypatch: pytest.MonkeyPatch, rank: int) -> None:
    for name, value in {"WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2, "RANK": rank, "LOCAL_RANK": rank}.items():
        monkeypatch.setenv(name, str(value))
    for name in ("init_process_group", "destroy_process_group"):
        monkeypatch.setattr(torch.distributed, name, lambda *_: None)
    monkeypatch.setattr(torch.cuda, "set_device", lambda _: None)
