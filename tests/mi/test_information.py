"""The information that an image keeps: known values, x itself on top, and the gradient followed."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from advmi_core import data, models
from advmi_core.attacks import MinMax
from advmi_core.mi.per_image import information as module
from advmi_core.mi.per_image.information import NOISE, Information, measure_of
from advmi_core.mi.per_image.patches import image_patches
from advmi_core.objectives import Classification


def _images(count: int = 8) -> Tensor:
    return data.load("fashion-mnist", split="test").x[:count]


def _noise(x: Tensor, strength: float, seed: int = 3) -> Tensor:
    return strength * torch.randn(x.shape, generator=torch.Generator().manual_seed(seed))


def _photograph(count: int = 2, channels: int = 3, side: int = 224) -> Tensor:
    """Smooth structures with a grain, as a photograph has them."""
    place = torch.linspace(0, 6, side)
    waves = torch.stack([(k + place).sin()[:, None] * (2 * place / k).cos() for k in range(1, channels + 1)])
    smooth = (0.5 + 0.4 * waves).expand(count, -1, -1, -1)
    return (smooth + _noise(smooth, 0.02)).clamp(0, 1)


def _stretched(x: Tensor) -> Tensor:
    low, high = x.flatten(1).amin(1).view(-1, 1, 1, 1), x.flatten(1).amax(1).view(-1, 1, 1, 1)
    return (x - low) / (high - low)


def _sharpened(x: Tensor) -> Tensor:
    blurred = torch.nn.functional.avg_pool2d(x, 3, 1, 1)
    return (x + 2 * (x - blurred)).clamp(0, 1)


ALTERED: dict[str, Callable[[Tensor], Tensor]] = {
    "contrast stretched": _stretched,
    "contrast doubled": lambda x: (2 * x - 0.5).clamp(0, 1),
    "sharpened": _sharpened,
    "drawn": lambda x: (x > 0.3).float(),
    "a little noise": lambda x: (x + _noise(x, 1e-3)).clamp(0, 1),
    "inverted": lambda x: 1 - x,
}


@pytest.mark.parametrize("how", ALTERED)
@pytest.mark.parametrize("pictures", ["fashion", "dark", "photograph"])
def test_nothing_holds_more_of_an_image_than_itself(how: str, pictures: str) -> None:
    x = {"fashion": _images, "dark": lambda: 0.2 * _images(), "photograph": _photograph}[pictures]()
    measure = Information(x)
    assert (measure(ALTERED[how](x)) <= measure.of_itself * (1 + 1e-3)).all()
    torch.testing.assert_close(measure(x), measure.of_itself, rtol=1e-3, atol=0)


def test_climbing_the_measure_itself_does_not_pass_identity() -> None:
    x = _images()
    measure = Information(x)
    x_adv = (x + _noise(x, 0.1)).clamp(0, 1)
    first = measure(x_adv)
    mean, square = torch.zeros_like(x), torch.zeros_like(x)
    for step in range(1, 301):
        _, slope = measure.with_gradient(x_adv)
        mean, square = 0.9 * mean + 0.1 * slope, 0.99 * square + 0.01 * slope.square()
        rate = 0.02 * 0.99**step
        x_adv = (x_adv + rate * mean / (square.sqrt() + 1e-9)).clamp(0, 1)
        assert (measure(x_adv) <= measure.of_itself * (1 + 1e-3)).all()
    assert (measure(x_adv) > first + 1).all()


@pytest.mark.parametrize("w", [10.0, 1000.0])
def test_the_share_kept_by_the_solver_is_at_most_one(w: float) -> None:
    images = data.load("fashion-mnist", split="test").take(range(8))
    attack = MinMax(mi_weight=w, steps=300 if w > 10 else 100, mi_steps=0)
    result = attack(Classification(models.load("cnn"), images.y), images.x)
    assert (result.kept <= 1 + 1e-3).all()
    assert (result.history["mi"] <= Information(images.x).of_itself.numpy() * (1 + 1e-3)).all()


@pytest.mark.parametrize(
    "unrelated",
    [lambda x: torch.rand(x.shape, generator=torch.Generator().manual_seed(1)),
     lambda x: torch.zeros_like(x), lambda x: torch.full_like(x, 0.7), lambda x: x.roll(1, 0)],
    ids=["noise", "black", "grey", "another image"],
)  # fmt: skip
def test_what_is_unrelated_keeps_nothing(unrelated: Callable[[Tensor], Tensor]) -> None:
    x = _images(16)
    kept = Information(x).kept(unrelated(x))
    assert abs(float(kept.mean())) < 0.05
    assert (kept.abs() < 0.25).all()


@pytest.mark.parametrize("back", [lambda x: 1 - x, lambda x: 0.3 * x, lambda x: 0.5 * x + 0.3])
def test_what_can_be_undone_costs_nothing(back: Callable[[Tensor], Tensor]) -> None:
    x = _images()
    assert (Information(x).kept(back(x)) > 0.99).all()


@pytest.mark.parametrize("pictures", [_images, lambda: _photograph(2, 1, 64)], ids=["fashion", "waves"])
def test_it_falls_with_noise(pictures: Callable[[], Tensor]) -> None:
    x = pictures()
    measure = Information(x)
    strengths = (0.0, 0.005, 0.02, 0.05, 0.1, 0.3, 1.0)
    kept = torch.stack([measure.kept((x + _noise(x, strength)).clamp(0, 1)) for strength in strengths])
    assert (kept.diff(dim=0) < 0).all()


@pytest.mark.parametrize("shape", [(2, 1, 28, 28), (2, 3, 12, 9), (1, 1, 8, 8)])
def test_the_gradient_is_that_of_finite_differences(shape: tuple[int, ...]) -> None:
    generator = torch.Generator().manual_seed(5)
    x = torch.rand(shape, generator=generator) * 0.8 + 0.1
    x_adv = (x + _noise(x, 0.1)).clamp(0, 1)
    measure = Information(x)
    value, slope = measure.with_gradient(x_adv)
    torch.testing.assert_close(value, measure(x_adv))
    direction = slope / slope.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
    sideways = torch.randn(shape, generator=generator) / math.sqrt(x[0].numel())
    for way in (direction, direction + sideways):
        step = 0.02
        risen = (measure(x_adv + step * way) - measure(x_adv - step * way)) / (2 * step)
        torch.testing.assert_close((slope * way).flatten(1).sum(1), risen, rtol=0.02, atol=0.02)


@pytest.mark.parametrize(("sender", "channel"), [(0.3, 0.1), (0.1, 0.3), (0.2, 0.0)])
def test_it_is_the_formula_where_images_are_gaussian(sender: float, channel: float) -> None:
    """White Gaussian x and x̃ = x + noise: each of a patch's pixels has ½ log((v + σ²)/(R + σ²)) nats."""
    x = _noise(torch.empty(4, 1, 150, 150), sender, seed=1)  # the formula needs no box
    x_adv = x + _noise(x, channel, seed=2)
    remains = sender**2 * channel**2 / (sender**2 + channel**2)
    wanted = 9 * 0.5 * math.log((sender**2 + NOISE**2) / (remains + NOISE**2))
    assert float(Information(x)(x_adv).mean()) == pytest.approx(wanted, rel=0.03)


