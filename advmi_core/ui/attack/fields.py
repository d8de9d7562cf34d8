"""Parameters of an attack as a page shows them: its own fields, defaults and order."""

from __future__ import annotations

import dataclasses
from dataclasses import MISSING

from advmi_core import fields
from advmi_core.attacks import Attack
from advmi_core.attacks.core.about import Use
from advmi_core.fields import Parameter

_EVERYBODYS = {each.name for each in fields.parameters(Attack)} - {"steps"}


def parameters(attack: type[Attack], use: Use | None = None) -> list[Parameter]:
    """The parameters of an attack that a form shows: with a slider, then the attack's own, then everybody's.

    Args:
        attack: its class.
        use: what the page has instead of the attack's own defaults and fields.
    """
    use = use or Use()
    left_out = {*attack.hidden, *use.unused}
    shown = [
        dataclasses.replace(
            each,
            default=use.defaults.get(each.name, each.default),
            field=use.fields.get(each.name, each.field),
        )
        for each in fields.parameters(attack)
        if each.name not in left_out and each.default is not MISSING and len(each.field.choices) != 1
    ]
    return sorted(shown, key=_place)


def _place(parameter: Parameter) -> int:
    if parameter.field.slider or parameter.field.marks:
        return 0
    return 2 if parameter.name in _EVERYBODYS else 1
