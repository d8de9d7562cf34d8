"""Numbers, shares and durations in words; the shape of a verdict and of a read-out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from advmi_core.evaluation import Paired

Tone = Literal["good", "bad", "note"]


@dataclass(frozen=True)
class Verdict:
    """One sentence a viewer reads first; ``badge`` is its shortest form for a gallery."""

    tone: Tone
    badge: str
    title: str
    text: str


@dataclass(frozen=True)
class Readout:
    """One number with its name, its unit and what it means."""

    label: str
    value: str
    help: str


def number(value: float) -> str:
    """Three significant digits with a real minus sign; – where there is no number."""
    if not math.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    size = abs(value)
    text = f"{value:.1e}" if size < 1e-3 else f"{value:.0f}" if size >= 1000 else f"{value:.3g}"
    return text.replace("-", "−")


def fixed(value: float, digits: int = 2) -> str:
    """So many decimals with a real minus sign; – where there is no number."""
    return f"{value:.{digits}f}".replace("-", "−") if math.isfinite(value) else "–"


def signed(value: float, digits: int = 2) -> str:
    """A difference with its sign; none at what rounds to 0; – where there is no number."""
    if not math.isfinite(value):
        return "–"
    text = f"{value:+.{digits}f}"
    return text.replace("-", "−") if float(text) else text[1:]


def spread(mean: float, std: float, digits: int = 2) -> str:
    """Mean ± standard deviation; the mean alone where there is none."""
    return f"{fixed(mean, digits)} ± {fixed(std, digits)}" if math.isfinite(std) else fixed(mean, digits)


def difference(pairs: Paired | None, scale: float = 1.0, digits: int = 2, *, mark: bool = False) -> str:
    """A paired difference with its 95 % interval, if it has one; ``mark``: ● where that leaves 0 out."""
    if pairs is None or not math.isfinite(pairs.mean):
        return "–"
    mean, low, high = (signed(scale * end, digits) for end in (pairs.mean, pairs.low, pairs.high))
    text = f"{mean} [{low}, {high}]" if math.isfinite(pairs.low) else mean
    return f"{text} ●" if mark and pairs.sign else text


def information(value: float) -> str:
    """Nats of an estimate of mutual information, which itself is never below 0."""
    return f"≤ 0 ({number(value)}) nats" if value < 0 else f"{number(value)} nats"


def percent(share: float) -> str:
    """A share in percent, with a digit more where little is missing to all of it."""
    if not math.isfinite(share):
        return "– %"
    value = 100 * share
    return "≤ 0 %" if value < 0 else f"{value:.2f} %" if 99 <= value < 100 else f"{value:.3g} %"


def keeps(share: float, nats: float) -> str:
    """What an image keeps of x's information, in percent and in nats."""
    return f"{percent(share)} · {information(nats)}"


def duration(seconds: float | None) -> str:
    """Seconds as people say them."""
    if seconds is None or not math.isfinite(seconds):
        return ""
    if seconds < 1:
        return "less than a second"
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min"
