"""The table of a retraining study: as text for people, as CSV for programs, as LaTeX for papers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from advmi_core.evaluation import Paired
from advmi_core.figures.autoencoders.series import PROTOCOL_TITLES, SCALE, of_model, title
from advmi_core.figures.tabular import booktabs, csv_bytes
from advmi_core.figures.text import difference, fixed, signed, spread
from advmi_core.studies.autoencoders import RowSummary

_COLUMNS: dict[str, Callable[[RowSummary], str]] = {
    "autoencoder": lambda line: of_model(line.model),
    "training set": lambda line: title(line.row),
    "protocol": lambda line: PROTOCOL_TITLES[line.protocol].lower(),
    "loss, 10⁻³": lambda line: spread(SCALE * line.mean, SCALE * line.std, 3),
    "change, %": lambda line: signed(line.change, 1),
    "− original, 10⁻³ [95 %]": lambda line: difference(line.against_original, SCALE, 3, mark=True),
    "− Gaussian, 10⁻³ [95 %]": lambda line: difference(line.against_gaussian, SCALE, 3, mark=True),
    "a new UAE keeps, %": lambda line: spread(100 * line.kept, 100 * line.kept_std, 1),
    "− original, % points [95 %]": lambda line: difference(line.kept_against_original, 100, 1, mark=True),
    "mixed in": lambda line: str(line.used) if line.used else "–",
    "ASR train, %": lambda line: fixed(100 * line.asr_train, 1),
    "ASR test, %": lambda line: fixed(100 * line.asr_test, 1),
}


def rows(lines: Sequence[RowSummary]) -> list[dict[str, str]]:
    """One line a training set and protocol, every value as text with its unit in the column's name.

    ● marks an interval without 0.
    """
    return [{name: make(line) for name, make in _COLUMNS.items()} for line in lines]


def as_csv(lines: Sequence[RowSummary]) -> bytes:
    """All numbers with seven digits, losses per pixel, rates in [0,1], empty where nothing was measured."""
    return csv_bytes([_numbers(line) for line in lines])


def as_latex(lines: Sequence[RowSummary]) -> bytes:
    """A booktabs table (``\\usepackage{booktabs}``), a space between the autoencoders and protocols."""
    cells = [list(row.values()) for row in rows(lines)]
    return booktabs(list(_COLUMNS), cells, 3, [(line.model, line.protocol) for line in lines])


def _numbers(line: RowSummary) -> dict[str, str | float]:
    return {
        "model": line.model, "row": line.row, "protocol": line.protocol, "seeds": line.seeds,
        "loss_mean": line.mean, "loss_std": line.std, "change_percent": line.change,
        **_ends("original", line.against_original), **_ends("gaussian", line.against_gaussian),
        "kept_mean": line.kept, "kept_std": line.kept_std,
        **_ends("original_kept", line.kept_against_original),
        "uaes_used": line.used, "asr_train": line.asr_train, "asr_test": line.asr_test,
        "l2": line.l2, "start_l2": line.start_l2, "moved_l2": line.moved_l2,
    }  # fmt: skip


def _ends(name: str, pairs: Paired | None) -> dict[str, str | float]:
    values = (pairs.mean, pairs.low, pairs.high) if pairs else (math.nan,) * 3
    return {f"minus_{name}{end}": value for end, value in zip(("", "_low", "_high"), values, strict=True)}
