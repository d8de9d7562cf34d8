"""A table in numbers, and two methods on the same images."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from advmi_core.evaluation.intervals import Interval, Paired, paired, wilson
from advmi_core.evaluation.table import ImageTable
from advmi_core.files import json_number

QUANTILES = (5, 25, 50, 75, 95)  # percent
_MOMENTS = ("kept", "information", "mi", "mi_loop")
_PAIRED = ("kept", "mi", "l2", "ssim")
_MEANS = ("l0", "l1", "l2", "linf", "psnr", "ssim", "queries")


@dataclass(frozen=True)
class Moments:
    """Of n measured values: mean, standard deviation of these values (divided by n), quantiles by percent."""

    n: int
    mean: float
    std: float
    quantiles: dict[int, float]


@dataclass(frozen=True)
class Summary:
    """One attack at one ε. Only initially correct images count; MI, distances and queries describe success.

    Attributes:
        images: rows of the table.
        counted: initially correct images, the trials of ``asr``.
        succeeded: counted images with an adversarial example.
        asr: attack success rate in [0,1]; NaN if no image counts.
        asr_interval: its Wilson interval at 95 %.
        kept: share of the information in x that x̃ keeps, 1 is all; over the images that succeeded.
        information: the same in nats.
        mi: nats by InfoNCE, measured afterwards alike for every attack; over the same images.
        mi_loop: nats, as the attack itself reports it; over the same images.
        l0, l1, l2, linf, psnr, ssim, queries: means over the same images; NaN if there are none.
    """

    images: int
    counted: int
    succeeded: int
    asr: float
    asr_interval: Interval
    kept: Moments
    information: Moments
    mi: Moments
    mi_loop: Moments
    l0: float
    l1: float
    l2: float
    linf: float
    psnr: float
    ssim: float
    queries: float

    def facts(self) -> dict[str, Any]:
        """JSON-serialisable; None stands for "not measured"."""
        means = {name: json_number(getattr(self, name)) for name in _MEANS}
        return {
            "images": self.images,
            "counted": self.counted,
            "succeeded": self.succeeded,
            "asr": json_number(self.asr),
            "asr_interval": [json_number(self.asr_interval.low), json_number(self.asr_interval.high)],
            **{name: _moment_facts(getattr(self, name)) for name in _MOMENTS},
            **means,
        }


@dataclass(frozen=True)
class Comparison:
    """Two methods on the images on which both succeed: paired differences, first minus second."""

    images: int
    kept: Paired
    mi: Paired
    l2: Paired
    ssim: Paired


def moments(values: ArrayLike) -> Moments:
    """Statistics of those values (N,) that are finite; NaN if there are none."""
    given = np.asarray(values, dtype=np.float64)
    measured = given[np.isfinite(given)]
    if not len(measured):
        return Moments(0, math.nan, math.nan, dict.fromkeys(QUANTILES, math.nan))
    levels = np.percentile(measured, QUANTILES)
    quantiles = {percent: float(level) for percent, level in zip(QUANTILES, levels, strict=True)}
    return Moments(len(measured), float(measured.mean()), float(measured.std()), quantiles)


def summarise(table: ImageTable) -> Summary:
    """A table's numbers.

    Raises:
        ValueError: an image occurs twice; the same image under several seeds is not several images.
    """
    _check_distinct(table)
    counted, reached = int(table.correct.sum()), table.take(table.success)
    means = {name: moments(getattr(reached, name)).mean for name in _MEANS}
    return Summary(
        images=len(table),
        counted=counted,
        succeeded=len(reached),
        asr=len(reached) / counted if counted else math.nan,
        asr_interval=wilson(len(reached), counted),
        kept=moments(reached.kept),
        information=moments(reached.information),
        mi=moments(reached.mi),
        mi_loop=moments(reached.mi_loop),
        **means,
    )


def compare(a: ImageTable, b: ImageTable) -> Comparison:
    """Two tables image by image, matched by ``index``, whatever their order; other images are left out.

    Raises:
        ValueError: an index occurs twice in one of the tables.
    """
    for table in (a, b):
        _check_distinct(table)
    first, second = a.take(a.success), b.take(b.success)
    common, rows, others = np.intersect1d(first.index, second.index, assume_unique=True, return_indices=True)
    first, second = first.take(rows), second.take(others)
    pairs = {name: paired(getattr(first, name), getattr(second, name)) for name in _PAIRED}
    return Comparison(len(common), **pairs)


def _check_distinct(table: ImageTable) -> None:
    index, times = np.unique(table.index, return_counts=True)
    if (times > 1).any():
        doubled = index[times > 1].tolist()
        shown = ", ".join(map(str, doubled[:5])) + (", …" if len(doubled) > 5 else "")
        raise ValueError(
            f"an image must occur once in a table, got index {shown} more than once; "
            "the same image under several seeds is not several images"
        )


def _moment_facts(values: Moments) -> dict[str, Any]:
    quantiles = {str(percent): json_number(value) for percent, value in values.quantiles.items()}
    return {
        "n": values.n,
        "mean": json_number(values.mean),
        "std": json_number(values.std),
        "quantiles": quantiles,
    }
