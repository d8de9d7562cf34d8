"""A lesson in defence as files: its curves, and what was measured under every attack."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence

from advmi_core.defenses import LessonResult
from advmi_core.defenses.lesson_records import DEFENCE, STANDARD
from advmi_core.figures.defence import names

_EPOCH = (
    "clean", "robust", "natural_x", "natural_adv", "adversarial_x", "adversarial_adv",
)  # fmt: skip
_PARTS = ("loss", "base", "information", "selected")


def curves_csv(result: LessonResult) -> bytes:
    """One line an epoch of each training: means of the loss parts, and the validation images after it."""
    titles = names(result)
    rows: list[list[str | float]] = [
        [titles[stage], epoch.epoch, *(getattr(epoch.train, name) for name in _PARTS)]
        + [getattr(epoch, name) for name in _EPOCH]
        for stage in (STANDARD, DEFENCE)
        for epoch in result.history(stage)
    ]
    return _csv(["model", "epoch", *_PARTS, *_EPOCH], rows)


def attacks_csv(result: LessonResult) -> bytes:
    """One line a model and attack: right answers in percent, and mean MI in nats by Eq. 4 and by Eq. 5."""
    titles, split = names(result), _EPOCH[2:]
    rows: list[list[str | float]] = []
    for (model, attack), one in result.measured.items():
        mi = [one.standard_x, one.standard_adv]
        mi += [getattr(part, name) for part in (one.first, one.optimised) for name in split]
        rights = [100 * float(right.float().mean()) for right in (one.clean, one.robust)]
        rows.append([titles[model], attack, *rights, *(float(values.mean()) for values in mi)])
    columns = [f"{name}_{equation}" for equation in ("eq4", "eq5") for name in split]
    head = ["model", "attack", "clean_percent", "robust_percent", "standard_x", "standard_adv", *columns]
    return _csv(head, rows)


def _csv(head: Sequence[str], rows: Sequence[Sequence[str | float]]) -> bytes:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([_plain(value) for value in row] for row in rows)
    return buffer.getvalue().encode()


def _plain(value: str | float) -> str:
    if isinstance(value, float):
        return f"{value:.6g}" if math.isfinite(value) else ""
    return str(value)