def test_it_is_the_formula_of_joint_covariances() -> None:
    """½ log|Σ_a||Σ_b|/|Σ_ab| of the patches, as exact arithmetic has it."""
    x = _images(4)
    x_adv = (x + _noise(x, 0.1)).clamp(0, 1)
    for row, value in enumerate(Information(x)(x_adv)):
        a, b = (image_patches(images[row : row + 1])[0].double() for images in (x, x_adv))
        both = torch.cat([a, b], dim=1)
        joint = (both - both.mean(0)).T @ (both - both.mean(0)) / len(a)
        joint[:9, 9:] += module._ROUNDING * torch.eye(9)
        joint[9:, :9] += module._ROUNDING * torch.eye(9)
        joint += module._ROUNDING * torch.eye(18)
        joint[:9, :9] += (NOISE**2 - module._ROUNDING) * torch.eye(9)
        whole = joint[:9, :9].logdet() + joint[9:, 9:].logdet() - joint.logdet()
        assert float(value) == pytest.approx(float(whole) / 2, rel=0.05)


@pytest.mark.parametrize("shape", [(2, 3, 8, 8), (2, 1, 8, 8), (2, 3, 32, 48), (2, 3, 224, 224)])
def test_any_size_and_colours(shape: tuple[int, ...]) -> None:
    x = torch.rand(shape, generator=torch.Generator().manual_seed(2))
    measure = Information(x)
    kept = [measure.kept(x), measure.kept((x + _noise(x, 0.1)).clamp(0, 1))]
    torch.testing.assert_close(kept[0], torch.ones(2), rtol=1e-3, atol=0)
    assert (kept[1] < 0.95).all()
    assert measure.with_gradient(x)[1].shape == x.shape
    assert torch.isfinite(measure.with_gradient(1 - x)[1]).all()


