"""Sanity checks of attacks: none is weaker than what it contains, and PGD levels off."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from advmi_core.studies.robustness.suite import AUTOATTACK

_PGD = "PGD-40"
_LONGER = ("PGD-100", "PGD-40 ×5")
_LONGER_THAN = {"PGD-10": "PGD-1", _PGD: "PGD-10", **dict.fromkeys(_LONGER, _PGD)}
"""Each goes on from where the other ends, and keeps what that has broken."""
_SLACK = 1  # images
_LEVEL = 0.01  # of the images


def doubts(right: Mapping[str, NDArray[np.bool_]]) -> list[str]:
    """What speaks against one model's numbers, a sentence each; none where all is well or not measured.

    Args:
        right: attack → (m,) bool over the first m images, as in ``RobustnessResult``.
    """
    return list(_doubts(right)) if len(right.get(_PGD, ())) else []


def _doubts(right: Mapping[str, NDArray[np.bool_]]) -> Iterator[str]:
    for stronger, weaker in {AUTOATTACK: _PGD, **_LONGER_THAN}.items():
        more, both = _more(right, stronger, weaker)
        if more > _SLACK:
            yield (
                f"{stronger} leaves {more} of {both} images more right than {weaker}, "
                "but should be the stronger"
            )
    for label in _LONGER:
        more, both = _more(right, label, _PGD)
        if -more > _LEVEL * both:
            yield f"{label} breaks {-more} of {both} images more than {_PGD}, which has not levelled off"


def _more(right: Mapping[str, NDArray[np.bool_]], label: str, other: str) -> tuple[int, int]:
    """How many images more are right under the first, and of how many that both have."""
    seen, against = (right.get(name, np.zeros(0, np.bool_)) for name in (label, other))
    both = min(len(seen), len(against))
    return int(seen[:both].sum()) - int(against[:both].sum()), both
