"""Per-sample MINE: the mutual information between ONE image's samples and its perturbed twin's, B at once."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from advmi_core.mi.bounds import BOUNDS, MovingAverage
from advmi_core.mi.critics import (
    CACHE_LINE,
    PRESETS,
    Ascent,
    Branches,
    branch_shapes,
    carve,
    initialise,
    prepare,
)
from advmi_core.mi.pairs import PAIRS, Head, draw_partners, resolve
from advmi_core.rng import RowStreams
from advmi_core.validate import check_choice, check_same_length

_WEIGHTS, _SHUFFLES = 1, 2  # purposes of the random streams


class PerSampleMINE:
    """B independent critics, one per image, trained on the image's own K sample pairs [UAE, sec. 3.1].

    A row's result depends on its own samples, its row id and the seed alone, not on its batch mates.

    Args:
        x: (B,K,h,w) feature maps or (B,K,D) vectors of the originals; they stay fixed.
        critic: preset, ``"compact"`` or ``"paper"``.
        bound: name in ``BOUNDS``.
        pairs: marginal pairs: ``"all"``, ``"permutation"``, ``"shifts"`` or ``"auto"``.
        seed: ≥ 0.
        rows: row ids, default 0…B−1.
        lr: Adam's learning rate, default the preset's.

    Raises:
        ValueError: unknown preset, bound or pairs; fewer than two samples; maps too small.
    """

    def __init__(
        self,
        x: Tensor,
        *,
        critic: str = "compact",
        bound: str = "dv",
        pairs: str = "auto",
        seed: int = 0,
        rows: Sequence[int] | None = None,
        lr: float | None = None,
    ) -> None:
        check_choice(critic, "critic", tuple(PRESETS))
        check_choice(bound, "bound", tuple(BOUNDS))
        check_choice(pairs, "pairs", PAIRS)
        if x.ndim not in (3, 4) or x.shape[1] < 2:
            raise ValueError(f"x must be (B,K,h,w) or (B,K,D) with K ≥ 2 samples, got {tuple(x.shape)}")
        ids = range(len(x)) if rows is None else rows
        check_same_length(x, torch.as_tensor(ids), "x and rows")
        self.preset = PRESETS[critic]
        self.bound = BOUNDS[bound]
        prepared = prepare(x.detach(), self.preset)
        self._both = torch.cat([prepared, prepared])
        self.pairs = resolve(pairs, x.shape[1])
        self._shuffles = RowStreams(seed, ids, _SHUFFLES, x.device)
        self._average = MovingAverage()
        self._build(conv=x.ndim == 4, streams=RowStreams(seed, ids, _WEIGHTS, x.device), lr=lr)

    def _build(self, conv: bool, streams: RowStreams, lr: float | None) -> None:
        rows, one = len(streams), branch_shapes(self._both.shape[2], conv, self.preset)
        shapes = {name: (2 * rows, *shape) for name, shape in one.items()}
        shapes["head"] = (rows, self.preset.outputs)
        size = sum(map(math.prod, shapes.values()))
        self._flat = torch.zeros(size + -size % CACHE_LINE, device=self._both.device)
        self._flat.grad = torch.zeros_like(self._flat)
        self.weights = carve(self._flat, shapes)
        initialise(self.weights, streams)
        grads = carve(self._flat.grad, shapes)
        self._d_head = grads["head"]
        self._branches = Branches(self.weights, grads)
        self._adam = Ascent(self._flat, self.preset.lr if lr is None else lr)

    @property
    def repeats(self) -> bool:
        """Whether all steps do the same: nothing is drawn or counted on the host on the way."""
        return self.pairs == "all" and self.bound is not BOUNDS["mine"]

    def prepare(self, y: Tensor) -> Tensor:
        """The perturbed twin's maps or vectors as the critics take them, (B,K,Q); differentiable."""
        return prepare(y, self.preset)

    @torch.no_grad()
    def value(self, samples: Tensor) -> Tensor:
        """(B,) nats: the bound at the present weights for prepared samples (B,K,Q) of x̃."""
        return self.bound.value(*self.scores(samples))

    @torch.no_grad()
    def scores_on(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """``scores`` on other samples of the same rows, raw maps (B,K,h,w) or vectors (B,K,D)."""
        outputs = self._branches.forward(torch.cat([self.prepare(x), self.prepare(y)]))
        return self._pair(outputs).scores()

    @torch.no_grad()
    def scores(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        """The critics' scores T on joint pairs (B,K) and on marginal pairs (B,K,M) at the present weights."""
        return self._head(samples).scores()

    @torch.no_grad()
    def ascend(self, samples: Tensor, steps: int = 1) -> Tensor:
        """Train on prepared samples (B,K,Q) of x̃; returns the bound (B,) before the last update."""
        for _ in range(steps):
            value, _ = self._gradients(samples)
            self._adam.step()
        return value

    @torch.no_grad()
    def ascend_with_gradient(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        """One training step that also returns ∂I/∂samples (B,K,Q) at the weights before it."""
        value, d_b = self._gradients(samples)
        d_samples = torch.bmm(d_b.transpose(1, 2), self._branches.map[len(samples) :])
        self._adam.step()
        return value, d_samples

    def _gradients(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        """Fill the weights' gradients; returns the bound (B,) and its gradient at branch y's outputs."""
        head = self._head(samples)
        joint, marginal = head.scores()
        value = self.bound.value(joint, marginal)
        d_a, d_b, d_weight = head.backward(*self.bound.gradient(joint, marginal, self._average))
        self._branches.backward(self._both, torch.cat([d_a, d_b]))
        self._d_head.copy_(d_weight)
        return value, d_b

    def _head(self, samples: Tensor) -> Head:
        self._both[len(samples) :] = samples
        return self._pair(self._branches.forward(self._both))

    def _pair(self, outputs: Tensor) -> Head:
        rows, partner = len(outputs) // 2, None
        if self.pairs != "all":
            partner = draw_partners(self._shuffles, outputs.shape[2], self.pairs)
        return Head(outputs[:rows], outputs[rows:], self.weights["head"], partner)
