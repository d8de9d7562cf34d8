"""Sweeps and the app's own tasks on a second device, and where they say that they were computed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from simulated import simulated

from advmi_core import data
from advmi_core.attacks import MinMax
from advmi_core.studies.sweep import Method, Sweep
from advmi_core.ui import resources
from advmi_core.ui.attack.tasks import Task
from advmi_core.ui.widgets.images import Images

SWEEP = Sweep(
    name="tiny",
    n=4,
    shard=3,
    methods=(Method(name="pgd", attack="pgd", parameters={"steps": 2, "mi_steps": 2}, eps=(0.1,)),),
)


@pytest.fixture
def _fresh_resources() -> Iterator[None]:
    """What an app loaded earlier belongs to another device."""
    for kept in (resources.model.clear, resources.showcase.clear, resources.device.cache_clear):
        kept()
    yield
    for kept in (resources.model.clear, resources.showcase.clear, resources.device.cache_clear):
        kept()


@pytest.mark.fault("G1")
@pytest.mark.fault("G4")
def test_a_sweep_finds_the_same_and_says_where(kind: str, tmp_path: Path) -> None:
    here = SWEEP.run(tmp_path / "here", device="cpu").drain()
    with simulated(kind):
        there = SWEEP.run(tmp_path / "there").drain()
    assert there.complete
    assert there.folder.name == here.folder.name  # the device is no part of what a run is
    for cell, table in here.tables.items():
        assert np.array_equal(there.tables[cell].success, table.success)
    for folder, name in ((here.folder, "cpu"), (there.folder, kind)):
        facts = [json.loads(path.read_text()) for path in folder.glob("timings/**/*.json")]
        assert len(facts) == 2
        assert all(each["device"].startswith(name) for each in facts)


@pytest.mark.fault("G1")
@pytest.mark.fault("G4")
@pytest.mark.usefixtures("_fresh_resources")
@pytest.mark.parametrize("pursued", ["classification", "reconstruction"])
def test_a_page_computes_on_the_device(pursued: str, kind: str) -> None:
    chosen = data.load("fashion-mnist", "test").first(2)
    model = "cnn" if pursued == "classification" else "ae-conv"
    task = Task(
        kind=pursued,  # type: ignore[arg-type]
        model=model,
        images=Images(chosen.x, chosen.y, True, ("a", "b"), "test"),
        classes=chosen.classes,
        attack=MinMax.published(steps=2, mi_steps=2),
    )
    with simulated(kind):
        assert resources.device().type == kind
        assert next(resources.model(model).parameters()).device.type == kind
        result = task.make_run().drain()
        outputs = task.output(0)
        if pursued == "classification":
            assert resources.predict(model, chosen.x).device.type == "cpu"
            assert len(resources.showcase()) == 10
    assert result.x_adv.device.type == "cpu"
    resources.model.clear()
    with torch.no_grad():
        expected = resources.model(model)(chosen.x[:1])[0].numpy()
    np.testing.assert_allclose(outputs, expected, atol=1e-5)
