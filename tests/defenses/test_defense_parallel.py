"""Two processes over gloo learn what one learns from the same batches."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from advmi_core.data import ImageSet
from advmi_core.defenses import DefenseSpec, train_defense
from advmi_core.defenses.parallel import Ranks
from advmi_core.mi.local.estimators import LocalEstimators

SCRIPT = """
import sys
sys.path.insert(0, {tests!r})
import torch
from dataclasses import replace
from pathlib import Path
from conftest import small_images
from advmi_core.defenses import DefenseSpec, parallel, train_defense
from advmi_core.mi.local.estimators import LocalEstimators
torch.set_num_threads(1)
folder = Path({folder!r})
with parallel.processes("cpu") as device:
    rank = parallel.Ranks.current().rank
    for spec in {specs!r}:
        estimators = LocalEstimators.load(folder / "estimators")
        run = train_defense(
            DefenseSpec(**spec), folder / spec["defense"], estimators=estimators,
            images=small_images(44, 1), test=small_images(9, 2), device=device,
        )
        from safetensors.torch import save_file
        save_file(
            {{key: value.clone() for key, value in run.drain().network.state_dict().items()}},
            folder / f"{{spec['defense']}}-{{rank}}",
        )
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(folder: Path, specs: list[DefenseSpec]) -> None:
    """What torchrun does: one process per rank, told by its environment."""
    script = folder / "train.py"
    script.write_text(
        SCRIPT.format(
            tests=str(Path(__file__).parent), folder=str(folder), specs=[spec.to_dict() for spec in specs]
        )
    )
    told = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": "2"}
    ranks = [
        subprocess.Popen(
            [sys.executable, script],
            env={**os.environ, **told, "RANK": str(rank), "LOCAL_RANK": str(rank), "OMP_NUM_THREADS": "1"},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    for process in ranks:
        _, errors = process.communicate(timeout=240)
        assert process.returncode == 0, errors


def test_two_processes(
    tmp_path: Path,
    small: Callable[..., DefenseSpec],
    estimators: LocalEstimators,
    images: ImageSet,
    test_images: ImageSet,
) -> None:
    """Without BN the averaged gradient is that of the whole batch, up to rounding (5e-5 after six steps).

    TRADES for three: where the divergence hardly slopes, rounding alone turns the sign of a pixel's step.

    With BN, and with estimators, each process sees the statistics and the negatives of its own rows: there
    both must hold the same weights, and one of them writes the file.
    """
    alike = [
        small(name, model="cnn", lr=0.01, epochs=epochs)
        for name, epochs in (("standard", 2), ("trades", 1), ("mart", 2))
    ]
    estimators.save(tmp_path / "estimators", {"metrics": {}})
    start(tmp_path, [*alike, small("namid", lr=0.01)])
    for spec in alike:
        alone = train_defense(spec, images=images, test=test_images).drain().network.state_dict()
        for rank in range(2):
            together = load_file(tmp_path / f"{spec.defense}-{rank}")
            for key, value in alone.items():
                assert torch.allclose(together[key], value, atol=5e-5), (spec.defense, key)
    zero, one = (load_file(tmp_path / f"namid-{rank}") for rank in range(2))
    assert all(torch.equal(zero[key], one[key]) for key in zero)
    assert {path.name for path in (tmp_path / "namid").iterdir()} == {
        "resnet18-w8.safetensors",
        "resnet18-w8.json",
        "resnet18-w8-history.json",
    }


def test_shards_are_disjoint_and_whole() -> None:
    batch = torch.arange(12)
    parts = [Ranks(rank, 3).shard(batch) for rank in range(3)]
    assert [len(part) for part in parts] == [4, 4, 4]
    assert torch.equal(torch.cat(parts).sort().values, batch)


def test_batch_that_does_not_divide_is_refused(
    small: Callable[..., DefenseSpec],
    images: ImageSet,
    test_images: ImageSet,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Ranks, "current", classmethod(lambda cls: cls(0, 5)))
    with pytest.raises(ValueError, match="batch must be a multiple of the 5 processes, got 12"):
        train_defense(replace(small("standard")), images=images, test=test_images)
