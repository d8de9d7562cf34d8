"""One row an image: what an attack reached on it and how far x̃ is from x."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from advmi_core.attacks import AttackResult
from advmi_core.evaluation.distances import Distances, distances

Floats = NDArray[np.float32]
_DTYPES = {"index": np.int64, "correct": np.bool_, "success": np.bool_, "queries": np.int64}


@dataclass(frozen=True, eq=False)
class ImageTable:
    """N images under one attack with one seed. An image that the model gets wrong counts for nothing.

    Attributes:
        index: (N,) int64 positions in the split.
        correct: (N,) bool, the model was right on x.
        success: (N,) bool, x̃ is adversarial and x was correct.
        criterion: (N,) float32 f(x̃).
        information, kept: (N,) float32 nats of x̃ by ``Information``, and the share of what x has of itself.
        mi: (N,) float32 nats, I(x,x̃) by ``estimate_mi`` afterwards, alike for every attack.
        mi_loop: (N,) float32 nats, as the attack itself reports it; NaN where it uses no MI.
        l0, l1, l2, linf: (N,) float32 norms of x̃ − x over all values of all channels.
        psnr: (N,) float32 dB; ∞ where x̃ = x.
        ssim: (N,) float32 in [−1,1]; NaN on images too small for a window.
        queries: (N,) int64 forward passes of the model.

    Rows of initially wrong images: success False, floats NaN, queries 0.

    Raises:
        ValueError: the columns are not 1-D of one length, or an index is negative.
    """

    index: NDArray[np.int64]
    correct: NDArray[np.bool_]
    success: NDArray[np.bool_]
    criterion: Floats
    information: Floats
    kept: Floats
    mi: Floats
    mi_loop: Floats
    l0: Floats
    l1: Floats
    l2: Floats
    linf: Floats
    psnr: Floats
    ssim: Floats
    queries: NDArray[np.int64]

    def __post_init__(self) -> None:
        for name, values in self.arrays().items():
            object.__setattr__(self, name, np.asarray(values, dtype=_DTYPES.get(name, np.float32)))
        shapes = {name: values.shape for name, values in self.arrays().items()}
        wanted = (self.index.size,)
        if any(shape != wanted for shape in shapes.values()):
            raise ValueError(f"the columns of a table must all be (N,), got {shapes}")
        if len(self) and self.index.min() < 0:
            raise ValueError(f"index must be ≥ 0, got {self.index.min()}")
        if bool((self.success & ~self.correct).any()):
            raise ValueError("success must be False where the model was not correct on x")

    def __len__(self) -> int:
        return len(self.index)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """The columns by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]]) -> ImageTable:
        """The table with these columns, others are ignored.

        Raises:
            ValueError: a column is missing, or the columns do not fit.
        """
        names = [field.name for field in fields(cls)]
        missing = [name for name in names if name not in arrays]
        if missing:
            raise ValueError(f"a table needs the columns {', '.join(names)}; missing: {', '.join(missing)}")
        return cls(**{name: arrays[name] for name in names})  # type: ignore[arg-type]

    @classmethod
    def left_out(cls, index: ArrayLike) -> ImageTable:
        """Rows of images that were not attacked because the model is wrong on them."""
        positions = np.asarray(index, dtype=np.int64)
        columns = {f.name: np.full(len(positions), np.nan, np.float32) for f in fields(cls)}
        for name, dtype in _DTYPES.items():
            columns[name] = np.zeros(len(positions), dtype)
        return cls.from_arrays(columns | {"index": positions})

    @staticmethod
    def join(tables: Sequence[ImageTable]) -> ImageTable:
        """The rows of several tables, in their order; no tables give an empty one."""
        if not tables:
            return ImageTable.left_out([])
        parts = [table.arrays() for table in tables]
        return ImageTable.from_arrays({name: np.concatenate([p[name] for p in parts]) for name in parts[0]})

    def take(self, rows: NDArray[np.generic]) -> ImageTable:
        """The rows at these positions of the table, or where a mask (N,) is True."""
        return ImageTable.from_arrays({name: values[rows] for name, values in self.arrays().items()})


def tabulate(result: AttackResult, index: ArrayLike) -> ImageTable:
    """An attack's result as a table; initially wrong images are blanked, whatever the attack did to them.

    Args:
        result: of B images.
        index: (B,) their positions in the split.

    Raises:
        ValueError: the number of positions is not the number of images.
    """
    positions = np.asarray(index, dtype=np.int64)
    if positions.shape != (len(result.x),):
        raise ValueError(f"index must name {len(result.x)} images, got shape {positions.shape}")
    away = distances(result.x, result.x_adv)
    correct = _array(result.correct).astype(np.bool_)
    columns = {field.name: getattr(away, field.name) for field in fields(Distances)}
    measured = ("criterion", "information", "kept", "mi", "mi_loop")
    columns |= {name: _array(getattr(result, name)) for name in measured}
    columns = {name: np.where(correct, values, np.nan) for name, values in columns.items()}
    columns |= {
        "index": positions,
        "correct": correct,
        "success": np.where(correct, _array(result.success), False),
        "queries": np.where(correct, _array(result.queries), 0),
    }
    return ImageTable.from_arrays(columns)


def _array(values: Tensor) -> NDArray[np.generic]:
    return values.detach().cpu().numpy()
