"""Caption of a stored retraining study: its title, its size, and the command that made it."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from advmi_core.figures.autoencoders.series import of_model
from advmi_core.studies.autoencoders import (
    AUTOENCODERS,
    EPOCHS,
    ROWS,
    RetrainingResult,
    RetrainingStudy,
)
from advmi_core.studies.autoencoders.records import SAME_LOSS

COMMAND = "advmi table reconstruction --run"
_TITLES = {
    "fashion-mnist": "Published UAEs, four autoencoders",
    "fashion-mnist-solver-dense": "The solver's UAEs, dense",
    "fashion-mnist-solver-conv": "The solver's UAEs, convolutional",
}


def title(name: str) -> str:
    """For people, of a stored result."""
    return _TITLES.get(name, name)


def about(result: RetrainingResult) -> str:
    """Its images and seeds, the command that made it, and what is not computed yet."""
    spec: dict[str, Any] = result.spec
    missing = [of_model(name) for name in AUTOENCODERS if name not in spec["models"]]
    more = f" Not computed yet: {', '.join(missing)}." if missing else ""
    return (
        f"Comes with AdvMI: {spec['n']} training images of {spec['dataset']}, {len(spec['seeds'])} seeds, "
        f"losses on its {spec['measured']} split. Made by `{command(spec)}`.{more}"
    )


def command(spec: dict[str, Any]) -> str:
    """The command with all that differs from its defaults."""
    models, first = spec["models"], spec["models"][0]
    told = [COMMAND, f"--n {spec['n']}"]
    told += [f"--model {name}" for name in models if len(models) < len(AUTOENCODERS)]
    told += [f"--row {row}" for row in spec["rows"] if len(spec["rows"]) < len(ROWS)]
    if spec["epochs"][first] != EPOCHS.get(first):
        told.append(f"--epochs {spec['epochs'][first]}")
    if SAME_LOSS in spec["rows"]:
        told.append(f"--noise {spec['noise'][first]:g}")
    usual = {field.name: field.default for field in fields(RetrainingStudy)}
    for name in ("fooled", "asr_images"):
        if spec.get(name, usual[name]) != usual[name]:
            told.append(f"--{name.replace('_', '-')} {spec[name]}")
    return " ".join(told)
