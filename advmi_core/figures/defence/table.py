"""A defence study as files: its curves, and what was measured under every attack."""

from __future__ import annotations

from advmi_core.figures.defence.series import names
from advmi_core.figures.tabular import csv_bytes
from advmi_core.studies.defence import DefenceStudyResult
from advmi_core.studies.defence.records import DEFENCE, STANDARD

_EPOCH = (
    "clean", "robust", "natural_x", "natural_adv", "adversarial_x", "adversarial_adv",
)  # fmt: skip
_PARTS = ("loss", "base", "information", "selected")


def curves_csv(result: DefenceStudyResult) -> bytes:
    """One line an epoch of each training: means of the loss parts, and the validation images after it."""
    titles = names(result)
    lines: list[dict[str, str | float]] = [
        {
            "model": titles[stage],
            "epoch": epoch.epoch,
            **{name: getattr(epoch.train, name) for name in _PARTS},
            **{name: getattr(epoch, name) for name in _EPOCH},
        }
        for stage in (STANDARD, DEFENCE)
        for epoch in result.history(stage)
    ]
    return csv_bytes(lines)


def attacks_csv(result: DefenceStudyResult) -> bytes:
    """One line a model and attack: right answers in percent, and mean MI in nats by Eq. 4 and by Eq. 5."""
    titles, lines = names(result), []
    for (model, attack), one in result.measured.items():
        rights = {"clean_percent": one.clean, "robust_percent": one.robust}
        mi = {"standard_x": one.standard_x, "standard_adv": one.standard_adv}
        for equation, part in (("eq4", one.first), ("eq5", one.optimised)):
            mi |= {f"{name}_{equation}": getattr(part, name) for name in _EPOCH[2:]}
        line: dict[str, str | float] = {"model": titles[model], "attack": attack}
        line |= {name: 100 * float(right.float().mean()) for name, right in rights.items()}
        lines.append(line | {name: float(values.mean()) for name, values in mi.items()})
    return csv_bytes(lines)
