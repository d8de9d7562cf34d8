"""Robust accuracy: how often a model is right on x̃, attack by attack, over the same images."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from advmi_core.attacks import Attack
from advmi_core.evaluation.intervals import Interval, wilson
from advmi_core.objectives import Classification
from advmi_core.run import Run
from advmi_core.validate import check_count, check_images, check_same_length

CLEAN = "none"  # the row without an attack
Right = NDArray[np.bool_]


@dataclass(frozen=True)
class Accuracy:
    """Of ``images`` images, ``right`` were classified correctly; with Wilson's interval at 95 %."""

    right: int
    images: int
    interval: Interval

    @classmethod
    def of(cls, right: Right) -> Accuracy:
        """From (n,) bool."""
        count = int(right.sum())
        return cls(count, len(right), wilson(count, len(right)))

    @property
    def value(self) -> float:
        """In [0,1]; NaN without images."""
        return self.right / self.images if self.images else float("nan")


@dataclass(frozen=True)
class RobustStep:
    """One batch under one attack is done.

    Attributes:
        step: batches done so far, 1…``total``, all attacks together.
        total: batches of the whole run.
        attack: label, or ``CLEAN``.
        accuracy: over the images done so far under this attack.
    """

    step: int
    total: int
    attack: str
    accuracy: Accuracy


@dataclass(frozen=True, eq=False)
class RobustResult:
    """What was measured so far.

    Attributes:
        right: label → (m,) bool, the model was right on x̃ of the first m images; m is smaller than the number
            of images where the run was closed early. An image that was wrong on x is wrong under every attack
            and is not attacked. The rows of two models over the same images are paired.
    """

    right: dict[str, Right]

    @property
    def accuracies(self) -> dict[str, Accuracy]:
        """One an attack, ``CLEAN`` first."""
        return {label: Accuracy.of(right) for label, right in self.right.items()}


def robust_accuracy(
    model: nn.Module, x: Tensor, y: Tensor, attacks: Mapping[str, Attack], *, batch: int = 64
) -> Run[RobustStep, RobustResult]:
    """White box: x̃ is made on the model that judges it.

    Args:
        model: logits (B,classes).
        x: (n,C,H,W) float32 images in [0,1].
        y: (n,) int64 labels.
        attacks: label → attack. An image's row id is its position, so no result depends on ``batch``.
        batch: images between two records; a run can be closed only there.

    Raises:
        ValueError: images, labels or the labels of attacks are not as stated.
    """
    return judged(model, model, x, y, attacks, batch=batch)


def judged(
    surrogate: nn.Module,
    target: nn.Module,
    x: Tensor,
    y: Tensor,
    attacks: Mapping[str, Attack],
    *,
    batch: int,
    rows: Sequence[int] | None = None,
) -> Run[RobustStep, RobustResult]:
    """Accuracy of ``target`` on x̃ made on ``surrogate``; arguments as in ``robust_accuracy``.

    Args:
        rows: n distinct row ids, where the images are some of a larger set; default their positions.
    """
    check_same_length(check_images(x), y, "x and y")
    check_count(batch, "batch")
    if CLEAN in attacks or not attacks:
        raise ValueError(f"attacks must be at least one, none of them called {CLEAN!r}, got {list(attacks)}")
    ids = np.arange(len(x)) if rows is None else np.asarray(rows, np.int64)
    found: dict[str, list[Right]] = {label: [] for label in (CLEAN, *attacks)}
    total = -(-len(x) // batch) * len(found)

    def steps() -> Generator[RobustStep, None, None]:
        step = 0
        for label, kept in found.items():
            for start in range(0, len(x), batch):
                part = slice(start, start + batch)
                if label == CLEAN:
                    kept.append(_right(target, x[part], y[part]))
                else:
                    clean, attack = found[CLEAN][start // batch], attacks[label]
                    kept.append(_attacked(surrogate, target, x[part], y[part], ids[part], clean, attack))
                step += 1
                yield RobustStep(step, total, label, Accuracy.of(np.concatenate(kept)))

    def result() -> RobustResult:
        empty = np.zeros(0, np.bool_)
        return RobustResult({label: np.concatenate([empty, *kept]) for label, kept in found.items()})

    return Run(steps(), result, total)


def _attacked(
    surrogate: nn.Module, target: nn.Module, x: Tensor, y: Tensor, rows: NDArray[np.int64], clean: Right,
    attack: Attack,
) -> Right:  # fmt: skip
    """(b,) bool: the target was right on x and is right on x̃; only those images are attacked."""
    right = clean.copy()
    if clean.any():
        x, y = x[clean], y[clean]
        x_adv = attack(Classification(surrogate, y), x, rows=rows[clean].tolist()).x_adv
        right[clean] = _right(target, x_adv, y)
    return right


def _right(model: nn.Module, x: Tensor, y: Tensor) -> Right:
    correct: Right = Classification(model, y).on(x).correct.cpu().numpy()
    return correct
