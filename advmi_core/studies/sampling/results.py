"""Records, result and statistics of a sampling study."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advmi_core.files import json_number
from advmi_core.parts import Floats
from advmi_core.studies.sampling.agreement import intraclass, rank_correlation


@dataclass(frozen=True)
class StudyStep:
    """One finished part.

    Attributes:
        step: parts done so far, 1…``total``.
        total: parts of the whole study.
        stage: ``"perturb"`` or the sampling whose MI was estimated.
        seed: of the estimate, or of the perturbation.
        rows: (b,) int64 positions of the part's images.
        values: (b,) float32 nats; empty for ``"perturb"``.
        k: samples an image; 0 for ``"perturb"``.
        seconds: computing the part took, of one core (CPU time) or of the accelerator; NaN if unknown.
        reused: the part was found on disk.
    """

    step: int
    total: int
    stage: str
    seed: int
    rows: NDArray[np.int64]
    values: Floats
    k: int
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
        k: sampling → samples an image (0 while unknown).
        seconds: sampling → seconds per image, as in ``StudyStep`` (NaN while unknown).
        folder: where the parts lie.
    """

    spec: dict[str, Any]
    seeds: tuple[int, ...]
    values: dict[str, Floats]
    k: dict[str, int]
    seconds: dict[str, float]
    folder: Path | None = None

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


def collect(
    spec: dict[str, Any],
    samplings: Sequence[str],
    seeds: Sequence[int],
    n: int,
    steps: Iterable[StudyStep],
    folder: Path | None = None,
) -> StudyResult:
    """Put the parts seen so far in their places; ``n`` images in all."""
    values = {name: np.full((len(seeds), n), np.nan, np.float32) for name in samplings}
    k = dict.fromkeys(samplings, 0)
    spent = dict.fromkeys(samplings, (0.0, 0))
    for step in steps:
        if step.stage not in values:
            continue
        values[step.stage][seeds.index(step.seed), step.rows] = step.values
        k[step.stage] = step.k
        if math.isfinite(step.seconds):
            seconds, images = spent[step.stage]
            spent[step.stage] = seconds + step.seconds, images + len(step.rows)
    per_image = {name: s / images if images else math.nan for name, (s, images) in spent.items()}
    return StudyResult(spec, tuple(seeds), values, k, per_image, folder)


def _moments(values: NDArray[np.float64]) -> tuple[float, float]:
    return (float(values.mean()), float(values.std())) if len(values) else (math.nan, math.nan)
