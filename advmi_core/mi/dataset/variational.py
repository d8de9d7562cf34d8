"""Lower bounds on a data set's mutual information by trained critics.

A separable critic T(x,y) = f(x)·g(y) for every fold is scored on the fold it has not seen, so that the value
is a lower bound up to sampling noise.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import torch
from torch import Tensor

from advmi_core.mi import diagnostics
from advmi_core.mi.bounds import BOUNDS
from advmi_core.mi.dataset.cross_fit import CrossFit, Recipe, blocks
from advmi_core.mi.dataset.estimator import Estimator, MIEstimate, MIStep, Prepared, as_trace
from advmi_core.mi.dataset.gaussianise import Samples
from advmi_core.run import Run
from advmi_core.validate import check_count, check_number

# Hidden layers by default, and up to how many coordinates of x or y the deep ones.
DEEP, SHALLOW, DEEP_UP_TO = (64, 64, 64), (128,), 4


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
        hidden: widths of the hidden layers of f and of g. None: three of 64 where x and y have at most four
            coordinates, else one of 128. A deep critic follows bent ridges (spiral) better than a shallow
            one, but learns samples of many coordinates by heart before it has learnt their dependence.
        code: dimension of f(x) and g(y), whose inner product is the score.
        folds: ≥ 2; one critic each.
        record_every: steps between two records; the first and the last step are always recorded.
    """

    steps: int = 1200
    batch: int = 256
    lr: float = 4e-3
    weight_decay: float = 5e-4
    hidden: tuple[int, ...] | None = None
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
        if self.hidden is not None:
            self._check_hidden(self.hidden)

    def _check_hidden(self, hidden: tuple[int, ...]) -> None:
        if not isinstance(hidden, tuple) or not hidden:
            raise ValueError(f"hidden must be None or a tuple of at least one width, got {hidden!r}")
        for width in hidden:
            check_count(width, "hidden")

    def run(self, x: Samples, y: Samples) -> Run[MIStep, MIEstimate]:
        device = x.device if isinstance(x, Tensor) else torch.device("cpu")
        prepared = self._prepare(x, y, least=max(4, 2 * self.folds))
        a, b = (side.float().to(device) for side in (prepared.x, prepared.y))
        fit = CrossFit(a, b, self._recipe(max(a.shape[1], b.shape[1])))
        records: list[MIStep] = []
        return Run(self._records(fit, records), lambda: self._result(fit, records, prepared), self.steps)

    def _recipe(self, coordinates: int = 1) -> Recipe:
        fitting = DEEP if coordinates <= DEEP_UP_TO else SHALLOW
        return Recipe(
            bound=BOUNDS[self.bound],
            seed=self.seed,
            steps=self.steps,
            batch=self.batch,
            lr=self.lr,
            weight_decay=self.weight_decay,
            hidden=self.hidden or fitting,
            code=self.code,
            folds=self.folds,
        )

    def _records(self, fit: CrossFit, records: list[MIStep]) -> Generator[MIStep, None, None]:
        for step in range(1, self.steps + 1):
            fit.step()
            if step in (1, self.steps) or step % self.record_every == 0:
                records.append(MIStep(step, self.steps, *fit.curves()))
                yield records[-1]

    def _result(self, fit: CrossFit, records: list[MIStep], prepared: Prepared) -> MIEstimate:
        trace, value = as_trace(records), fit.value()
        sizes = blocks(fit.held.shape[1])
        facts = {
            "hidden": fit.recipe.hidden,
            "candidates": max(sizes),
            "marginal_pairs": self.folds * sum(size * (size - 1) for size in sizes),
            "steps_done": fit.steps_done,
        }
        warnings = prepared.warnings(value) + diagnostics.warn(
            trace["held_out"],
            trace["train"],
            samples=len(fit.a),
            candidates=fit.candidates,
            value=value,
            done=fit.steps_done,
            steps=self.steps,
        )
        return MIEstimate(value, trace, warnings, self._parameters(prepared) | facts)


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
    """SMILE [Song & Ermon 2020, eq. 14]: no lower bound, but steadier where the truth is large."""

    bound = "smile"


class MINE(VariationalEstimator):
    """Donsker–Varadhan's value; the gradient uses a moving average [Belghazi et al. 2018, sec. 3.2]."""

    bound = "mine"
