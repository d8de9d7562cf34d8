"""The table of a robustness study: as text for people, as CSV for programs, as LaTeX for papers.

Published figures stand in columns of their own that say so, and enter no number that was measured.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from advmi_core.figures.tabular import booktabs, csv_bytes
from advmi_core.figures.text import difference, fixed, signed, spread
from advmi_core.studies.robustness import Line, SeedLine

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
    return [_of_seed(line, found) for found in line.seeds] + [_of_all(line)]


def _of_seed(line: Line, found: SeedLine) -> dict[str, str | float]:
    accuracy, pairs = found.accuracy, found.difference
    apart = (pairs.mean, pairs.low, pairs.high) if pairs else (math.nan,) * 3
    return {
        "row": line.title, "attack": line.attack, "seed": str(found.seed), "images": accuracy.images,
        "accuracy": 100 * accuracy.value, "accuracy_std": math.nan,
        "accuracy_low": 100 * accuracy.interval.low, "accuracy_high": 100 * accuracy.interval.high,
        "baseline": line.baseline or "", "difference": 100 * apart[0], "difference_std": math.nan,
        "difference_low": 100 * apart[1], "difference_high": 100 * apart[2], **_source(line),
    }  # fmt: skip


def _of_all(line: Line) -> dict[str, str | float]:
    return {
        "row": line.title, "attack": line.attack, "seed": "mean", "images": line.images,
        "accuracy": 100 * line.mean, "accuracy_std": 100 * line.std,
        "accuracy_low": math.nan, "accuracy_high": math.nan,
        "baseline": line.baseline or "", "difference": 100 * line.difference,
        "difference_std": 100 * line.difference_std,
        "difference_low": math.nan, "difference_high": math.nan, **_source(line),
    }  # fmt: skip


def _source(line: Line) -> dict[str, str | float]:
    found = line.published
    return {
        f"{PUBLISHED}_accuracy": 100 * found.accuracy if found else math.nan,
        f"{PUBLISHED}_dataset": found.dataset if found else "",
    }
