"""Parameters of an attack as a page shows them: its own fields, defaults and order."""

from __future__ import annotations

import dataclasses
from dataclasses import MISSING

from advmi_core import fields
from advmi_core.attacks import Attack
from advmi_core.attacks.core.about import Use
from advmi_core.fields import Parameter
from advmi_core.figures.encode import is_photograph
from advmi_core.models.base import Shape
from advmi_core.ui.widgets.form import GREY_LEVELS

_COLOUR, _PHOTOGRAPH = 8 / GREY_LEVELS, 2 / GREY_LEVELS  # ε that people use
_MARKS = tuple(level / GREY_LEVELS for level in (0.5, 1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64, 128, 255))
_STEPS = 40  # each of them takes a tenth of a second
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


def size_of(shape: Shape) -> str:
    """What owns the parameters of an attack on images (C,H,W) of this size: "", "colour" or "photograph"."""
    return "photograph" if is_photograph(shape) else "colour" if shape[0] == 3 else ""


def sized(use: Use, attack: type[Attack], shape: Shape) -> Use:
    """The same use for images of this size: ε of colour in parts of 255, fewer steps for a photograph."""
    size = size_of(shape)
    if not size:
        return use
    eps = _PHOTOGRAPH if size == "photograph" else _COLOUR
    known = {each.name: each for each in fields.parameters(attack)}
    # So small an ε that the attack would fit between two grey levels: a saved picture is to fool as well.
    own = {"eps": eps, **({"steps": _STEPS, "quantize": True} if size == "photograph" else {})}
    own = {name: value for name, value in own.items() if name in known and name not in attack.hidden}
    first, *others = use.presets
    presets = {first: {**use.presets[first], **own}, **{name: use.presets[name] for name in others}}
    marked = (
        {"eps": dataclasses.replace(known["eps"].field, slider=False, marks=_MARKS)} if "eps" in own else {}
    )
    return dataclasses.replace(use, presets=presets, fields={**use.fields, **marked})


def _place(parameter: Parameter) -> int:
    if parameter.field.slider or parameter.field.marks:
        return 0
    return 2 if parameter.name in _EVERYBODYS else 1
