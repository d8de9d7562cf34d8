"""Cross-fitting: every critic is scored on samples that it was not trained on [Chernozhukov et al. 2018].

The N samples are dealt into F folds of n = ⌊N/F⌋ (the remaining N mod F only train). Critic f trains on all
but fold f and is scored on fold f. A tenth of its training samples is set aside to choose, among the
averaged weights of its training, those that validate best; the fold it is scored on has no say in that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from advmi_core.mi.bounds import Bound
from advmi_core.mi.dataset.averaging import Averages
from advmi_core.mi.pairs import split_pairs
from advmi_core.mi.separable import SeparableCritics
from advmi_core.rng import RowStreams

LARGEST_BLOCK = 2500  # held-out samples scored against each other at once: 25 MB of scores a critic
_CURVE = 512  # samples of a fold behind a point of the curves
_CHECK_EVERY = 20  # steps between two validations
_SPLIT, _WEIGHTS, _KINKS, _ORDERS = 6, 7, 8, 9  # purposes of the random streams


@dataclass(frozen=True)
class Recipe:
    """How the critics are built and trained, see ``Estimator``."""

    bound: Bound
    seed: int
    steps: int
    batch: int
    lr: float
    weight_decay: float
    hidden: tuple[int, ...]
    code: int
    folds: int


def blocks(n: int) -> list[int]:
    """Sizes of the nearly equal blocks in which n held-out samples are scored, each ≥ 2 for n ≥ 2."""
    count = -(-n // LARGEST_BLOCK)
    return [n // count + (block < n % count) for block in range(count)]


def validation_size(n: int) -> int:
    """How many of n training samples choose the weights: a tenth, at most 1,000; none of fewer than four.

    A handful would choose by chance: where a tenth is less than 64, a third of the samples up to 64.
    """
    return 0 if n < 4 else max(2, min(n // 10, 1000), min(n // 3, 64))


class CrossFit:
    """F critics in training, one per fold.

    Args:
        a, b: (N,da) and (N,db) float32 paired samples, N ≥ 2·folds.
        recipe: see ``Recipe``.
    """

    def __init__(self, a: Tensor, b: Tensor, recipe: Recipe) -> None:
        self.a, self.b, self.recipe = a, b, recipe
        folds, n = range(recipe.folds), len(a) // recipe.folds
        order = RowStreams(recipe.seed, [0], _SPLIT, a.device).permutation(len(a))[0]
        self.held = torch.stack([order[fold * n : (fold + 1) * n] for fold in folds])
        rest = torch.stack([torch.cat([order[: fold * n], order[(fold + 1) * n :]]) for fold in folds])
        aside = validation_size(rest.shape[1])
        self.validation, self.train = rest[:, :aside], rest[:, aside:]
        self.batch = min(recipe.batch, self.train.shape[1])
        self.candidates = min(_CURVE, self.train.shape[1])  # of a joint pair on the training curve
        self.steps_done = 0
        self.critics = SeparableCritics(
            (a.shape[1], *recipe.hidden, recipe.code),
            (b.shape[1], *recipe.hidden, recipe.code),
            RowStreams(recipe.seed, folds, _WEIGHTS, a.device),
            bound=recipe.bound,
            lr=recipe.lr,
            weight_decay=recipe.weight_decay,
        )
        self._spread_kinks(RowStreams(recipe.seed, folds, _KINKS, a.device))
        self._averages = Averages(list(self.critics.weights.values()))
        self._orders = RowStreams(recipe.seed, folds, _ORDERS, a.device)
        self._epoch = self.train[:, :0]

    @torch.no_grad()
    def _spread_kinks(self, streams: RowStreams) -> None:
        """Let the kink of every unit of the first layers pass through some training sample.

        With all biases 0 every kink would start at the origin, for one-dimensional samples in one point, and
        the first hundreds of steps would go into moving them apart.
        """
        for side, samples in (("a", self.a), ("b", self.b)):
            weight = self.critics.weights[f"{side}0.weight"]
            chosen = self.train.gather(1, streams.integers(0, self.train.shape[1], weight.shape[2]))
            through = (samples[chosen] * weight.transpose(1, 2)).sum(2)
            self.critics.weights[f"{side}0.bias"].copy_(-through.unsqueeze(1))

    def step(self) -> None:
        """One Adam step of every critic."""
        left = 1 - self.steps_done / self.recipe.steps
        self.critics.set_lr(self.recipe.lr * min(1.0, 2 * left))
        self.critics.learn(*self._pairs(self._next_batch()))
        self.steps_done += 1
        self._averages.update()
        if self.steps_done in (1, self.recipe.steps) or self.steps_done % _CHECK_EVERY == 0:
            self._validate()

    def curves(self) -> tuple[float, float]:
        """The averaged weights' bound on ≤ 512 training and ≤ 512 held-out samples a fold, mean of folds."""
        with self._averages.averaged():
            train = self._score(self.train[:, :_CURVE])
            held = self._score(self.held[:, :_CURVE], self._seen(_CURVE))
        return float(train.mean()), float(held.mean())

    def value(self) -> float:
        """The bound of the chosen weights on all held-out samples, block by block."""
        self._validate()  # steps since the last check count too
        total = 0.0
        with self._averages.best():
            within = self._seen(LARGEST_BLOCK)
            for block in torch.split(self.held, blocks(self.held.shape[1]), dim=1):
                total += float(self._score(block, within).mean()) * block.shape[1]
        return total / self.held.shape[1]

    def _seen(self, samples: int) -> tuple[Tensor, Tensor]:
        """Each critic's lowest and highest score (F,1,1) on so many training samples.

        Beyond them a critic is continued as a constant when it is scored held out. That is a critic as well,
        and one sample farther out than all it has met cannot ruin the average.
        """
        with torch.no_grad():
            scores = self.critics.scores(*self._pairs(self.train[:, :samples])).flatten(1)
        low, high = scores.aminmax(dim=1)
        return low.view(-1, 1, 1), high.view(-1, 1, 1)

    def _validate(self) -> None:
        """Keep the averages that validate best.

        Not those that claim more on their training samples than any lower bound can confirm with so few,
        their logarithm [McAllester & Stratos 2020]: a small validation set may fall for them.
        """
        with self._averages.averaged():
            claimed = self._score(self.train[:, :_CURVE])
            if self.validation.shape[1]:
                score = self._score(self.validation)
            else:
                score = torch.full_like(claimed, self.steps_done)
        self._averages.keep_best(score.where(claimed <= math.log(self.train.shape[1]), -torch.inf))

    def _next_batch(self) -> Tensor:
        """(F,batch) training samples; every one once before any comes again, none twice in a batch."""
        if self._epoch.shape[1] < self.batch:
            self._epoch = self.train.gather(1, self._orders.permutation(self.train.shape[1]))
        chosen, self._epoch = self._epoch[:, : self.batch], self._epoch[:, self.batch :]
        return chosen

    @torch.no_grad()
    def _score(self, chosen: Tensor, within: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """(F,) the bound on these samples, of scores no farther out than ``within``."""
        scores = self.critics.scores(*self._pairs(chosen))
        scores = scores if within is None else scores.clamp(*within)
        return self.recipe.bound.value(*split_pairs(scores))

    def _pairs(self, chosen: Tensor) -> tuple[Tensor, Tensor]:
        return self.a[chosen], self.b[chosen]
