"""One image attacked at every position of a plane of radius ε and MI weight w, as one batch."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from itertools import product
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from advmi_core.attacks.core.ball import Ball
from advmi_core.attacks.core.base import NORM, STEPS
from advmi_core.attacks.core.iterate import Iterate
from advmi_core.attacks.core.records import AttackResult, Step
from advmi_core.attacks.minmax import MinMax
from advmi_core.fields import SEED, check_fields
from advmi_core.objectives import Objective, Problem
from advmi_core.run import Run
from advmi_core.validate import check_images, check_numbers

Floats = NDArray[np.float32]
EPS = {
    "linf": (0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0),
    "l2": (0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0),
}
#: From destroying to keeping information; without labels the attack only ever destroys it.
WEIGHTS = {
    "classification": (-10.0, -1.0, -0.1, -0.03, 0.0, 0.03, 0.1, 1.0, 10.0),
    "reconstruction": (0.0, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0),
}
#: Weights without labels from which the share that stays falls in steps of a few percent: nearly all of it
#: goes between 0.01 and 0.4.
FALLING = (
    0.0, 0.01, 0.013, 0.014, 0.015, 0.016, 0.017, 0.018, 0.02, 0.022, 0.025, 0.028, 0.032, 0.036, 0.041,
    0.047, 0.054, 0.062, 0.071, 0.082, 0.095, 0.11, 0.13, 0.15, 0.18, 0.21, 0.25, 0.3, 0.36, 0.45, 0.6, 0.8,
    1.1, 1.6, 2.5, 4.5, 10.0,
)  # fmt: skip
COARSE_STEPS = 12
_WHOLE = 1 << 14  # numbers of an image of which all positions are computed at once on a CPU


@dataclass(frozen=True)
class PlaneStep:
    """How the plane looks after a step of all its attacks.

    Attributes:
        step, total: steps done and wanted, the coarse ones included.
        fine: the attacks on all positions are shown; before, every position has the values of the nearest
            one in every other row and column.
        success: (E,W) 1 where an adversarial example has been found, 0 where not, NaN where none was sought.
        kept: (E,W) the share of x's information in the iterate; ``l2``: (E,W) the length of its change.
    """

    step: int
    total: int
    fine: bool
    success: Floats
    kept: Floats
    l2: Floats


@dataclass(frozen=True)
class PlaneResult:
    """What was found.

    Attributes:
        plane: its positions; a run that was cancelled early has the coarse ones.
        found: E·W rows in the order of ``plane.positions``.
    """

    plane: Plane
    found: AttackResult

    @property
    def nbytes(self) -> int:
        """Memory that it takes."""
        held = [value for value in vars(self.found).values() if isinstance(value, Tensor)]
        return sum(value.nbytes for value in held)


@dataclass(frozen=True, kw_only=True)
class Plane:
    """``MinMax`` with every ε and every w.

    Attributes:
        eps: E ascending radii ≥ 0; ``weights``: W ascending MI weights.
        steps, norm: of each attack.
        seed: of the start, which is the same everywhere, so that neighbours differ by their settings only.
    """

    eps: tuple[float, ...] = EPS["linf"]
    weights: tuple[float, ...] = WEIGHTS["classification"]
    steps: Annotated[int, STEPS] = 40
    norm: Annotated[str, NORM] = "linf"
    seed: Annotated[int, SEED] = 0

    def __post_init__(self) -> None:
        check_fields(self)
        check_numbers(self.eps, "eps", low=0)
        check_numbers(self.weights, "weights")
        for name in ("eps", "weights"):
            values = getattr(self, name)
            if list(values) != sorted(set(values)):
                raise ValueError(f"{name} must be ascending, got {', '.join(map(str, values))}")

    @property
    def shape(self) -> tuple[int, int]:
        """(E,W)."""
        return len(self.eps), len(self.weights)

    @property
    def positions(self) -> tuple[tuple[float, float], ...]:
        """(ε, w) of the rows of a result, w fastest."""
        return tuple(product(self.eps, self.weights))

    @property
    def coarse(self) -> Plane:
        """Every other ε and w, the last ones included, with few steps."""
        return replace(
            self, eps=self.eps[::-2][::-1], weights=self.weights[::-2][::-1],
            steps=min(self.steps, COARSE_STEPS),
        )  # fmt: skip

    def attack(self, numbers: int) -> MinMax:
        """The attack on one row a position, of images of so many ``numbers``."""
        eps, weights = zip(*self.positions, strict=True)
        rows: dict[str, Any] = {"eps": eps, "mi_weight": weights}
        whole = len(eps) if numbers <= _WHOLE else None
        return _OneStart(
            **rows, steps=self.steps, norm=self.norm, mi_steps=0, seed=self.seed, batch_size=whole
        )

    def run(self, objective: Callable[[int], Objective], x: Tensor) -> Run[PlaneStep, PlaneResult]:
        """Start it; iterate for ``PlaneStep`` records, close it to keep what was found.

        Args:
            objective: makes the objective for so many times the same image.
            x: (1,C,H,W) float32 in [0,1], at least 8×8.

        Raises:
            ValueError: x is not one image, or is too small for the measure.
        """
        check_images(x)
        if len(x) != 1:
            raise ValueError(f"x must be one image (1,C,H,W), got {tuple(x.shape)}")
        work = _Work(self, objective, x)
        return Run(work.steps(), work.result, self.coarse.steps + self.steps)


@dataclass(frozen=True, kw_only=True)
class _OneStart(MinMax):
    """Every row draws what the first one does."""

    def iterates(self, problem: Problem, ball: Ball, rows: object) -> Generator[Iterate, None, None]:
        yield from super().iterates(problem, ball, [0] * len(problem))


class _Work:
    """The coarse attacks, then all of them."""

    def __init__(self, plane: Plane, objective: Callable[[int], Objective], x: Tensor) -> None:
        self._plane, self._objective, self._x = plane, objective, x
        self._shown: tuple[Plane, Run[Step, AttackResult]] | None = None

    def steps(self) -> Generator[PlaneStep, None, None]:
        """Both, one after the other."""
        coarse, plane = self._plane.coarse, self._plane
        layers = np.full((3, *coarse.shape), np.nan, np.float32)
        run = self._start(coarse)
        self._shown = coarse, run
        for record in run:
            self._fill(layers, record)
            yield _said(record.step, coarse.steps + plane.steps, False, _spread(layers, plane))
        layers = _spread(layers, plane)
        run = self._start(plane)
        for record in run:
            # Until they have come as far, the coarse ones are the better picture.
            if far := (record.step - 1) % plane.steps + 1 >= coarse.steps:
                self._fill(layers, record)
                self._shown = plane, run
            yield _said(coarse.steps + record.step, coarse.steps + record.total, far, layers)

    def result(self) -> PlaneResult:
        """The finer of the two that there is."""
        plane, run = self._shown or (self._plane.coarse, self._start(self._plane.coarse))
        return PlaneResult(plane, run.result)

    def _start(self, plane: Plane) -> Run[Step, AttackResult]:
        count = len(plane.positions)
        images = self._x.expand(count, *self._x.shape[1:]).contiguous()
        return plane.attack(self._x.numel()).run(self._objective(count), images)

    def _fill(self, layers: Floats, record: Step) -> None:
        """Write the rows of a record into layers (3,E,W)."""
        eps, weights = np.divmod(record.rows.numpy(), layers.shape[-1])
        change = (record.x_adv - self._x.cpu()).flatten(1).norm(dim=1)
        layers[:, eps, weights] = torch.stack([record.found.float(), record.kept, change]).numpy()


def _said(step: int, total: int, fine: bool, layers: Floats) -> PlaneStep:
    success, kept, l2 = layers.copy()
    return PlaneStep(step, total, fine, success, kept, l2)


def _spread(layers: Floats, plane: Plane) -> Floats:
    """(3,E,W) where every position has the values of the nearest coarse one."""
    eps, weights = _nearest(len(plane.eps)), _nearest(len(plane.weights))
    spread: Floats = layers[:, eps][:, :, weights]
    return spread


def _nearest(count: int) -> list[int]:
    """For each of so many values, which of every other one (the last included) is the nearest."""
    most = (count + 1) // 2 - 1
    return [min(most, (index - (count - 1) % 2 + 1) // 2) for index in range(count)]
