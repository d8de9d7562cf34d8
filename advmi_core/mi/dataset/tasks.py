"""Pairs of random variables whose mutual information is known in closed form, to check estimators with.

The continuous tasks are one-to-one images of correlated Gaussians, which leave the mutual information as
it is [Czyż et al. 2023, "Beyond Normal"]; the discrete one is a symmetric channel.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor

from advmi_core.validate import check_count, check_number

LARGEST_DIM = 20
LARGEST_MI = 10.0
SYMBOLS = 8
_ROTATION_SEED = 0


@dataclass(frozen=True, kw_only=True)
class Task(ABC):
    """A pair (a, b) with known mutual information.

    Attributes:
        dim: coordinates of each side, 1…20; each carries ``mi``/``dim``.
        mi: mutual information in nats, 0…10.

    Raises:
        ValueError: a value out of its range.
    """

    name: ClassVar[str]
    least_dim: ClassVar[int] = 1

    dim: int = 1
    mi: float = 1.0

    def __post_init__(self) -> None:
        check_count(self.dim, "dim", low=self.least_dim)
        check_number(self.dim, "dim", low=self.least_dim, high=LARGEST_DIM)
        check_number(self.mi, "mi", low=0, high=LARGEST_MI)

    @property
    @abstractmethod
    def mutual_information(self) -> float:
        """In nats, from the parameters of the distribution."""

    def sample(self, n: int, *, seed: int = 0) -> tuple[Tensor, Tensor]:
        """``n`` paired samples, a (N,da) and b (N,db) float32; the same seed gives the same samples.

        Raises:
            ValueError: ``n`` < 1 or ``seed`` < 0.
        """
        check_count(n, "n")
        check_count(seed, "seed", low=0)
        return self._draw(n, torch.Generator().manual_seed(seed))

    @abstractmethod
    def _draw(self, n: int, stream: torch.Generator) -> tuple[Tensor, Tensor]:
        """``n`` pairs from this stream."""


@dataclass(frozen=True, kw_only=True)
class Gaussian(Task):
    """Standard normals; coordinate i of a and of b have correlation ρ: I = −(dim/2)·log(1−ρ²)."""

    name: ClassVar[str] = "gaussian"

    @property
    def correlation(self) -> float:
        """ρ ≥ 0 of each pair of coordinates."""
        return math.sqrt(-math.expm1(-2 * self.mi / self.dim))

    @property
    def mutual_information(self) -> float:
        return -self.dim / 2 * math.log1p(-(self.correlation**2))

    def _draw(self, n: int, stream: torch.Generator) -> tuple[Tensor, Tensor]:
        a, noise = torch.randn(2, n, self.dim, generator=stream)
        b = self.correlation * a + math.sqrt(1 - self.correlation**2) * noise
        return self.warp(a), self.warp(b)

    def warp(self, z: Tensor) -> Tensor:
        """The one-to-one map (N,dim) → (N,dim) that both sides go through; here none."""
        return z


@dataclass(frozen=True, kw_only=True)
class HalfCube(Gaussian):
    """The Gaussian twin with every coordinate z → sign(z)·|z|^1.5: longer tails."""

    name: ClassVar[str] = "half-cube"

    def warp(self, z: Tensor) -> Tensor:
        return z.sign() * z.abs().pow(1.5)


@dataclass(frozen=True, kw_only=True)
class Asinh(Gaussian):
    """The Gaussian twin with every coordinate z → asinh(z): shorter tails."""

    name: ClassVar[str] = "asinh"

    def warp(self, z: Tensor) -> Tensor:
        return z.asinh()


@dataclass(frozen=True, kw_only=True)
class Spiral(Gaussian):
    """The Gaussian twin with coordinates 1 and 2, 3 and 4, … turned by the angle ‖z‖ (radians).

    A rotation keeps the norm, hence it can be undone. No map of single coordinates undoes it.
    """

    name: ClassVar[str] = "spiral"
    least_dim: ClassVar[int] = 2

    dim: int = 2

    def warp(self, z: Tensor) -> Tensor:
        angle = z.norm(dim=1, keepdim=True)
        even = self.dim - self.dim % 2
        first, second, rest = z[:, :even:2], z[:, 1:even:2], z[:, even:]
        turned = torch.stack(
            [first * angle.cos() - second * angle.sin(), first * angle.sin() + second * angle.cos()], dim=2
        )
        return torch.cat([turned.flatten(1), rest], dim=1)


@dataclass(frozen=True, kw_only=True)
class RotationCubic(Gaussian):
    """The Gaussian twin, each side turned by its own fixed random rotation, then every coordinate cubed."""

    name: ClassVar[str] = "rotation-cubic"

    dim: int = 3

    def _draw(self, n: int, stream: torch.Generator) -> tuple[Tensor, Tensor]:
        sides = zip(super()._draw(n, stream), self._rotations, strict=True)
        a, b = ((z @ rotation).pow(3) for z, rotation in sides)
        return a, b

    @cached_property
    def _rotations(self) -> Tensor:
        fixed = torch.Generator().manual_seed(_ROTATION_SEED)
        rotations: Tensor = torch.linalg.qr(torch.randn(2, self.dim, self.dim, generator=fixed)).Q
        return rotations


@dataclass(frozen=True, kw_only=True)
class NoisyChannel(Task):
    """``dim`` uses of a channel: one of eight equally likely symbols arrives, or by ``error`` another one.

    Both sides are one-hot, (N, 8·dim). A use carries I = log 8 − H(error) − error·log 7 with the binary
    entropy H, hence ``mi`` ≤ dim·log 8.
    """

    name: ClassVar[str] = "noisy-channel"

    def __post_init__(self) -> None:
        super().__post_init__()
        largest = self.dim * math.log(SYMBOLS)
        if self.mi > largest:
            raise ValueError(
                f"mi must be ≤ dim·log {SYMBOLS} = {largest:.4g} in a noisy channel, got {self.mi!r}"
            )

    @cached_property
    def error(self) -> float:
        """Probability that another symbol arrives, 0…7/8."""
        useless = (SYMBOLS - 1) / SYMBOLS
        share = self.mi / self.dim
        if share >= _carried(0):
            return 0.0
        if share <= _carried(useless):
            return useless
        from scipy.optimize import brentq  # slow to import, and no other task needs it

        return float(brentq(lambda error: _carried(error) - share, 0, useless, xtol=1e-15))

    @property
    def mutual_information(self) -> float:
        return self.dim * _carried(self.error)

    def _draw(self, n: int, stream: torch.Generator) -> tuple[Tensor, Tensor]:
        sent = torch.randint(SYMBOLS, (n, self.dim), generator=stream)
        wrong = torch.rand(n, self.dim, generator=stream) < self.error
        shift = torch.randint(1, SYMBOLS, (n, self.dim), generator=stream)
        received = (sent + wrong * shift) % SYMBOLS
        a, b = (torch.nn.functional.one_hot(s, SYMBOLS).flatten(1).float() for s in (sent, received))
        return a, b


def _carried(error: float) -> float:
    """Nats that one use of the channel carries."""
    lost = -sum(p * math.log(p / ways) for p, ways in ((1 - error, 1), (error, SYMBOLS - 1)) if p > 0)
    return math.log(SYMBOLS) - lost


TASKS: dict[str, type[Task]] = {
    kind.name: kind for kind in (Gaussian, HalfCube, Asinh, Spiral, RotationCubic, NoisyChannel)
}
