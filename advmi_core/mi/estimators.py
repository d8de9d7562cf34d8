"""Mutual information of a data set of paired samples: N draws of (X,Y), one number.

ESTIMATORS["dv"](seed=0).estimate(x, y).value
"""

from __future__ import annotations

from advmi_core.mi import advice
from advmi_core.mi.estimator import Estimator, MIEstimate, MIStep, as_trace
from advmi_core.mi.gaussian import gaussian_mi
from advmi_core.mi.gaussianise import Samples
from advmi_core.mi.variational import DV, MINE, NWJ, SMILE, InfoNCE, VariationalEstimator
from advmi_core.run import Run

__all__ = [
    "DV",
    "ESTIMATORS",
    "MINE",
    "NWJ",
    "SMILE",
    "Estimator",
    "GaussianCopula",
    "InfoNCE",
    "MIEstimate",
    "MIStep",
    "VariationalEstimator",
]

# Of unit variances: where one side determines the other, a coordinate then carries 12 nats instead of
# infinitely many. Rounding of many coordinates' covariances needs more.
_RIDGE, _RIDGE_UP_TO = 1e-11, 10


class GaussianCopula(Estimator):
    """Closed form −½ log det(I − ρρᵀ) of the canonical correlations ρ; deterministic.

    With ``gaussianise`` it is the mutual information of the Gaussian copula with the samples' rank
    correlations [Ince et al. 2017]. Dependence beyond correlation is not seen, and discrete samples such as
    one-hot symbols have another value. It is not held out and overshoots by about dx·dy/(2N) nats.
    """

    bound = "gaussian"

    def run(self, x: Samples, y: Samples) -> Run[MIStep, MIEstimate]:
        a, b = self._prepare(x, y)
        ridge = _RIDGE * max(1, (a.shape[1] + b.shape[1]) / _RIDGE_UP_TO) ** 2
        value = float(gaussian_mi(a.unsqueeze(0), b.unsqueeze(0), ridge=ridge))
        step = MIStep(1, 1, value, value)
        overshoot = a.shape[1] * b.shape[1] / (2 * len(a))
        warnings = tuple(advice.few_samples(len(a)) + advice.closed_form(overshoot))
        result = MIEstimate(value, as_trace([step]), warnings, self._parameters(a, b))
        return Run((record for record in [step]), lambda: result, 1)


ESTIMATORS: dict[str, type[Estimator]] = {
    kind.bound: kind for kind in (DV, NWJ, InfoNCE, SMILE, MINE, GaussianCopula)
}
