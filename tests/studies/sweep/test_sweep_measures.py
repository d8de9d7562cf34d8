"""What a sweep says it measured is what a recount of its stored pictures finds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from advmi_core import data, models
from advmi_core.studies.sweep import Method, Sweep, load

N = 13


@pytest.fixture(scope="module")
def images() -> data.ImageSet:
    return data.load("fashion-mnist", split="test").take(range(N))


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    eps=st.floats(0.005, 0.2),
    attack=st.sampled_from(["minmax", "pgd"]),
    steps=st.integers(1, 6),
    shard=st.integers(1, N + 3),
    seed=st.integers(0, 9),
)
def test_success_is_what_the_stored_pictures_do_to_the_model(
    eps: float, attack: str, steps: int, shard: int, seed: int, images: data.ImageSet, tmp_path: Path
) -> None:
    method = Method(name="m", attack=attack, parameters={"steps": steps, "mi_steps": 0}, eps=(eps,))
    result = Sweep(n=N, methods=(method,), shard=shard, seed=seed).run(tmp_path).drain()
    assert result.folder is not None
    ((cell, summary),) = result.table()
    table = result.tables[cell]
    parts = [np.load(path) for path in sorted(result.folder.glob("shards/*/*.npz"))]
    x_adv = np.concatenate([part["x_adv"] for part in parts])
    np.testing.assert_array_equal(np.concatenate([part["index"] for part in parts]), np.arange(N))

    network = models.load("cnn", dataset="fashion-mnist", device="cpu")
    with torch.no_grad():
        right = (network(images.x).argmax(1) == images.y).numpy()
        fooled = (network(torch.from_numpy(x_adv)).argmax(1) != images.y).numpy()
    np.testing.assert_array_equal(table.correct, right)
    np.testing.assert_array_equal(table.success, right & fooled)
    assert summary.counted == right.sum()
    assert summary.asr == (right & fooled).sum() / right.sum()

    moved = x_adv.astype(np.float64) - images.x.numpy()
    assert np.abs(moved).max() <= eps + 1e-7  # float32's rounding
    assert x_adv.min() >= 0
    assert x_adv.max() <= 1
    assert not moved[~right].any(), "what the model gets wrong is not attacked"
    np.testing.assert_allclose(
        table.l2[right], np.sqrt((moved**2).sum(axis=(1, 2, 3)))[right], rtol=1e-5, atol=1e-6
    )
    assert np.isnan(table.l2[~right]).all()


def test_success_is_neither_always_nor_never(finished: Path) -> None:
    rates = {cell.id: summary.asr for cell, summary in load(finished).table()}
    assert 0 < rates["minmax-eps0.02"] + rates["pgd-eps0.03"] < 2


def test_a_sweep_is_the_attack_itself(tiny: Sweep, finished: Path, images: data.ImageSet) -> None:
    from advmi_core.objectives import Classification

    network = models.load("cnn", dataset="fashion-mnist", device="cpu")
    index = torch.tensor([4, 5, 7])
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        cell = tiny.cells[1]
        alone = tiny.attack(cell)(
            Classification(network, images.y[index]), images.x[index], rows=index.tolist()
        )
    finally:
        torch.set_num_threads(threads)
    table = load(finished).tables[cell]
    assert table.correct[index.numpy()].all(), "choose images that the model gets right"
    for name in ("mi", "mi_loop", "criterion"):
        ours, wanted = getattr(table, name)[index.numpy()], getattr(alone, name).numpy()
        np.testing.assert_allclose(ours, wanted, rtol=0, atol=1e-4, err_msg=name)


def test_an_autoencoder_is_attacked_as_such(tmp_path: Path) -> None:
    method = Method(name="uae", attack="minmax", parameters={"steps": 3, "mi_steps": 2}, eps=(1.0,))
    sweep = Sweep(model="ae-conv", n=3, methods=(method,), shard=2)
    result = sweep.run(tmp_path).drain()
    table = result.tables[sweep.cells[0]]
    assert table.correct.all()
    assert np.isfinite(table.criterion).all()
    np.testing.assert_array_equal(table.success, table.criterion <= 0)


def test_a_shard_without_a_right_image_is_left_out(tmp_path: Path) -> None:
    images = data.load("fashion-mnist", split="test").take(range(200))
    network = models.load("cnn", dataset="fashion-mnist", device="cpu")
    with torch.no_grad():
        wrong = int((network(images.x).argmax(1) != images.y).nonzero()[0])
    method = Method(name="pgd", attack="pgd", parameters={"steps": 1, "mi_steps": 0}, eps=(0.1,))
    sweep = Sweep(n=wrong + 1, shard=1, methods=(method,))
    table = sweep.run(tmp_path).drain().tables[sweep.cells[0]]
    assert not table.correct[wrong]
    assert not table.success[wrong]
    assert table.queries[wrong] == 0
    assert np.isnan(table.criterion[wrong])
