"""Series of a retraining study's figures: its rows, their looks, their curves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advmi_core.figures.style import (
    DASH,
    DASHDOT,
    DOT,
    DOTDASH,
    LONG,
    LONGDOT,
    SHORT,
    SOLID,
    Style,
)
from advmi_core.studies.autoencoders import PROTOCOLS, ROWS, Retrained, RowSummary

Floats = NDArray[np.float64]
Cells = Mapping[tuple[str, str, str], Retrained]
_TICKS = [digit * 10.0**power for power in range(-4, 6) for digit in (1, 1.5, 2, 3, 5, 7)]
_FEWEST = 3  # ticks of an axis
SCALE = 1e3  # losses are written in thousandths
UNIT = "squared error per pixel, 10⁻³"
LOOKS: dict[str, Style] = {
    "original": Style("Original", "#7d838c", SOLID, "circle"),
    "mine-uae-conv": Style("MINE-UAE (paper)", "#d55e00", DASH, "square", "/"),
    "mine-uae-patches": Style("MINE-UAE (patches)", "#b3689a", DASHDOT, "triangle-up", "\\"),
    "solver-uae": Style("UAE by the solver", "#b58100", SHORT, "triangle-down", "-"),
    "solver-uae-x": Style("UAE by the solver, target x", "#6a73d9", LONGDOT, "star", "|"),
    "l2-uae": Style("L2-UAE", "#009e73", DOT, "diamond", "."),
    "gaussian": Style("Gaussian noise", "#2f8fcb", LONG, "x", "x"),
    "gaussian-loss": Style("Noise nearest in loss, target x", "#d1477a", DOTDASH, "cross", "+"),
}
PROTOCOL_TITLES = {"equal-epochs": "Equal epochs", "equal-steps": "Equal gradient steps"}
MODEL_TITLES = {
    "ae-dense": "dense",
    "ae-sparse": "sparse",
    "ae-conv": "convolutional",
    "ae-adversarial": "adversarial",
    "ae-concrete": "concrete",
}


def title(row: str) -> str:
    """The row's name for people."""
    return LOOKS[row].title


def of_model(model: str) -> str:
    """The autoencoder's name for people."""
    return MODEL_TITLES.get(model, model)


@dataclass(frozen=True)
class Curve:
    """A row's validation loss over its training, NaN where it has not come to yet.

    Attributes:
        row: name in ``ROWS``.
        epoch: (E,) 1…E.
        mean, low, high: (E,) over the seeds that came so far, in thousandths.
    """

    row: str
    epoch: Floats
    mean: Floats
    low: Floats
    high: Floats


def curves(cells: Cells, model: str, protocol: str) -> list[Curve]:
    """The curves of one autoencoder under one protocol, rows in their order.

    Args:
        cells: of a study, complete or not.
        model, protocol: names.
    """
    found = []
    for row in ROWS:
        trained = cells.get((model, row, protocol))
        if trained is None or not np.isfinite(trained.curves).any():
            continue
        seen = SCALE * trained.curves[np.isfinite(trained.curves).any(1)].astype(np.float64)
        known = np.isfinite(seen).any(0)
        mean, low, high = (np.full(seen.shape[1], math.nan) for _ in range(3))
        for values, over in ((mean, np.nanmean), (low, np.nanmin), (high, np.nanmax)):
            values[known] = over(seen[:, known], axis=0)
        found.append(Curve(row, np.arange(1.0, seen.shape[1] + 1), mean, low, high))
    return found


def log_axis(drawn: Sequence[Curve]) -> tuple[tuple[float, float], list[float]]:
    """Both ends of a logarithmic axis for these curves and its ticks, at least three, whatever the ends are.

    Curves without a value get the axis from 1 to 10.
    """
    values = [curve.low[curve.low > 0] for curve in drawn] + [curve.high[curve.high > 0] for curve in drawn]
    known = np.concatenate(values) if values else np.array([])
    if not len(known):
        return (1.0, 10.0), [1.0, 2.0, 5.0, 10.0]
    low, high = 0.95 * float(known.min()), 1.05 * float(known.max())
    ticks = [tick for tick in _TICKS if low <= tick <= high]
    if len(ticks) < _FEWEST:
        from matplotlib.ticker import MaxNLocator  # a terminal's table must not wait for matplotlib

        ticks = [tick for tick in MaxNLocator(5).tick_values(low, high) if low <= tick <= high]
    return (low, high), ticks


def select(
    lines: Sequence[RowSummary], protocol: str, models: Sequence[str] | None = None
) -> list[RowSummary]:
    """The measured lines of one protocol (and of some autoencoders)."""
    return [
        line
        for line in lines
        if line.protocol == protocol and math.isfinite(line.mean) and (models is None or line.model in models)
    ]


def models_of(lines: Sequence[RowSummary]) -> list[str]:
    """The autoencoders of a table, in its order."""
    return list(dict.fromkeys(line.model for line in lines))


def protocols_of(lines: Sequence[RowSummary]) -> list[str]:
    """The protocols of a table, in the order of ``PROTOCOLS``."""
    return [name for name in PROTOCOLS if any(line.protocol == name for line in lines)]


def interval(line: RowSummary) -> tuple[float, float]:
    """How far the 95 % interval of the difference to the original reaches below and above the row's mean.

    (0, 0) for the original itself and where there is no interval.
    """
    pairs = line.against_original
    if pairs is None or not math.isfinite(pairs.low):
        return 0.0, 0.0
    return pairs.mean - pairs.low, pairs.high - pairs.mean
