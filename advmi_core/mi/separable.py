"""B independent separable critics T(a,b) = f(a)·g(b) in one set of tensors.

f and g are small networks (linear, ReLU, …, linear). Every sample's code serves all its pairs, so that all
N·M scores cost one product: made for many samples of few dimensions, such as patches or data sets.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from advmi_core.mi.bounds import Bound, MovingAverage
from advmi_core.mi.critics import CACHE_LINE, Ascent, carve
from advmi_core.mi.pairs import join_pairs, split_pairs
from advmi_core.rng import RowStreams


class SeparableCritics:
    """B critics, each trained on its own pairs; a critic's weights do not depend on its batch mates.

    Args:
        widths_a, widths_b: layer widths of f and g, the samples' dimension first; the last ones are equal.
        streams: one random stream per row; the number of critics is a multiple of the number of rows, and
            critics r, r + rows, r + 2·rows … draw their weights one after the other from row r's stream.
        critics: B, default one per row.
        bound: what they ascend.
        lr: Adam's learning rate.
        weight_decay: Adam's L2 penalty.
        alike: g starts as a copy of f, so that like samples score highest from the start; needs equal widths.
    """

    def __init__(
        self,
        widths_a: Sequence[int],
        widths_b: Sequence[int],
        streams: RowStreams,
        *,
        bound: Bound,
        lr: float,
        critics: int | None = None,
        weight_decay: float = 0.0,
        alike: bool = False,
    ) -> None:
        count = len(streams) if critics is None else critics
        shapes: dict[str, tuple[int, ...]] = {}
        for side, widths in (("a", widths_a), ("b", widths_b)):
            for layer, (fan_in, fan_out) in enumerate(pairwise(widths)):
                shapes[f"{side}{layer}.weight"] = (count, fan_in, fan_out)
                shapes[f"{side}{layer}.bias"] = (count, 1, fan_out)
        size = sum(map(math.prod, shapes.values()))
        flat = torch.zeros(size + -size % CACHE_LINE, device=streams.device)
        flat.grad = torch.zeros_like(flat)
        self._grads = carve(flat.grad, shapes)
        self.weights = {name: view.requires_grad_() for name, view in carve(flat.detach(), shapes).items()}
        with torch.no_grad():
            for name, weight in self.weights.items():
                if name.endswith("weight"):
                    limit = math.sqrt(6 / (weight.shape[1] + weight.shape[2]))
                    for block in torch.split(weight, len(streams)):
                        streams.fill_uniform(block, limit)
            for layer in range(len(widths_b) - 1 if alike else 0):
                self.weights[f"b{layer}.weight"].copy_(self.weights[f"a{layer}.weight"])
        self.bound, self._average = bound, MovingAverage()
        self._adam = Ascent(flat, lr, weight_decay)

    def scores(self, a: Tensor, b: Tensor) -> Tensor:
        """(B,N,M) scores of all pairs of samples a (B,N,da) and b (B,M,db); differentiable."""
        return torch.bmm(self._codes("a", a), self._codes("b", b).transpose(1, 2))

    @torch.no_grad()
    def value(self, a: Tensor, b: Tensor) -> Tensor:
        """(B,) nats: the bound on pairs (a_k, b_k), a (B,K,da) and b (B,K,db), against all other pairs."""
        return self.bound.value(*split_pairs(self.scores(a, b)))

    def set_lr(self, lr: float) -> None:
        """Adam's learning rate from now on."""
        self._adam.lr = lr

    def learn(self, a: Tensor, b: Tensor) -> None:
        """One Adam step on the pairs (a_k, b_k)."""
        self._step(a, b, [])

    def ascend(self, a: Tensor, b: Tensor) -> Tensor:
        """One Adam step on the pairs (a_k, b_k) that also returns the bound (B,) before it."""
        return self.bound.value(*split_pairs(self._step(a, b, [])[0]))

    def ascend_with_gradient(self, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        """One Adam step that also returns ∂I/∂b (B,K,db) at the weights before it."""
        b = b.detach().requires_grad_()
        scores, (gradient,) = self._step(a, b, [b])
        return self.bound.value(*split_pairs(scores)), gradient

    def _step(self, a: Tensor, b: Tensor, also: list[Tensor]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """One Adam step; the scores of all pairs before it, and the gradients of ``also``."""
        with torch.enable_grad():
            scores = self.scores(a, b)
        leaves = [*self.weights.values(), *also]
        gradients = torch.autograd.grad(scores, leaves, self._pull(scores.detach()))
        for target, gradient in zip(self._grads.values(), gradients, strict=False):
            target.copy_(gradient)
        self._adam.step()
        return scores.detach(), gradients[len(self._grads) :]

    def _pull(self, scores: Tensor) -> Tensor:
        """∂I/∂T (B,K,K)."""
        if self.bound.of_square is not None:
            return self.bound.of_square(scores)
        return join_pairs(*self.bound.gradient(*split_pairs(scores), self._average))

    def _codes(self, side: str, code: Tensor) -> Tensor:
        layers = [name for name in self.weights if name.startswith(side) and name.endswith("weight")]
        for layer, name in enumerate(layers):
            code = code.relu() if layer else code
            code = torch.baddbmm(self.weights[f"{side}{layer}.bias"], code, self.weights[name])
        return code
