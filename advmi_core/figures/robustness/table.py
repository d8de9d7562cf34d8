"""The table of a robustness study: as text for people, as CSV for programs, as LaTeX for papers.

Published figures stand in columns of their own that say so, and enter no number that was measured.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from advmi_core.evaluation import Paired
from advmi_core.figures.tabular import booktabs, csv_bytes
from advmi_core.figures.text import difference, fixed, signed, spread
from advmi_core.studies.robustness import Line

PUBLISHED = "published"
_DATASETS = {"cifar10": "CIFAR-10", "tiny-imagenet": "Tiny-ImageNet"}


def wide(lines: Sequence[Line]) -> list[dict[str, str]]:
    """The paper's layout: a line a row, a column an attack, the published ones after them; percent.

    A measured column names how many images each seed has; its cells are mean ± standard deviation over seeds,
    with n where it is smaller than that of other columns.
    """
    attacks = list(dict.fromkeys(line.attack for line in lines))
    known = {(line.title, line.attack): line for line in lines}
    images = {attack: min(line.images for line in lines if line.attack == attack) for attack in attacks}
    printed = {line.attack: line.published for line in lines if line.published is not None}
    return [
        {
            "trained by": title,
            **{
                f"{a}, % of {images[a]}": _measured(known.get((title, a)), max(images.values()))
                for a in attacks
            },
            **{
                f"{a}, {PUBLISHED}, {_DATASETS[found.dataset]}": _published(known.get((title, a)))
                for a, found in printed.items()
            },
        }
        for title in dict.fromkeys(line.title for line in lines)
    ]


def differences(lines: Sequence[Line]) -> list[dict[str, str]]:
    """One line a row with a baseline and attack: this minus that in percentage points, seed by seed.

    ● marks an interval that leaves 0 out.
    """
    compared = [line for line in lines if line.baseline is not None]
    seeds = sorted({found.seed for line in compared for found in line.seeds})
    return [_compared(line, seeds) for line in compared]


def _compared(line: Line, seeds: Sequence[int]) -> dict[str, str]:
    by_seed = {found.seed: found for found in line.seeds}
    return {
        "difference": f"{line.title} − {line.baseline}",
        "attack": line.attack,
        **{
            f"seed {seed} [95 %]": difference(
                by_seed[seed].difference if seed in by_seed else None, 100, mark=True
            )
            for seed in seeds
        },
        "mean ± std": _spread(line),
    }


def as_csv(lines: Sequence[Line]) -> bytes:
    """One line a row, attack and seed, and one of all seeds' mean; percent with seven digits."""
    return csv_bytes([numbers for line in lines for numbers in _numbers(line)])


def as_latex(lines: Sequence[Line]) -> bytes:
    """The ``wide`` table for booktabs."""
    texts = wide(lines)
    cells = [list(text.values()) for text in texts]
    return booktabs(list(texts[0]) if texts else [], cells, 1, [None] * len(cells))


def _measured(line: Line | None, usual: int) -> str:
    """A cell says so itself where it counts fewer images than others of its row."""
    if line is None:
        return "–"
    few = f" (n = {line.images})" if line.images < usual else ""
    return spread(100 * line.mean, 100 * line.std) + few


def _spread(line: Line) -> str:
    """Of the difference over the seeds."""
    mean = signed(100 * line.difference)
    return f"{mean} ± {fixed(100 * line.difference_std)}" if math.isfinite(line.difference_std) else mean


def _published(line: Line | None) -> str:
    return "–" if line is None or line.published is None else f"{100 * line.published.accuracy:.2f}"


def _numbers(line: Line) -> list[dict[str, str | float]]:
    """A line a seed, and one of all of them."""
    seeds = [
        _row(
            line, str(found.seed), found.accuracy.images, found.accuracy.value, found.difference,
            accuracy_low=found.accuracy.interval.low, accuracy_high=found.accuracy.interval.high,
        )
        for found in line.seeds
    ]  # fmt: skip
    whole = Paired(0, line.difference, math.nan, math.nan)
    spreads = {"accuracy_std": line.std, "difference_std": line.difference_std}
    return [*seeds, _row(line, "mean", line.images, line.mean, whole, **spreads)]


def _row(
    line: Line, seed: str, images: int, accuracy: float, pairs: Paired | None, **more: float
) -> dict[str, str | float]:
    """All columns in percent; NaN where there is no such number."""
    apart = pairs or Paired(0, math.nan, math.nan, math.nan)
    known: dict[str, str | float] = {
        "accuracy": accuracy, "accuracy_std": math.nan, "accuracy_low": math.nan, "accuracy_high": math.nan,
        "baseline": line.baseline or "", "difference": apart.mean, "difference_std": math.nan,
        "difference_low": apart.low, "difference_high": apart.high, **more,
    }  # fmt: skip
    shares = {name: value if isinstance(value, str) else 100 * value for name, value in known.items()}
    return {
        "row": line.title, "attack": line.attack, "seed": seed, "images": images, **shares, **_source(line)
    }  # fmt: skip


def _source(line: Line) -> dict[str, str | float]:
    found = line.published
    return {
        f"{PUBLISHED}_accuracy": 100 * found.accuracy if found else math.nan,
        f"{PUBLISHED}_dataset": found.dataset if found else "",
    }
