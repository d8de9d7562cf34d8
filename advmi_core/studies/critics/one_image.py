"""One image under the lens: its maps, those of a perturbed twin, and a critic telling pairs apart."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from advmi_core.attacks import PGD
from advmi_core.mi.bounds import BOUNDS
from advmi_core.mi.critics import PRESETS
from advmi_core.mi.per_image.per_sample import PerSampleMINE
from advmi_core.objectives import Classification
from advmi_core.run import Run
from advmi_core.validate import check_choice, check_count, check_images, check_number

Floats = NDArray[np.float32]
PERTURBATIONS = ("gaussian", "pgd")
PGD_STEPS = 20


@dataclass(frozen=True)
class Twins:
    """An image x and its perturbed twin x̃, both (C,H,W) in [0,1], with their maps, both (K,h,w) ≥ 0.

    All lie on the CPU.
    """

    x: Tensor
    x_adv: Tensor
    maps: Tensor
    maps_adv: Tensor


def twins(objective: Classification, x: Tensor, kind: str, eps: float, seed: int = 0) -> Twins:
    """Perturb one image and take the first convolution's maps, after the ReLU, of both [UAE, sec. 3.1].

    Args:
        objective: the classifier with the image's label.
        x: (1,C,H,W) float32 in [0,1].
        kind: ``"gaussian"``: independent noise of standard deviation ε, clipped to [0,1]; ``"pgd"``: 20 steps
            of PGD in the L∞ ball of radius ε.
        eps: ε ≥ 0.
        seed: ≥ 0.

    Raises:
        ValueError: x is not one image, the kind is unknown, ε < 0, or the model has no first convolution.
    """
    check_images(x)
    if len(x) != 1:
        raise ValueError(f"x must be one image (1,C,H,W), got {tuple(x.shape)}")
    check_choice(kind, "kind", PERTURBATIONS)
    check_number(eps, "eps", low=0)
    check_count(seed, "seed", low=0)
    if kind == "gaussian":
        drawn = torch.randn(x.shape, generator=torch.Generator().manual_seed(seed))
        x_adv = (x + eps * drawn.to(x.device)).clamp(0, 1)
    else:
        x_adv = PGD(eps=eps, steps=PGD_STEPS, mi_steps=0, seed=seed)(objective, x).x_adv
    with torch.no_grad():
        maps, maps_adv = objective.features(torch.cat([x, x_adv])).cpu()
    return Twins(x[0].cpu(), x_adv[0].cpu(), maps, maps_adv)


@dataclass(frozen=True)
class Scores:
    """A critic after some steps.

    Attributes:
        step, total: Adam steps done and wanted.
        value: nats, the bound on the pairs that the critic is trained on.
        joint: (K,) scores T of each map with its own twin.
        marginal: (K(K−1),) scores T of each map with every foreign twin.
    """

    step: int
    total: int
    value: float
    joint: Floats
    marginal: Floats


@dataclass(frozen=True, kw_only=True)
class CriticTrace:
    """Train one per-sample critic on one image's maps and watch its scores.

    Attributes:
        steps: Adam steps ≥ 1.
        critic: preset; ``bound``: name in ``BOUNDS``.
        seed: ≥ 0.
    """

    steps: int = 200
    critic: str = "compact"
    bound: str = "dv"
    seed: int = 0

    def __post_init__(self) -> None:
        check_count(self.steps, "steps")
        check_choice(self.critic, "critic", tuple(PRESETS))
        check_choice(self.bound, "bound", tuple(BOUNDS))
        check_count(self.seed, "seed", low=0)

    def run(self, maps: Tensor, maps_adv: Tensor, *, record_every: int = 1) -> Run[Scores, Scores]:
        """Start the training; the first record shows the untrained critic, the last one is the result.

        Args:
            maps, maps_adv: (K,h,w) of x and x̃, the same shape, K ≥ 2.
            record_every: steps between two records, ≥ 1.

        Raises:
            ValueError: shapes differ or are not as stated.
        """
        check_count(record_every, "record_every")
        if maps.ndim != 3 or maps.shape != maps_adv.shape:
            shapes = f"{tuple(maps.shape)} and {tuple(maps_adv.shape)}"
            raise ValueError(f"maps and maps_adv must both be (K,h,w) of one shape, got {shapes}")
        mine = PerSampleMINE(
            maps.unsqueeze(0), critic=self.critic, bound=self.bound, pairs="all", seed=self.seed,
            lr=PRESETS[self.critic].fit_lr,
        )  # fmt: skip
        samples = mine.prepare(maps_adv.unsqueeze(0))
        seen = [self._look(mine, samples, 0)]
        return Run(self._train(mine, samples, seen, record_every), lambda: seen[-1], self.steps)

    def _train(
        self, mine: PerSampleMINE, samples: Tensor, seen: list[Scores], record_every: int
    ) -> Generator[Scores, None, None]:
        yield seen[-1]
        for step in range(record_every, self.steps + record_every, record_every):
            done = min(step, self.steps)
            mine.ascend(samples, done - seen[-1].step)
            seen[:] = [self._look(mine, samples, done)]
            yield seen[-1]

    def _look(self, mine: PerSampleMINE, samples: Tensor, step: int) -> Scores:
        joint, marginal = mine.scores(samples)
        value = float(BOUNDS[self.bound].value(joint, marginal))
        return Scores(step, self.steps, value, joint[0].cpu().numpy(), marginal[0].flatten().cpu().numpy())
