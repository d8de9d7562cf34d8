"""Checks at the public door: one clear ValueError naming the argument, what was seen and what was wanted."""

from __future__ import annotations

import math

import torch
from torch import Tensor


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
        raise ValueError(f"{name} must lie in [0,1], got values in [{low:.4g}, {high:.4g}]")
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
    value: float, name: str, *, low: float = -math.inf, high: float = math.inf, above: bool = False
) -> None:
    """A finite number in [low, high], or in (low, high] when ``above`` is set."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{name} must be a finite number, got {value!r}")
    if value < low or value > high or (above and value == low):
        edge = f"> {low:g}" if above else f"≥ {low:g}"
        wanted = edge if math.isinf(high) else f"{edge} and ≤ {high:g}"
        raise ValueError(f"{name} must be {wanted}, got {value!r}")


def check_count(value: int, name: str, *, low: int = 1) -> None:
    """A whole number ≥ low."""
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise ValueError(f"{name} must be a whole number ≥ {low}, got {value!r}")


def check_choice(value: str, name: str, choices: tuple[str, ...]) -> None:
    """One of the named choices."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value!r}")


def number_from(text: str) -> float:
    """A number written as a decimal or as a fraction: "0.3", "8/255"."""
    above, slash, below = text.partition("/")
    try:
        return float(above) / float(below) if slash else float(text)
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"a number such as 0.03 or 8/255 is wanted, got {text[:40]!r}") from None
