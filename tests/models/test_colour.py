"""All models that learn without labels take 32×32 colour pictures, and learn from them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.nn import functional

from advmi_core import models
from advmi_core.data import ImageSet
from advmi_core.models import MODELS
from advmi_core.objectives import Reconstruction

UNLABELLED = [name for name in MODELS if name.startswith("ae-") or name == "simclr"]


@pytest.fixture(scope="module")
def pictures() -> ImageSet:
    """Pictures of few colours, smooth, so that a few steps are enough to see a loss fall."""
    stream = torch.Generator().manual_seed(0)
    x = functional.interpolate(torch.rand(64, 3, 2, 2, generator=stream), size=(32, 32), mode="bilinear")
    y = torch.randint(0, 10, (64,), generator=stream)
    return ImageSet(x, y, tuple("0123456789"), "cifar10", "train", "folder")


@pytest.mark.parametrize("name", UNLABELLED)
def test_it_learns_and_comes_back_from_its_file(name: str, pictures: ImageSet, tmp_path: Path) -> None:
    spec = replace(models.default_spec(name, "cifar10"), epochs=4, batch=16, validation=0.25, half=False)
    result = models.train(spec, tmp_path, images=pictures, test=pictures).drain()
    loaded = models.load(name, weights=result.weights)
    assert loaded.in_shape == (3, 32, 32)
    learnt, fresh = (
        models.measure(network, pictures.x, pictures.y)
        for network in (loaded, models.build(name, (3, 32, 32)))
    )
    assert {"split": "test", **learnt} == result.card["metrics"]
    assert all(learnt[metric] < 0.99 * fresh[metric] for metric in learnt)


@pytest.mark.parametrize("name", [name for name in UNLABELLED if name != "simclr"])
def test_it_can_be_attacked(name: str, pictures: ImageSet) -> None:
    objective = Reconstruction(models.build(name, (3, 32, 32)))
    problem = objective.on(pictures.x[:3])
    moved = pictures.x[3:6].clone().requires_grad_()
    problem.evaluate(moved).criterion.sum().backward()
    assert moved.grad is not None
    assert bool((moved.grad.flatten(1).abs().sum(1) > 0).all())
    assert objective.has_maps == (name == "ae-conv")
