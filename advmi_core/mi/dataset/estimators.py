"""Mutual information of a data set of paired samples: N draws of (X,Y), one number.

ESTIMATORS["dv"](seed=0).estimate(x, y).value
"""

from __future__ import annotations

from advmi_core.mi import diagnostics
from advmi_core.mi.dataset.estimator import Estimator, MIEstimate, MIStep, as_trace
from advmi_core.mi.dataset.gaussianise import Samples
from advmi_core.mi.dataset.variational import DV, MINE, NWJ, SMILE, InfoNCE, VariationalEstimator
from advmi_core.mi.gaussian import gaussian_mi
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
        prepared = self._prepare(x, y)
        a, b = prepared.x.unsqueeze(0), prepared.y.unsqueeze(0)
        coordinates = a.shape[2] + b.shape[2]
        ridge = _RIDGE * max(1, coordinates / _RIDGE_UP_TO) ** 2
        value, softer = (float(gaussian_mi(a, b, ridge=r)) for r in (ridge, 10 * ridge))
        step = MIStep(1, 1, value, value)
        warnings = (
            *prepared.warnings(value),
            *diagnostics.few_samples(a.shape[1]),
            *diagnostics.closed_form(
                overshoot=a.shape[2] * b.shape[2] / (2 * a.shape[1]),
                of_ridge=value - softer,
                discrete=prepared.x_side.discrete or prepared.y_side.discrete,
            ),
        )
        result = MIEstimate(value, as_trace([step]), warnings, self._parameters(prepared))
        return Run((record for record in [step]), lambda: result, 1)


ESTIMATORS: dict[str, type[Estimator]] = {
    kind.bound: kind for kind in (DV, NWJ, InfoNCE, SMILE, MINE, GaussianCopula)
}
