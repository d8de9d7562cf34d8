"""The truth of every task, checked from its samples by other means than its own formula."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree
from scipy.special import digamma
from torch import Tensor

from advmi_core.mi import TASKS
from advmi_core.mi.dataset.tasks import SYMBOLS

CONTINUOUS = ["gaussian", "half-cube", "asinh", "spiral", "rotation-cubic"]


def nearest_neighbours(a: Tensor, b: Tensor, k: int = 4) -> float:
    """Kraskov, Stögbauer & Grassberger 2004, eq. 8: nats from distances alone."""
    x, y = a.double().numpy(), b.double().numpy()
    radius = cKDTree(np.hstack([x, y])).query(np.hstack([x, y]), k + 1, p=np.inf)[0][:, -1]
    counts = [
        cKDTree(side).query_ball_point(side, np.nextafter(radius, 0), p=np.inf, return_length=True)
        for side in (x, y)
    ]
    return float(digamma(k) + digamma(len(x)) - sum(digamma(count).mean() for count in counts))


@pytest.mark.parametrize("mi", [0.0, 0.6, 1.2])
@pytest.mark.parametrize("name", CONTINUOUS)
def test_neighbours_find_the_stated_information(name: str, mi: float) -> None:
    task = TASKS[name](dim=2, mi=mi)
    assert task.mutual_information == pytest.approx(mi)
    a, b = task.sample(4000, seed=1)
    if name == "rotation-cubic":  # its density is infinite at the axes, where neighbours mislead
        a, b = a.argsort(0).argsort(0) / 4000, b.argsort(0).argsort(0) / 4000
    assert nearest_neighbours(a, b) == pytest.approx(mi, abs=0.08)


@pytest.mark.parametrize(("name", "inverse"), [("half-cube", 2 / 3), ("gaussian", 1.0)])
def test_integral_over_the_density_of_the_samples(name: str, inverse: float) -> None:
    """∫∫ p log p/(p_a p_b) on a grid of the warped space, with densities by the change of variables."""
    task = TASKS[name](dim=1, mi=1.0)
    root, step = np.linspace(-2.4, 2.4, 1600, retstep=True)
    u, weight = root**3, 3 * root**2 * step  # dense around 0, where a half-cube's density is infinite
    z = np.sign(u) * np.abs(u) ** inverse
    jacobian = inverse * np.abs(u) ** (inverse - 1)
    a, b = task.sample(200_000, seed=0)
    back = [np.sign(s) * np.abs(s) ** inverse for s in (a.numpy()[:, 0], b.numpy()[:, 0])]
    rho = np.corrcoef(back)[0, 1]
    quadratic = (z[:, None] ** 2 + z**2 - 2 * rho * z[:, None] * z) / (1 - rho**2)
    joint = np.exp(-quadratic / 2) / (2 * math.pi * math.sqrt(1 - rho**2)) * jacobian[:, None] * jacobian
    marginal = weight @ joint
    ratio = np.log(np.maximum(joint, 1e-300) / (marginal[:, None] * marginal + 1e-300))
    assert weight @ joint @ weight == pytest.approx(1, abs=1e-3)
    assert weight @ (joint * ratio) @ weight == pytest.approx(task.mutual_information, abs=0.01)


@pytest.mark.parametrize(("dim", "mi"), [(1, 0.0), (1, 0.4), (1, 2.0), (1, math.log(SYMBOLS)), (3, 2.4)])
def test_noisy_channel_by_counting(dim: int, mi: float) -> None:
    task = TASKS["noisy-channel"](dim=dim, mi=mi)
    a, b = (s.view(-1, dim, SYMBOLS).argmax(2) for s in task.sample(100_000, seed=3))
    total = 0.0
    for sent, received in zip(a.T, b.T, strict=True):
        table = torch.bincount(sent * SYMBOLS + received, minlength=SYMBOLS**2).view(SYMBOLS, SYMBOLS)
        p = table.double() / table.sum()
        independent = p.sum(1, keepdim=True) * p.sum(0, keepdim=True)
        total += float(torch.special.xlogy(p, p / independent).sum())
        assert float(1 - p.trace()) == pytest.approx(task.error, abs=0.01)
    # Counting overestimates by about 49/2N = 0.0002 a use [Miller 1955].
    assert total == pytest.approx(task.mutual_information, abs=0.01 * dim)
    assert task.mutual_information == pytest.approx(mi, abs=1e-12)


def test_noisy_channel_gives_one_hot_symbols() -> None:
    for side in TASKS["noisy-channel"](dim=2, mi=1.0).sample(100, seed=0):
        assert side.shape == (100, 2 * SYMBOLS)
        assert side.view(100, 2, SYMBOLS).sum(2).eq(1).all()
        assert side.unique().tolist() == [0, 1]


def test_every_coordinate_of_the_gaussian_carries_the_same() -> None:
    task = TASKS["gaussian"](dim=4, mi=3.0)
    a, b = (s.numpy() for s in task.sample(100_000, seed=0))
    correlation = np.corrcoef(a.T, b.T)
    wanted = np.eye(8)
    wanted[:4, 4:] = wanted[4:, :4] = np.eye(4) * math.sqrt(1 - math.exp(-2 * 3.0 / 4))
    np.testing.assert_allclose(correlation, wanted, atol=0.015)


def test_spiral_is_the_twin_turned_by_its_norm() -> None:
    twin, spiral = (TASKS[name](dim=3, mi=1.0).sample(500, seed=5) for name in ("gaussian", "spiral"))
    for z, turned in zip(twin, spiral, strict=True):
        plane, moved = (torch.view_as_complex(s[:, :2].contiguous()) for s in (z, turned))
        angle = (moved / plane).angle()
        full = 2 * math.pi
        difference = (angle - z.norm(dim=1) + math.pi) % full - math.pi
        assert difference.abs().max() < 1e-3
        torch.testing.assert_close(plane.abs(), moved.abs())
        assert torch.equal(z[:, 2], turned[:, 2])


def test_rotation_cubic_mixes_the_coordinates() -> None:
    twin, task = TASKS["gaussian"](dim=3, mi=1.0), TASKS["rotation-cubic"](dim=3, mi=1.0)
    for z, mixed in zip(twin.sample(400, seed=2), task.sample(400, seed=2), strict=True):
        root = mixed.sign() * mixed.abs().pow(1 / 3)
        torch.testing.assert_close(root.norm(dim=1), z.norm(dim=1), rtol=1e-4, atol=1e-4)
        weights = torch.linalg.lstsq(z, root).solution
        assert weights.abs().max() < 0.999
        torch.testing.assert_close(weights.T @ weights, torch.eye(3), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", TASKS)
def test_samples_depend_on_the_seed_alone(name: str) -> None:
    task = TASKS[name]()
    torch.manual_seed(7)
    before = torch.get_rng_state()
    a, b = task.sample(50, seed=3)
    assert torch.equal(torch.get_rng_state(), before)
    again = TASKS[name]().sample(50, seed=3)
    assert torch.equal(a, again[0])
    assert torch.equal(b, again[1])
    assert not torch.equal(a, task.sample(50, seed=4)[0])
    assert a.dtype == b.dtype == torch.float32
    assert a.ndim == b.ndim == 2


def test_the_largest_information_is_finite() -> None:
    a, b = TASKS["gaussian"](dim=1, mi=10.0).sample(10_000, seed=0)
    assert float((a - b).std()) == pytest.approx(math.exp(-10), rel=0.05)


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("gaussian", {"dim": 0}, "dim must be a whole number ≥ 1, got 0"),
        ("gaussian", {"dim": 21}, "dim must be ≥ 1 and ≤ 20, got 21"),
        ("gaussian", {"mi": -0.1}, "mi must be ≥ 0 and ≤ 10, got -0.1"),
        ("gaussian", {"mi": 10.5}, "mi must be ≥ 0 and ≤ 10, got 10.5"),
        ("gaussian", {"mi": math.nan}, "mi must be a finite number, got nan"),
        ("spiral", {"dim": 1}, "dim must be a whole number ≥ 2, got 1"),
        ("noisy-channel", {"mi": 2.1}, "mi must be ≤ dim·log 8 = 2.079 in a noisy channel, got 2.1"),
    ],
)
def test_parameters_out_of_range(name: str, given: dict, message: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        TASKS[name](**given)
    assert str(caught.value) == message


def test_no_samples_no_negative_seed() -> None:
    with pytest.raises(ValueError, match="n must be a whole number ≥ 1, got 0"):
        TASKS["gaussian"]().sample(0)
    with pytest.raises(ValueError, match="seed must be a whole number ≥ 0, got -1"):
        TASKS["gaussian"]().sample(5, seed=-1)
