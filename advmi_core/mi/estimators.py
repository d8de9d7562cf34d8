"""Mutual information of a data set of paired samples: N draws of (X,Y), one number.

    ESTIMATORS["dv"](seed=0).estimate(x, y).value

The variational estimators train a separable critic T(x,y) = f(x)·g(y) for every fold and score it on the
fold it has not seen, so that their value is a lower bound up to sampling noise.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from advmi_core.mi import advice
from advmi_core.mi.bounds import BOUNDS, Bound, MovingAverage, smile
from advmi_core.mi.cross_fit import CrossFit, Recipe, blocks
from advmi_core.mi.gaussian import gaussian_mi
from advmi_core.mi.gaussianise import Samples, check_pairs, gaussianise, standardise
from advmi_core.run import Run
from advmi_core.validate import check_count, check_number

_TINY_RIDGE = 1e-11  # of unit variances; a side that determines the other then has 12 nats per coordinate


@dataclass(frozen=True)
class MIStep:
    """One record of a training: the bound in nats, averaged over the folds.

    ``train`` is its value on at most 512 samples that a critic is trained on, ``held_out`` on at most 512 of
    the fold that it has not seen; both with the weights averaged over the latest steps.
    """

    step: int
    total: int
    train: float
    held_out: float


@dataclass(frozen=True)
class MIEstimate:
    """What an estimator found.

    Attributes:
        value: mutual information in nats, held out and averaged over the folds.
        trace: ``step``, ``train`` and ``held_out``, (S,) float32 each, see ``MIStep``.
        warnings: sentences about the training that a reader of the value should know.
        parameters: the estimator's parameters and the sizes of the data, JSON-serialisable.
    """

    value: float
    trace: dict[str, NDArray[np.float32]]
    warnings: tuple[str, ...]
    parameters: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Estimator:
    """What all estimators have in common.

    Attributes:
        seed: ≥ 0; the same seed and samples give the same bytes on the same device.
        gaussianise: bring every coordinate to standard normal shape by its ranks first, else only to zero
            mean and unit variance. Neither changes the mutual information; equal values stay equal.

    Raises:
        ValueError: a parameter out of its range.
    """

    bound: ClassVar[str]

    seed: int = 0
    gaussianise: bool = True

    def __post_init__(self) -> None:
        check_count(self.seed, "seed", low=0)
        if not isinstance(self.gaussianise, bool):
            raise ValueError(f"gaussianise must be True or False, got {self.gaussianise!r}")

    def run(self, x: Samples, y: Samples) -> Run[MIStep, MIEstimate]:
        """The estimate step by step; closing it early keeps the best found so far.

        Args:
            x: (N,dx) tensor or array of real numbers, N ≥ 4 (and ≥ 2 a fold).
            y: (N,dy); row n belongs to row n of ``x``.

        Raises:
            ValueError: shapes or lengths are not as stated, a value is not finite, or a side is constant.
        """
        raise NotImplementedError

    def estimate(self, x: Samples, y: Samples) -> MIEstimate:
        """``run`` to the end."""
        return self.run(x, y).drain()

    def _prepare(self, x: Samples, y: Samples, least: int = 4) -> tuple[Tensor, Tensor]:
        """Checked, transformed float64 samples on ``x``'s device."""
        device = x.device if isinstance(x, Tensor) else torch.device("cpu")
        transform = gaussianise if self.gaussianise else standardise
        a, b = (torch.from_numpy(transform(side)).to(device) for side in check_pairs(x, y, least))
        return a, b

    def _parameters(self, x: Tensor, y: Tensor) -> dict[str, Any]:
        sizes = {"samples": len(x), "dim_x": x.shape[1], "dim_y": y.shape[1]}
        return {"estimator": self.bound, **asdict(self), **sizes}


