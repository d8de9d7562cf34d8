"""Equal samples: copies of measurements, which tell nothing new, or values that a discrete variable takes.

A continuous variable never takes a value twice, so equal pairs are copies: of a table that was joined twice,
of samples that were drawn with replacement. Held out they betray the truth, since one of them is trained on.
Values on a scale with steps (symbols, counts, grey levels) and single values that are taken again and again
(zeros after a ReLU) come twice by chance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

_STEPS = 2**16  # of the finest scale that counts as one: sixteen bits
_OFF_STEP = 0.02  # of a step: rounding of float32
_MANTISSA = 2**11  # float16's; values of that precision meet by chance
_ATOM = 10  # times as often as the column's middle value: taken again and again
_FEW = 10  # samples a distinct value at least, where values are called few
_REPEATED = 0.01  # share of the samples


@dataclass(frozen=True)
class Side:
    """The samples of one variable.

    Attributes:
        group: (N,) int64, equal for equal rows.
        chance: (N,) bool, a row that may well occur twice by chance.
        discrete: few distinct rows, all on scales with steps.
    """

    group: NDArray[np.int64]
    chance: Mask
    discrete: bool

    @property
    def distinct(self) -> int:
        """Number of different rows."""
        return int(self.group.max()) + 1

    @property
    def entropy(self) -> float:
        """Of the observed frequencies, in nats."""
        return _entropy(self.group)

    @property
    def repeats(self) -> bool:
        """More than a hundredth of the rows has occurred before, though not by chance."""
        rare = self.group[~self.chance]
        return len(rare) - len(np.unique(rare)) > _REPEATED * len(self.group)

    def take(self, rows: Mask) -> Side:
        """The same without the other rows."""
        return Side(_numbered(self.group[rows]), self.chance[rows], self.discrete)


def look_at(samples: Array) -> Side:
    """What (N,d) samples of one variable are like."""
    n = len(samples)
    chance, expected, stepped = np.ones(n, dtype=np.bool_), np.full(n, math.log(n)), True
    for column in samples.T:
        values, place, counts = np.unique(column, return_inverse=True, return_counts=True)
        on_scale = _has_steps(values)
        stepped &= on_scale
        chance &= on_scale | (counts[place] > _ATOM * np.median(counts))
        expected += np.log(counts[place] / n)
    group = _numbered(rows_as_one(samples))
    # Were the columns independent, ``expected`` is the log of how often such a row occurs.
    chance &= expected >= 0
    discrete = stepped and int(group.max()) + 1 <= max(2, n / _FEW)
    return Side(group, chance, discrete)


def rows_as_one(samples: Array) -> NDArray[np.void]:
    """(N,) one value per row of (N,d), equal where the rows are."""
    rows = np.ascontiguousarray(samples + 0.0)  # −0 becomes 0
    return rows.view(np.dtype((np.void, rows.shape[1] * rows.itemsize))).ravel()


def originals(x: Side, y: Side) -> Mask:
    """(N,) the pairs without copies of earlier ones; what meets by chance on both sides is no copy."""
    _, first = np.unique(_pairs(x, y), return_index=True)
    kept: Mask = x.chance & y.chance
    kept[first] = True
    return kept


def counted(x: Side, y: Side) -> float | None:
    """Mutual information by counting, in nats with Miller and Madow's correction; None of too few pairs."""
    n, pairs = len(x.group), _pairs(x, y)
    kinds = len(np.unique(pairs))
    if not (x.discrete and y.discrete and n >= _FEW * kinds):
        return None
    plugged_in = x.entropy + y.entropy - _entropy(pairs)
    return plugged_in - (kinds - x.distinct - y.distinct + 1) / (2 * n)


def _pairs(x: Side, y: Side) -> NDArray[np.int64]:
    return x.group * y.distinct + y.group


def _numbered(values: NDArray[np.generic]) -> NDArray[np.int64]:
    numbers: NDArray[np.int64] = np.unique(values, return_inverse=True)[1].astype(np.int64)
    return numbers


def _entropy(group: NDArray[np.int64]) -> float:
    share = np.unique(group, return_counts=True)[1] / len(group)
    return float(-(share * np.log(share)).sum())


def _has_steps(values: Array) -> bool:
    """Sorted distinct values are whole numbers, of low precision, or multiples of one step."""
    mantissa = np.frexp(values)[0] * _MANTISSA
    if (values == values.round()).all() or (mantissa == mantissa.round()).all():
        return True
    steps = np.diff(values)
    if not len(steps):
        return True
    steps = steps / steps.min()
    return bool(steps.sum() <= _STEPS and (abs(steps - steps.round()) < _OFF_STEP).all())
