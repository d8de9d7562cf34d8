"""Diagnostics: what an estimate's own training says about its value, in words."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from advmi_core.mi.ties import Side, counted

FEW_SAMPLES = 30
_RISE = (0.02, 0.1)  # nats, share of the value: more than both in the second half is "still rising"
_GAP = (0.25, 0.25)  # nats, share of the held-out value: more than both is "far above"

_NEGATIVE, _FAR_BELOW = 0.05, 0.5  # nats
_CLOSED_FORM_BIAS = 0.05  # nats
_RIDGE_SHARE = 0.1  # nats; every coordinate that another one determines loses 1.15
_ROOM = 0.05  # nats that a value may exceed an entropy by chance
_FAR = 20  # standard deviations; of 10,000 Gaussian samples none is beyond 5, of exponential ones beyond 15

Curve = NDArray[np.float32]
Array = NDArray[np.float64]


def warn(
    held_out: Curve,
    train: Curve,
    *,
    value: float,
    samples: int,
    candidates: int,
    done: int,
    steps: int,
) -> tuple[str, ...]:
    """Sentences for the reader of an estimate; empty when there is nothing to warn of.

    Args:
        held_out, train: (S,) nats, the curves recorded during training.
        value: nats, the estimate.
        samples: N.
        candidates: K, the samples among which a joint pair is told apart on the training curve.
        done, steps: Adam steps taken and asked for.
    """
    said = few_samples(samples)
    if done < steps:
        said.append(f"Stopped after step {done} of {steps}: longer training may raise the estimate.")
    else:
        said += _still_rising(held_out, steps)
    if len(train):
        said += _overfitting(float(train[-1]), float(held_out[-1]), candidates)
    if value < -_FAR_BELOW:
        said.append(
            f"The value is unreliable: {value:.3g} nats lie far below 0, where no mutual information is; the "
            "critics are sure of what does not hold for unseen samples."
        )
    elif value < -_NEGATIVE:
        said.append("The held-out value is negative: no dependence was learnt that unseen samples share.")
    return tuple(said)


def few_samples(samples: int) -> list[str]:
    """A sentence when the samples are too few to tell much."""
    if samples >= FEW_SAMPLES:
        return []
    return [f"Fewer than {FEW_SAMPLES} samples ({samples}): the estimate says little."]


def _still_rising(curve: Curve, steps: int) -> list[str]:
    """A sentence when the second half of the training, in which the rate falls, still added much."""
    half = len(curve) // 2
    if not (half and np.isfinite(curve).all()):
        return []
    highest, before = float(curve[half:].max()), float(curve[:half].max())
    added = highest - before
    if added <= max(_RISE[0], _RISE[1] * abs(highest)):
        return []
    return [
        f"Still rising at the last step: the second half of {steps} steps added {added:.2g} nats, "
        "more steps may add more."
    ]


def _overfitting(train: float, held_out: float, candidates: int) -> list[str]:
    limit = math.log(candidates)
    if train > limit:
        return [
            f"The estimate exceeds log K = {limit:.2f} nats (K = {candidates}) on the training pairs, "
            f"{train:.3g}: the bound is overfitting; the held-out value does not count those pairs."
        ]
    if train - held_out > max(_GAP[0], _GAP[1] * abs(held_out)):
        return [
            f"At the last step the training pairs give {train:.3g} nats, held-out ones {held_out:.3g}: "
            "the bound is overfitting; the value comes from the step that validated best."
        ]
    return []


def copies(left_out: int, samples: int) -> list[str]:
    """A sentence when samples are equal that cannot be equal by chance."""
    if not left_out:
        return []
    return [
        f"{left_out:,} of the {samples:,} samples are duplicates of others; every distinct pair is used once."
    ]


def repeats(x: Side, y: Side) -> list[str]:
    """A sentence when samples of a continuous side come again with other partners."""
    return [
        f"Only {side.distinct:,} of the {len(side.group):,} samples of {name} are distinct, duplicates with "
        "different partners: the value is unreliable for samples that are not among them."
        for name, side in (("x", x), ("y", y))
        if side.repeats and not side.discrete
    ]


def heavy_tails(x: Array, y: Array) -> list[str]:
    """A sentence when standardised samples (N,d) lie so far out that they drown the others."""
    return [
        f"The value is unreliable: samples of {name} lie up to {farthest:.0f} standard deviations from the "
        "mean and drown the others; gaussianise=True brings them in without changing the mutual information."
        for name, side in (("x", x), ("y", y))
        if (farthest := float(abs(side).max())) > _FAR
    ]


def discrete(value: float, x: Side, y: Side) -> list[str]:
    """Sentences when a side takes few values: what its entropy and, of two such sides, counting says."""
    few = {name: side for name, side in (("x", x), ("y", y)) if side.discrete}
    if not few:
        return []
    limit = min(side.entropy for side in few.values())
    kinds = " and ".join(f"{name} takes {side.distinct:,}" for name, side in few.items())
    said = f"Discrete samples: {kinds} distinct values, so the mutual information is at most {limit:.3g} nats"
    by_counting = counted(x, y)
    said += "." if by_counting is None else f"; counting the pairs gives {by_counting:.3g}."
    if value <= limit + _ROOM:
        return [said]
    return [said, f"The value is unreliable: {value:.3g} nats are more than that."]


def closed_form(overshoot: float, of_ridge: float, discrete: bool) -> list[str]:
    """Sentences on the closed form.

    Args:
        overshoot: its bias dx·dy/(2N) in nats.
        of_ridge: nats that ten times the ridge takes away.
        discrete: a side takes few values.
    """
    said = []
    if overshoot > _CLOSED_FORM_BIAS:
        said.append(f"With so many coordinates the closed form overshoots by about {overshoot:.2g} nats.")
    if discrete:
        said.append("The closed form takes both sides for Gaussian: of discrete samples it is unreliable.")
    elif of_ridge > _RIDGE_SHARE:
        said.append(
            "The value is unreliable: some coordinates of x and y determine each other, or the samples are "
            "too few for so many coordinates; only a ridge on the covariance keeps it finite."
        )
    return said
