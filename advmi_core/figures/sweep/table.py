"""The table of a sweep: as text for people, as CSV for programs, as LaTeX for papers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from advmi_core.figures.sweep.series import KEPT, MI, Point, title
from advmi_core.figures.tabular import booktabs, csv_bytes
from advmi_core.figures.text import fixed, number, spread

_MEANS = ("l0", "l1", "l2", "linf", "psnr", "ssim", "queries")
_COLUMNS: dict[str, Callable[[Point], str]] = {
    "method": lambda p: title(p.method),
    "ε": lambda p: p.budget,
    "counted": lambda p: f"{p.summary.counted} of {p.summary.images}",
    "ASR, % [95 %]": lambda p: rate(p),
    "kept, %": lambda p: spread(100 * p.summary.kept.mean, 100 * p.summary.kept.std, 1),
    "kept, nats": lambda p: fixed(p.summary.information.mean, 2),
    "MI, nats": lambda p: spread(p.summary.mi.mean, p.summary.mi.std, 2),
    "L2": lambda p: fixed(p.summary.l2, 2),
    "L∞": lambda p: fixed(p.summary.linf, 3),
    "PSNR, dB": lambda p: fixed(p.summary.psnr, 1),
    "SSIM": lambda p: fixed(p.summary.ssim, 3),
    "queries": lambda p: fixed(p.summary.queries, 0),
    "s an image": lambda p: number(p.seconds),
}


def rows(points: Sequence[Point]) -> list[dict[str, str]]:
    """One line a cell, every value as text with its unit in the column's name.

    What is kept (in closed form), MI (by InfoNCE), distances and queries are means over the images that count
    and were attacked with success.
    """
    return [{name: make(point) for name, make in _COLUMNS.items()} for point in points]


def rate(point: Point) -> str:
    """ASR in percent with Wilson's 95 % interval."""
    inner = point.summary.asr_interval
    if not math.isfinite(point.summary.asr):
        return "–"
    low, high = (f"{100 * end:.1f}" for end in (inner.low, inner.high))
    return f"{100 * point.summary.asr:.1f} [{low}, {high}]"


def as_csv(points: Sequence[Point]) -> bytes:
    """All numbers with seven digits, rates in [0,1], empty where nothing was measured."""
    return csv_bytes([_numbers(point) for point in points])


def as_latex(points: Sequence[Point]) -> bytes:
    """A booktabs table (``\\usepackage{booktabs}``), a little space between the methods."""
    cells = [list(row.values()) for row in rows(points)]
    return booktabs(list(_COLUMNS), cells, 1, [point.method for point in points])


def _numbers(point: Point) -> dict[str, str | float]:
    s, interval, kept = point.summary, point.interval(MI), point.interval(KEPT)
    return {
        "method": point.method, "eps": point.eps,
        "images": s.images, "counted": s.counted, "succeeded": s.succeeded,
        "asr": s.asr, "asr_low": s.asr_interval.low, "asr_high": s.asr_interval.high,
        "kept_mean": s.kept.mean, "kept_low": kept.low / 100, "kept_high": kept.high / 100,
        "kept_std": s.kept.std, "information_mean": s.information.mean, "information_std": s.information.std,
        "mi_mean": s.mi.mean, "mi_low": interval.low, "mi_high": interval.high, "mi_std": s.mi.std,
        **{f"mi_q{percent:02d}": value for percent, value in s.mi.quantiles.items()},
        "mi_loop_mean": s.mi_loop.mean, "mi_loop_std": s.mi_loop.std,
        **{name: getattr(s, name) for name in _MEANS},
        "seconds_per_image": point.seconds,
    }  # fmt: skip
