"""Whether the attacks on a model can be trusted: AutoAttack finds what PGD finds, and PGD levels off."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from advmi_core.robustness.suite import AUTOATTACK

_PGD = "PGD-40"
_LONGER = ("PGD-100", "PGD-40 ×5")
_SLACK = 1  # images
_LEVEL = 0.01  # of the images


def doubts(right: Mapping[str, NDArray[np.bool_]]) -> list[str]:
    """What speaks against one model's numbers, a sentence each; none where all is well or not measured.

    Args:
        right: attack → (m,) bool over the first m images, as in ``RobustnessResult``.
    """
    return list(_doubts(right)) if len(right.get(_PGD, ())) else []


def _doubts(right: Mapping[str, NDArray[np.bool_]]) -> Iterator[str]:
    pgd = right[_PGD]
    for label in (AUTOATTACK, *_LONGER):
        other = right.get(label, np.zeros(0, np.bool_))
        both = min(len(pgd), len(other))
        more = int(other[:both].sum()) - int(pgd[:both].sum())
        if label == AUTOATTACK and more > _SLACK:
            yield f"AA leaves {more} of {both} images more right than {_PGD}, but should be the stronger"
        if label != AUTOATTACK and -more > _LEVEL * both:
            yield f"{label} breaks {-more} of {both} images more than {_PGD}, which has not levelled off"
