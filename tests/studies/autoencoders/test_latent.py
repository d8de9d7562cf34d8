"""Latent plane and neighbours: against definitions, known geometry and brute force."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from advmi_core import models
from advmi_core.studies.autoencoders.latent import codes, losses, nearest, plane


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(12, 1, 28, 28, generator=torch.Generator().manual_seed(0))


def cloud(rotation_seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Points whose variances along known orthogonal directions are 9, 4, 0.01…; and the directions."""
    rng = np.random.default_rng(rotation_seed)
    turn, _ = np.linalg.qr(rng.normal(size=(6, 6)))
    scale = np.array([3, 2, 0.1, 0.1, 0.1, 0.1])
    return rng.normal(size=(4000, 6)) * scale @ turn.T + 5, turn.T


def test_the_plane_finds_the_two_widest_directions() -> None:
    points, turn = cloud()
    found = plane(points)
    assert np.abs(np.sum(found.axes * turn[:2], 1)) == pytest.approx([1, 1], abs=2e-3)
    assert found.axes @ found.axes.T == pytest.approx(np.eye(2), abs=1e-12)
    assert found.share == pytest.approx(np.array([9, 4]) / 13.04, rel=0.05)
    assert found.of(points).mean(0) == pytest.approx([0, 0], abs=1e-9)
    variances = found.of(points).var(0) / points.var(0).sum()
    assert variances == pytest.approx(found.share, rel=1e-9)


def test_a_code_outside_is_projected_as_those_inside_are() -> None:
    points, _ = cloud()
    found = plane(points)
    stranger = found.mean + 7 * found.axes[0] - 2 * found.axes[1]
    assert found.of(stranger[None]) == pytest.approx(np.array([[7, -2]]))


def test_the_axes_do_not_flip_with_the_order_of_the_points() -> None:
    points, _ = cloud(3)
    assert plane(points[::-1]).axes == pytest.approx(plane(points).axes, abs=1e-9)


def test_equal_codes_have_a_plane_without_variance() -> None:
    found = plane(np.full((5, 3), 0.5))
    assert found.share.tolist() == [0, 0]
    assert found.of(np.full((2, 3), 0.5)) == pytest.approx(np.zeros((2, 2)))


@pytest.mark.parametrize("shape", [(2, 5), (5, 1), (5,)])
def test_too_few_codes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="N ≥ 3 and D ≥ 2"):
        plane(np.zeros(shape))


@pytest.mark.parametrize("name", ["ae-dense", "ae-conv"])
def test_codes_and_losses_are_the_models_own(name: str, images: torch.Tensor) -> None:
    model = models.build(name, (1, 28, 28)).freeze()
    with torch.no_grad():
        code, rebuilt = model.encode(images), model(images)
    assert codes(model, images) == pytest.approx(code.flatten(1).numpy(), abs=1e-6)
    by_hand = [float(((a - b) ** 2).mean()) for a, b in zip(images, rebuilt, strict=True)]
    assert losses(model, images) == pytest.approx(by_hand, rel=1e-5)


def test_neighbours_agree_with_brute_force(images: torch.Tensor) -> None:
    x, training = images[:3], images[3:]
    found = nearest(x, training, 4)
    for row in range(3):
        distances = [float(torch.linalg.vector_norm(x[row] - other)) for other in training]
        order = sorted(range(9), key=distances.__getitem__)[:4]
        assert found.index[row].tolist() == order
        assert found.distance[row] == pytest.approx([distances[i] for i in order], rel=1e-5)


def test_a_tiny_change_has_its_exact_distance(images: torch.Tensor) -> None:
    twin = images[:1].clone()
    twin[0, 0, 0, 0] = (twin[0, 0, 0, 0] + 1e-4).clamp(max=1)
    found = nearest(twin, images)
    assert found.index.tolist() == [[0]]
    assert found.distance[0, 0] == pytest.approx(float((twin - images[:1]).abs().max()), rel=1e-4)


def test_an_image_is_not_its_own_neighbour_when_left_out(images: torch.Tensor) -> None:
    itself = np.arange(12)
    assert nearest(images, images).distance.tolist() == [[0.0]] * 12
    others = nearest(images, images, without=itself)
    assert (others.index[:, 0] != itself).all()
    assert (others.distance > 1).all()


def test_of_equally_close_images_the_first_is_named() -> None:
    training = torch.zeros(3, 1, 2, 2)
    assert nearest(torch.ones(1, 1, 2, 2), training, 3).index.tolist() == [[0, 1, 2]]


def test_impossible_wishes_are_named(images: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="at most the 12"):
        nearest(images, images, 13)
    with pytest.raises(ValueError, match="at most the 11"):
        nearest(images, images, 12, without=np.arange(12))
    with pytest.raises(ValueError, match="must agree"):
        nearest(images, images[..., :20])
