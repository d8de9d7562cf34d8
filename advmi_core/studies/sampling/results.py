"""Records, result and statistics of a sampling study."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advmi_core.experiments.artefact import Floats
from advmi_core.files import json_number
from advmi_core.studies.sampling.agreement import intraclass, rank_correlation

PERTURB = "perturb"


@dataclass(frozen=True)
class StudyStep:
    """One finished part.

    Attributes:
        step: parts done so far, 1…``total``.
        total: parts of the whole study.
        stage: ``"perturb"`` or the sampling whose MI was estimated.
        seed: of the estimate, or of the perturbation.
        start: position of the part's first image.
        seconds: computing the part took, of one core (CPU time) or of the accelerator; NaN if unknown.
        reused: the part was found on disk.
    """

    step: int
    total: int
    stage: str
    seed: int
    start: int
    seconds: float
    reused: bool


@dataclass(frozen=True)
class Summary:
    """One sampling's line of the table.

    Attributes:
        sampling: its name.
        k: samples an image.
        images: images measured under every seed.
        mean, std: nats, over all images and seeds; the standard deviation is that of these numbers (not an
            estimate for a population, so divided by their count).
        means, stds: the same for each seed.
        rank_correlation: Spearman's, between seeds (mean over pairs); NaN with a single seed.
        icc: ICC(2,1) between seeds; NaN with a single seed.
        seconds: per image, of one core (CPU time) or of the accelerator; NaN if unknown.
    """

    sampling: str
    k: int
    images: int
    mean: float
    std: float
    means: tuple[float, ...]
    stds: tuple[float, ...]
    rank_correlation: float
    icc: float
    seconds: float

    def facts(self) -> dict[str, Any]:
        """The line as JSON; None stands for "not measured". Timings are no result and stay out."""
        facts: dict[str, Any] = {"sampling": self.sampling, "k": self.k, "images": self.images}
        for name in ("mean", "std", "rank_correlation", "icc"):
            facts[name] = json_number(getattr(self, name))
        for name in ("means", "stds"):
            facts[name] = [json_number(value) for value in getattr(self, name)]
        return facts


@dataclass(frozen=True)
class StudyResult:
    """Everything measured so far.

    Attributes:
        spec: what the results depend on, JSON-serialisable.
        seeds: S seeds of the estimates.
        values: sampling → (S,N) float32 nats, NaN where not measured yet.
        k: sampling → samples an image.
        seconds: sampling → seconds per image, as in ``StudyStep`` (NaN while unknown).
        folder: where the parts lie.
        loaded: this run has computed nothing; all was measured before.
    """

    spec: dict[str, Any]
    seeds: tuple[int, ...]
    values: dict[str, Floats]
    k: dict[str, int]
    seconds: dict[str, float]
    folder: Path | None = None
    loaded: bool = False

    @property
    def complete(self) -> bool:
        """Every image was measured by every sampling under every seed."""
        return not any(np.isnan(values).any() for values in self.values.values())

    def table(self) -> list[Summary]:
        """One line a sampling, in the study's order."""
        return [self._line(sampling) for sampling in self.values]

    def _line(self, sampling: str) -> Summary:
        values = self.values[sampling].astype(np.float64)
        whole = values[:, np.isfinite(values).all(axis=0)]
        comparable = min(whole.shape) >= 2
        by_seed = [row[np.isfinite(row)] for row in values]
        mean, std = _moments(values[np.isfinite(values)])
        means, stds = zip(*map(_moments, by_seed), strict=True)
        return Summary(
            sampling=sampling,
            k=self.k[sampling],
            images=whole.shape[1],
            mean=mean,
            std=std,
            means=means,
            stds=stds,
            rank_correlation=rank_correlation(whole) if comparable else math.nan,
            icc=intraclass(whole) if comparable else math.nan,
            seconds=self.seconds[sampling],
        )


def _moments(values: NDArray[np.float64]) -> tuple[float, float]:
    return (float(values.mean()), float(values.std())) if len(values) else (math.nan, math.nan)