SINGULAR: dict[str, Tensor] = {
    "grey as colours": _photograph(2, 1).expand(-1, 3, -1, -1).contiguous(),
    "an edge": (torch.arange(224) > 100).float().expand(2, 3, 224, 224).contiguous(),
    "a ramp": torch.linspace(0, 1, 224).expand(2, 3, 224, 224).contiguous(),
    "a small ramp": torch.linspace(0, 1, 28).expand(2, 1, 28, 28).contiguous(),
    "stripes": (torch.arange(64) % 2).float().expand(2, 3, 64, 64).contiguous(),
    "one point": torch.zeros(2, 3, 32, 32).index_fill(2, torch.tensor(5), 1.0),
}


@pytest.mark.parametrize("name", SINGULAR)
def test_patches_that_span_little_are_measured(name: str) -> None:
    """Their covariance has hardly more than one direction, and single precision must bear it."""
    x = SINGULAR[name]
    measure = Information(x)
    for x_adv in (x, 1 - x, (x + _noise(x, 0.1)).clamp(0, 1), torch.zeros_like(x)):
        value, slope = measure.with_gradient(x_adv)
        assert torch.isfinite(value).all()
        assert torch.isfinite(slope).all()
        assert (value <= measure.of_itself * (1 + 1e-3)).all()
    torch.testing.assert_close(measure.kept(x), torch.ones(2), rtol=1e-3, atol=0)
    assert torch.isfinite(Information(torch.rand(x.shape))(x)).all()


def test_one_grey_has_no_information() -> None:
    x = torch.full((2, 1, 28, 28), 0.4)
    x[1] = _images(1)[0]
    measure = Information(x)
    assert abs(float(measure.of_itself[0])) < 1e-3
    for x_adv in (x, torch.rand(x.shape)):
        kept = measure.kept(x_adv)
        assert bool(kept[0].isnan())
        assert bool(torch.isfinite(kept[1]))
        assert torch.isfinite(measure.with_gradient(x_adv)[1]).all()


def test_a_row_does_not_depend_on_its_batch_mates() -> None:
    x = _images()
    x_adv = (x + _noise(x, 0.1)).clamp(0, 1)
    together = Information(x)(x_adv)
    alone = torch.cat([Information(x[k : k + 1])(x_adv[k : k + 1]) for k in range(len(x))])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-4)


def test_too_small_images_are_told_apart() -> None:
    tiny = torch.rand(1, 1, 7, 9)
    assert measure_of(tiny) is None
    with pytest.raises(ValueError, match="at least 8×8 pixels, got \\(7, 9\\)"):
        Information(tiny)
