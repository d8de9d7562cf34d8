"""TI-DIM: momentum, input diversity and a smoothed gradient, for examples that fool other models as well
[Dong et al. 2019, arXiv 1904.02884; Xie et al. 2019, arXiv 1803.06978]."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from advmi_core.attacks.core.about import About, Use
from advmi_core.attacks.core.ball import Ball, normalised, steepest
from advmi_core.attacks.core.base import STEP_SIZE, Attack, need_labels
from advmi_core.attacks.core.gradients import mended
from advmi_core.attacks.core.iterate import Iterate
from advmi_core.attacks.core.value_and_grad import glance
from advmi_core.fields import Field
from advmi_core.objectives import Objective, Problem
from advmi_core.rng import RowStreams

_DIVERSITY = 20  # purpose of the random stream


@dataclass(frozen=True, kw_only=True)
class TIDIM(Attack):
    """x̃ ← Π(x̃ + η·direction of m), m ← μ·m + W∗g/‖W∗g‖₁, with g the gradient at a randomly shrunk x̃.

    For Classification. In every step a row is shrunk, with probability ``diversity``, to a random size
    between ``resize_rate`` and just under its own, and placed at random on black. g is the gradient of the
    cross entropy there; W is a Gaussian kernel, which makes the perturbation invariant to small translations.
    The record tells of x̃ itself, so a step costs two forward passes. η is ``step_size``, without one ε/10, as
    published for 10 steps. Sizes are rounded down; on small images at least one pixel is taken away.

    Example:
        >>> result = TIDIM(eps=8 / 255, steps=40)(Classification(model, y), x)  # doctest: +SKIP
    """

    name: ClassVar[str] = "ti-dim"

    about: ClassVar[About] = About(
        "TI-DIM (for transfer)",
        "Dong et al. 2019, arXiv 1904.02884; Xie et al. 2019, arXiv 1803.06978",
        Use(
            r"m\leftarrow\mu m+\frac{W*g}{\|W*g\|_1},\ "
            r"\tilde x\leftarrow\Pi_\varepsilon(\tilde x+\alpha\,\mathrm{step}(m))",
            # The paper has 8/255, which a slider of hundredths calls 0.03.
            {"interactive": {"eps": 0.1, "steps": 40}, "paper": {"eps": 0.03, "steps": 40}},
        ),
        variants={},
    )

    step_size: Annotated[float | None, STEP_SIZE] = None
    momentum: Annotated[
        float,
        Field(
            "Momentum μ: m ← μ m + g / ‖g‖₁", "How much of the earlier gradients is kept. Published: 1.",
            low=0, offered=(0, 2), step=0.1,
        ),
    ] = 1.0  # fmt: skip
    kernel: Annotated[
        int,
        Field(
            "Side of the smoothing kernel W", "Odd, pixels; 1 does not smooth. Published: 15.",
            low=1, odd=True, offered=(1, 63), step=2, main=True,
        ),
    ] = 15  # fmt: skip
    sigma: Annotated[
        float,
        Field(
            "Width σ of W", "Standard deviation of the Gaussian, pixels. Published: 3.",
            low=0, above=True, offered=(0.1, 30), step=0.5,
        ),
    ] = 3.0  # fmt: skip
    diversity: Annotated[
        float,
        Field(
            "Input diversity p",
            "Probability that a step's gradient is taken at a shrunk image. Published: 0.5.",
            low=0, high=1, step=0.05, slider=True, main=True,
        ),
    ] = 0.5  # fmt: skip
    resize_rate: Annotated[
        float,
        Field(
            "Smallest size", "Of a shrunk image, in parts of its own size.",
            low=0, high=1, above=True, below=True, offered=(0.1, 0.99), step=0.05, main=True,
        ),
    ] = 0.9  # fmt: skip

    def check(self, objective: Objective) -> None:
        need_labels(objective, self.name)

    def iterates(self, problem: Problem, ball: Ball, rows: Sequence[int]) -> Iterator[Iterate]:
        x = problem.x
        streams = RowStreams(self.seed, rows, _DIVERSITY)
        smooth = gaussian_kernel(self.kernel, self.sigma).to(x)
        step_size = self.eps / 10 if self.step_size is None else self.step_size
        current, velocity = x, torch.zeros_like(x)
        for _ in range(self.steps):
            x_adv = ball.snap(current)
            seen = glance(problem, x_adv)
            gradient, lost = mended(self._gradient(problem, x_adv, streams), x_adv, seen.clear)
            yield Iterate.of(x_adv, seen, passes=2, lost=lost)
            # Smoothing sums many pixels: normalised before as well, tiny gradients do not underflow.
            pull = _smoothed(normalised(gradient, 1), smooth)
            velocity = self.momentum * velocity + normalised(pull, 1)
            current = ball.project(current - step_size * steepest(velocity, self.norm))

    def _gradient(self, problem: Problem, x_adv: Tensor, streams: RowStreams) -> Tensor:
        """Of the loss that descends, at a randomly shrunk x̃."""
        leaf = x_adv.detach().requires_grad_()
        with torch.enable_grad():
            loss = problem.log_odds(problem.evaluate(self.diversify(leaf, streams.uniform(4))))
            (gradient,) = torch.autograd.grad(loss.sum(), leaf)
        return gradient

    def diversify(self, x: Tensor, chances: Tensor) -> Tensor:
        """Images (B,C,H,W) shrunk and placed on black, or left alone; differentiable.

        Args:
            x: images.
            chances: (B,4) uniform numbers in [0,1): whether, how small, and from top and left how far.
        """
        shrunk = [
            _placed(image[None], self.resize_rate, size, top, left)
            if whether < self.diversity
            else image[None]
            for image, (whether, size, top, left) in zip(x, chances.tolist(), strict=True)
        ]
        return torch.cat(shrunk)


def gaussian_kernel(side: int, sigma: float) -> Tensor:
    """(side,side) float32 Gaussian weights that sum to 1."""
    distance = torch.arange(side, dtype=torch.float64) - side // 2
    line = torch.exp(-0.5 * (distance / sigma).square())
    weights = line.outer(line)
    return (weights / weights.sum()).float()


def _smoothed(gradient: Tensor, weights: Tensor) -> Tensor:
    """Every channel convolved with ``weights``; outside the image the gradient is 0."""
    channels = gradient.shape[1]
    return F.conv2d(gradient, weights.expand(channels, 1, -1, -1), padding=len(weights) // 2, groups=channels)


def _placed(image: Tensor, rate: float, size: float, top: float, left: float) -> Tensor:
    """One image (1,C,H,W) shrunk, both sides alike, and placed on black; numbers in [0,1) say how."""
    height, width = image.shape[-2:]
    share = rate + (1 - rate) * size
    small = [max(1, min(math.floor(share * side), side - 1)) for side in (height, width)]
    above, before = math.floor(top * (height - small[0] + 1)), math.floor(left * (width - small[1] + 1))
    shrunk = F.interpolate(image, size=small, mode="bilinear", align_corners=False, antialias=False)
    return F.pad(shrunk, (before, width - small[1] - before, above, height - small[0] - above))
