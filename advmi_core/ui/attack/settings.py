"""Differences between the settings of what is shown and those that are chosen now."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import torch

from advmi_core.attacks import MinMax
from advmi_core.fields import Field, parameters
from advmi_core.figures.text import number
from advmi_core.ui.attack.tasks import Task
from advmi_core.ui.widgets import callout
from advmi_core.ui.widgets.images import Images


def mark(shown: Task, chosen: Task) -> None:
    """Say above a result that it was made by other settings, and by which."""
    if made := differences(shown, chosen):
        callout.of_other_settings(", ".join(made))


def differences(shown: Task, chosen: Task) -> list[str]:
    """Those settings of ``shown`` that are not those of ``chosen``, in words."""
    made = []
    if not _same(shown.images, chosen.images):
        made.append(
            f"image {shown.images.names[0]}" if len(shown.images) == 1 else f"{len(shown.images)} images"
        )
    if shown.model != chosen.model:
        made.append(f"model {shown.model}")
    if shown.target != chosen.target:
        aim = "no target" if shown.target is None else f"target {shown.classes[shown.target]}"
        made.append(aim)
    if type(shown.attack) is not type(chosen.attack):
        return [*made, f"attack {shown.attack.name}"]
    kind: type = type(shown.attack)
    # A plane has tuples of what an attack has one of.
    told = {each.name: each.field for each in (*parameters(MinMax), *parameters(kind))}
    return made + [
        _said(told.get(field.name) or Field(field.name), getattr(shown.attack, field.name))
        for field in fields(shown.attack)
        if getattr(shown.attack, field.name) != getattr(chosen.attack, field.name)
    ]


def _same(a: Images, b: Images) -> bool:
    return a.names == b.names and torch.equal(a.x, b.x)


def _said(field: Field, value: Any) -> str:
    label = field.name
    if isinstance(value, tuple):
        ends = (value[0], value[-1]) if len(value) > 1 else value
        return f"{label} {' … '.join(map(number, ends))}"
    if isinstance(value, bool):
        return f"{label} {'on' if value else 'off'}"
    if isinstance(value, str):
        return f"{label} {field.choices.get(value, value)}"
    return f"{label} {'automatic' if value is None else number(float(value))}"
