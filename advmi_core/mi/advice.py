"""What an estimate's own training says about its value, in words."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

FEW_SAMPLES = 30
_RISE = (0.02, 0.1)  # nats, share of the value: more than both in the second half is "still rising"
_GAP = (0.25, 0.25)  # nats, share of the held-out value: more than both is "far above"

_NEGATIVE = 0.05  # nats
_CLOSED_FORM_BIAS = 0.05  # nats

Curve = NDArray[np.float32]


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
    if value < -_NEGATIVE:
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
    if not half:
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


def closed_form(overshoot: float) -> list[str]:
    """A sentence when the closed form's bias dx·dy/(2N) nats is worth knowing."""
    if overshoot <= _CLOSED_FORM_BIAS:
        return []
    return [f"With so many coordinates the closed form overshoots by about {overshoot:.2g} nats."]