@dataclass(frozen=True, kw_only=True)
class VariationalEstimator(Estimator):
    """A lower bound by trained critics, cross-fitted.

    The final value scores every held-out sample as a joint pair against all others of its block of
    n_b ≤ 2,500 held-out samples, n_b·(n_b−1) marginal pairs a block; so InfoNCE is at most log n_b.

    Attributes:
        steps: Adam steps; the rate is constant in the first half and falls to 0 in the second.
        batch: training samples of a step, K; all K·(K−1) marginal pairs among them are used.
        lr: Adam's learning rate.
        weight_decay: Adam's L2 penalty.
        hidden: widths of the hidden layers of f and of g.
        code: dimension of f(x) and g(y), whose inner product is the score.
        folds: ≥ 2; one critic each.
        record_every: steps between two records; the first and the last step are always recorded.
    """

    steps: int = 1200
    batch: int = 256
    lr: float = 4e-3
    weight_decay: float = 5e-4
    hidden: tuple[int, ...] = (64, 64, 64)
    code: int = 32
    folds: int = 2
    record_every: int = 20

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("steps", "code", "record_every"):
            check_count(getattr(self, name), name)
        for name in ("batch", "folds"):
            check_count(getattr(self, name), name, low=2)
        check_number(self.lr, "lr", low=0, above=True)
        check_number(self.weight_decay, "weight_decay", low=0)
        if not isinstance(self.hidden, tuple) or not self.hidden:
            raise ValueError(f"hidden must be a tuple of at least one width, got {self.hidden!r}")
        for width in self.hidden:
            check_count(width, "hidden")

    def run(self, x: Samples, y: Samples) -> Run[MIStep, MIEstimate]:
        a, b = (side.float() for side in self._prepare(x, y, least=max(4, 2 * self.folds)))
        fit = CrossFit(a, b, self._recipe())
        records: list[MIStep] = []
        return Run(self._records(fit, records), lambda: self._result(fit, records), self.steps)

    def _recipe(self) -> Recipe:
        return Recipe(
            bound=self._training_bound(),
            seed=self.seed,
            steps=self.steps,
            batch=self.batch,
            lr=self.lr,
            weight_decay=self.weight_decay,
            hidden=self.hidden,
            code=self.code,
            folds=self.folds,
        )

    def _training_bound(self) -> Bound:
        return BOUNDS[self.bound]

    def _records(self, fit: CrossFit, records: list[MIStep]) -> Generator[MIStep, None, None]:
        for step in range(1, self.steps + 1):
            fit.step()
            if step in (1, self.steps) or step % self.record_every == 0:
                records.append(MIStep(step, self.steps, *fit.curves()))
                yield records[-1]

    def _result(self, fit: CrossFit, records: list[MIStep]) -> MIEstimate:
        trace, value = as_trace(records), fit.value()
        sizes = blocks(fit.held.shape[1])
        facts = {
            "candidates": max(sizes),
            "marginal_pairs": self.folds * sum(size * (size - 1) for size in sizes),
            "steps_done": fit.steps_done,
        }
        warnings = advice.warn(
            trace["held_out"],
            trace["train"],
            samples=len(fit.a),
            candidates=fit.candidates,
            value=value,
            done=fit.steps_done,
            steps=self.steps,
        )
        return MIEstimate(value, trace, warnings, self._parameters(fit.a, fit.b) | facts)


def as_trace(records: list[MIStep]) -> dict[str, NDArray[np.float32]]:
    """The records as one array per quantity."""
    keys = ("step", "train", "held_out")
    return {key: np.array([getattr(r, key) for r in records], dtype=np.float32) for key in keys}


class DV(VariationalEstimator):
    """Donsker–Varadhan [Belghazi et al. 2018, eq. 5]."""

    bound = "dv"


class NWJ(VariationalEstimator):
    """Nguyen–Wainwright–Jordan [2010]: a looser bound without the logarithm's bias."""

    bound = "nwj"


class InfoNCE(VariationalEstimator):
    """InfoNCE [van den Oord et al. 2018]: low variance, never above the logarithm of ``candidates``."""

    bound = "infonce"


class SMILE(VariationalEstimator):
    """SMILE [Song & Ermon 2020, eq. 14]: no lower bound, but steadier where the truth is large.

    As its authors do, the critic ascends the Jensen–Shannon bound and only the value is clipped: the
    clipped value itself has no upper limit that a critic could not climb over.
    """

    bound = "smile"

    def _training_bound(self) -> Bound:
        return Bound(smile, jensen_shannon_gradient)


class MINE(VariationalEstimator):
    """Donsker–Varadhan's value; the gradient uses a moving average [Belghazi et al. 2018, sec. 3.2]."""

    bound = "mine"


class GaussianCopula(Estimator):
    """Closed form −½ log det(I − ρρᵀ) of the canonical correlations ρ; deterministic.

    With ``gaussianise`` it is the mutual information of the Gaussian copula with the samples' rank
    correlations [Ince et al. 2017]. Dependence beyond correlation is not seen; it is not held out and
    overshoots by about dx·dy/(2N) nats.
    """

    bound = "gaussian"

    def run(self, x: Samples, y: Samples) -> Run[MIStep, MIEstimate]:
        a, b = self._prepare(x, y)
        value = float(gaussian_mi(a.unsqueeze(0), b.unsqueeze(0), ridge=_TINY_RIDGE))
        step = MIStep(1, 1, value, value)
        overshoot = a.shape[1] * b.shape[1] / (2 * len(a))
        warnings = tuple(advice.few_samples(len(a)) + advice.closed_form(overshoot))
        result = MIEstimate(value, as_trace([step]), warnings, self._parameters(a, b))
        return Run((record for record in [step]), lambda: result, 1)


def jensen_shannon_gradient(joint: Tensor, marginal: Tensor, _: MovingAverage) -> tuple[Tensor, Tensor]:
    """Gradient of E[−softplus(−T)] − E[softplus(T')] [Nowozin et al. 2016, table 6] in the scores."""
    pairs = marginal[0].numel()
    return torch.sigmoid(-joint) / joint.shape[1], -torch.sigmoid(marginal) / pairs


ESTIMATORS: dict[str, type[Estimator]] = {
    kind.bound: kind for kind in (DV, NWJ, InfoNCE, SMILE, MINE, GaussianCopula)
}
