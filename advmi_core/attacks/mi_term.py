"""The MI term of an attack: critics that learn along with it, and their pull on x̃."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from advmi_core.mi.per_sample import PerSampleMINE
from advmi_core.mi.sampling import draw_samples, project, resolve_sampling
from advmi_core.objectives import Objective, Problem

# mi="mine-conv" is the published definition; a model without a convolution has random sampling in its place.
MI_TERMS = {"mine-conv": "auto", "mine-random": "random"}


def check_sampling(objective: Objective, mi: str) -> str:
    """The sampling that ``mi`` means for this model."""
    return resolve_sampling(objective, MI_TERMS[mi])


class MITerm:
    """I_θ(x, x̃) for B images with critics trained along the attack.

    Args:
        problem: images and model.
        mi: name in ``MI_TERMS``.
        rows: row ids.
        inner: critic steps per attack step.
        seed, critic, bound, pairs: see ``PerSampleMINE``.
    """

    def __init__(
        self,
        problem: Problem,
        mi: str,
        rows: Sequence[int],
        *,
        inner: int,
        seed: int,
        critic: str,
        bound: str,
        pairs: str,
    ) -> None:
        self._sampling = check_sampling(problem.objective, mi)
        self._inner, self._seed = inner, seed
        with torch.no_grad():
            samples = draw_samples(problem.objective, problem.x, self._sampling, seed)
        self._mine = PerSampleMINE(samples, critic=critic, bound=bound, pairs=pairs, seed=seed, rows=rows)

    def step(self, x_adv: Tensor, maps: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """``inner`` critic steps on this x̃.

        Returns:
            (B,) nats before the last step; the differentiable samples of x̃; ∂I/∂samples, ready for one
            backward pass that serves model and critic together.
        """
        drawn = maps if self._sampling == "conv" else project(x_adv, self._seed)
        assert drawn is not None  # check_sampling saw the maps
        samples = self._mine.prepare(drawn)
        fixed = samples.detach()
        if self._inner > 1:
            self._mine.ascend(fixed, self._inner - 1)
        value, gradient = self._mine.ascend_with_gradient(fixed)
        return value, samples, gradient
