"""Checks at the public door: one clear ValueError naming the argument, what was seen and what was wanted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

LARGEST_COUNT = 2**63 - 1
_ROUNDING = 1e-3  # an excess below it is more likely rounding than another range of values


def check_images(x: object, name: str = "x") -> Tensor:
    """Return ``x`` if it is a batch of images: float32 (B,C,H,W), B ≥ 1, finite, in [0,1]."""
    if not isinstance(x, Tensor):
        raise ValueError(f"{name} must be a torch.Tensor of images, got {type(x).__name__}")
    if x.dtype != torch.float32:
        raise ValueError(f"{name} must be float32, got {str(x.dtype).removeprefix('torch.')}")
    if x.ndim != 4:
        raise ValueError(f"{name} must have shape (B,C,H,W), got {tuple(x.shape)}")
    if x.numel() == 0:
        raise ValueError(f"{name} must hold at least one image, got shape {tuple(x.shape)}")
    if not bool(torch.isfinite(x).all()):
        raise ValueError(f"{name} must be finite, got NaN or infinite values")
    low, high = float(x.min()), float(x.max())
    if low < 0 or high > 1:
        seen = f"{name} must lie in [0,1], got values in [{low:.9g}, {high:.9g}]"
        excess = max(-low, high - 1)
        hint = f", {excess:.2g} outside; {name}.clamp(0, 1) mends rounding" if excess < _ROUNDING else ""
        raise ValueError(seen + hint)
    return x


def check_labels(y: object, classes: int, name: str = "y") -> Tensor:
    """Return ``y`` if it is (B,) int64 with values in 0…classes−1."""
    if not isinstance(y, Tensor):
        raise ValueError(f"{name} must be a torch.Tensor of labels, got {type(y).__name__}")
    if y.dtype != torch.int64:
        raise ValueError(f"{name} must be int64, got {str(y.dtype).removeprefix('torch.')}")
    if y.ndim != 1:
        raise ValueError(f"{name} must have shape (B,), got {tuple(y.shape)}")
    if y.numel() == 0:
        raise ValueError(f"{name} must hold at least one label, got none")
    low, high = int(y.min()), int(y.max())
    if low < 0 or high >= classes:
        raise ValueError(f"{name} must lie in 0…{classes - 1}, got labels in {low}…{high}")
    return y


def check_same_length(a: Tensor, b: Tensor, names: str) -> None:
    """Both tensors must describe the same number of rows."""
    if len(a) != len(b):
        raise ValueError(f"{names} must have the same length, got {len(a)} and {len(b)}")


def check_number(
    value: float,
    name: str,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    above: bool = False,
    below: bool = False,
) -> None:
    """A finite number in [low, high], without low if ``above``, without high if ``below``; NumPy's are."""
    value = plain(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not _finite(value):
        raise ValueError(f"{name} must be a finite number, got {value!r}")
    if value < low or value > high or (above and value == low) or (below and value == high):
        edges = [f"{'>' if above else '≥'} {low:g}"] * math.isfinite(low)
        edges += [f"{'<' if below else '≤'} {high:g}"] * math.isfinite(high)
        raise ValueError(f"{name} must be {' and '.join(edges)}, got {value!r}")


def check_numbers(values: float | Sequence[float], name: str, *, low: float = -math.inf) -> None:
    """A finite number ≥ low, or a sequence of at least one."""
    if isinstance(values, tuple):
        if not values:
            raise ValueError(f"{name} must hold at least one number, got none")
        for value in values:
            check_number(value, f"every {name}", low=low)
    else:
        check_number(values, name, low=low)  # type: ignore[arg-type]


def check_count(value: int, name: str, *, low: int = 1) -> None:
    """A whole number ≥ low that fits 64 bits, as files and random generators hold it."""
    value = plain(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise ValueError(f"{name} must be a whole number ≥ {low}, got {value!r}")
    if value > LARGEST_COUNT:
        raise ValueError(f"{name} must be a whole number ≥ {low} and < 2^63, got {value!r}")


def check_flag(value: object, name: str) -> None:
    """True or False."""
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be True or False, got {value!r}")


def plain(value: Any) -> Any:
    """NumPy's scalars as Python's own bool, int or float, which JSON can hold; anything else as it is."""
    return value.item() if isinstance(value, np.generic) else value


def plain_fields(record: Any, by_row: Sequence[str] = ()) -> None:
    """Store a frozen dataclass's NumPy scalars as Python's own; first thing in its ``__post_init__``.

    The fields ``by_row`` may hold a number for each row: a (B,) tensor, array or list becomes a tuple, which
    can be hashed.
    """
    for field in fields(record):
        value = getattr(record, field.name)
        if field.name in by_row and isinstance(value, Tensor | np.ndarray) and value.ndim == 1:
            value = value.tolist()
        if field.name in by_row and isinstance(value, list):
            value = tuple(value)
            object.__setattr__(record, field.name, value)
        if isinstance(value, np.generic):
            object.__setattr__(record, field.name, value.item())
        elif isinstance(value, tuple) and any(isinstance(part, np.generic) for part in value):
            object.__setattr__(record, field.name, tuple(map(plain, value)))


def number_from(text: str) -> float:
    """The number that a person wrote: ``"0.03"``, ``"1e-3"`` or a fraction such as ``"8/255"``.

    Raises:
        ValueError: it is neither, or not finite.
    """
    try:
        above, *below = map(float, text.split("/"))
        if len(below) > 1:
            raise ValueError
        value = above / below[0] if below else above
        if not math.isfinite(value):
            raise ValueError
    except (ValueError, ZeroDivisionError):
        raise ValueError(
            f"a number such as 0.03 or a fraction such as 8/255 is wanted, got {text!r}"
        ) from None
    return value


def _finite(value: float) -> bool:
    """Whether a float can hold the value; whole numbers can be larger."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def check_choice(value: str, name: str, choices: tuple[str, ...]) -> None:
    """One of the named choices."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value!r}")
