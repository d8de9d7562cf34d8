"""The plane of ε and w is what single attacks give, comes coarse first, and keeps what it found."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from advmi_core import data, models
from advmi_core.attacks import MinMax
from advmi_core.objectives import Classification, Objective, Reconstruction
from advmi_core.studies.plane import WEIGHTS, Plane

SMALL: dict[str, Any] = {"eps": (0.05, 0.1, 0.3), "weights": (-1.0, -0.03, 0.0, 1.0), "steps": 16}


def image(index: int = 3) -> tuple[Tensor, Tensor]:
    images = data.load("fashion-mnist", split="test")
    return images.x[index : index + 1], images.y[index : index + 1]


def supervised(count: int) -> Objective:
    return Classification(models.load("cnn", dataset="fashion-mnist"), image()[1].expand(count))


def unsupervised(count: int) -> Objective:
    return Reconstruction(models.load("ae-dense", dataset="fashion-mnist"))


@pytest.mark.parametrize("objective", [supervised, unsupervised])
def test_every_position_is_the_attack_alone(objective: Any) -> None:
    x, _ = image()
    plane = Plane(**SMALL)
    result = plane.run(objective, x).drain()
    assert result.plane == plane
    for row, (eps, weight) in enumerate(plane.positions):
        alone = MinMax(eps=eps, mi_weight=weight, steps=16, mi_steps=0)(objective(1), x)
        torch.testing.assert_close(result.found.x_adv[row], alone.x_adv[0], atol=1e-4, rtol=0)
        assert bool(result.found.success[row]) == bool(alone.success[0])
        assert float(result.found.kept[row]) == pytest.approx(float(alone.kept[0]), abs=1e-3)


def test_positions_that_only_differ_in_what_does_not_bind_are_alike() -> None:
    """Neighbours start from the same noise, so that a step on the plane shows the settings and no dice."""
    x, _ = image()
    result = Plane(eps=(0.9, 1.0), weights=(-1.0,), steps=10).run(supervised, x).drain()
    change = (result.found.x_adv - x).abs().amax((1, 2, 3))
    assert float(change.max()) < 0.9
    torch.testing.assert_close(result.found.x_adv[0], result.found.x_adv[1], atol=1e-5, rtol=0)


def test_the_weight_goes_from_destroying_to_keeping() -> None:
    x, _ = image()
    kept = Plane(eps=(0.3,)).run(supervised, x).drain().found.kept
    assert float(kept[0]) < float(kept[4]) - 0.2 < float(kept[-1])
    weights = WEIGHTS["reconstruction"]
    kept = Plane(eps=(1.0,), weights=weights).run(unsupervised, x).drain().found.kept
    assert float(kept[0]) > 0.95
    assert float(kept[-1]) < 0.4


def test_it_is_coarse_first_and_then_fine() -> None:
    x, _ = image()
    plane = Plane(**SMALL)
    records = list(plane.run(supervised, x))
    assert [record.step for record in records] == list(range(1, 12 + 16 + 1))
    assert {record.total for record in records} == {12 + 16}
    assert [record.fine for record in records] == [False] * 23 + [True] * 5
    assert all(np.isfinite(record.kept).all() for record in records)
    coarse = plane.coarse.run(supervised, x).drain()
    assert (coarse.plane.eps, coarse.plane.weights) == ((0.05, 0.3), (-0.03, 1.0))
    shown = records[22].l2
    np.testing.assert_array_equal(shown[1], shown[2])
    np.testing.assert_array_equal(shown[:, 0], shown[:, 1])
    assert not np.array_equal(records[-1].l2[:, 0], records[-1].l2[:, 1])


def test_success_in_the_records_is_that_of_the_result() -> None:
    x, _ = image()
    run = Plane(eps=(0.01, 0.05, 0.3), weights=(-1.0, 0.0, 1.0), steps=20).run(supervised, x)
    last = list(run)[-1]
    np.testing.assert_array_equal(last.success.ravel(), run.result.found.success.float().numpy())
    assert 0 < last.success.mean() < 1


@pytest.mark.parametrize(("steps", "shape"), [(0, (2, 2)), (5, (2, 2)), (20, (2, 2)), (24, (3, 4))])
def test_closing_keeps_the_finer_of_the_two_that_there_is(steps: int, shape: tuple[int, int]) -> None:
    x, _ = image()
    run = Plane(**SMALL).run(supervised, x)
    for _ in range(steps):
        next(run)
    run.close()
    assert run.result.plane.shape == shape
    assert len(run.result.found.x_adv) == shape[0] * shape[1]
    assert run.result.nbytes > run.result.found.x_adv.nbytes


@pytest.mark.parametrize("side", [(1, 8, 8), (3, 9, 14), (3, 130, 130)])
def test_small_and_large_images_in_grey_and_colour(side: tuple[int, int, int]) -> None:
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.AdaptiveAvgPool2d(4), torch.nn.Flatten(), torch.nn.Linear(16 * side[0], 5)
    )
    x = torch.rand(1, *side)
    y = net(x).argmax(1)
    plane = Plane(eps=(0.1, 1.0), weights=(-1.0, 0.0, 1.0), steps=4)
    records = plane.run(lambda count: Classification(net, y.expand(count)), x)
    assert [record.step for record in records][-1] == records.result.found.spec["steps"] + 4
    assert records.result.found.x_adv.shape == (6, *side)


def test_an_image_of_one_grey_has_no_information_to_keep() -> None:
    x = torch.full((1, 1, 28, 28), 0.5)
    run = Plane(eps=(0.3,), weights=(-1.0, 1.0), steps=3).run(unsupervised, x)
    assert np.isnan(list(run)[-1].kept).all()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"eps": ()}, "eps"), ({"eps": (0.3, 0.1)}, "eps"), ({"eps": (-0.1, 0.1)}, "eps"),
        ({"weights": (1.0, 1.0)}, "weights"), ({"weights": (float("nan"),)}, "weights"),
        ({"steps": 0}, "steps"), ({"norm": "l7"}, "norm"), ({"seed": -1}, "seed"),
    ],
)  # fmt: skip
def test_bad_wishes_are_named(change: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        Plane(**change)


@pytest.mark.parametrize("x", [torch.rand(2, 1, 28, 28), torch.rand(1, 1, 5, 28)])
def test_what_is_no_image_of_one_is_named(x: Tensor) -> None:
    with pytest.raises(ValueError, match=r"x must be one image|x has shape|pixels"):
        Plane(**SMALL).run(unsupervised, x).drain()
