"""Page of the attacks' parameters: what each may hold, and what it does, as their fields say it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import MISSING

from advmi_core.attacks import ATTACKS, Attack
from advmi_core.fields import Parameter, parameters
from advmi_core.report.markdown import page, section, table


def registered_attacks() -> str:
    """The page."""
    common = parameters(Attack)
    return page(
        "Attacks and their parameters",
        "On the command line a parameter is an option, `--mi-weight 10`; in Python a keyword, "
        "`mi_weight=10`; in the app a control. Empty stands for None. See "
        "[what they reach](../results/attacks.md).",
        section("Every attack", "Options of `advmi attack`:", table(_rows(common))),
        *(_of(attack, [p for p in parameters(attack) if p not in common]) for attack in ATTACKS.values()),
    )


def _of(attack: type[Attack], own: list[Parameter]) -> str:
    paper = f" From {attack.about.paper}." if attack.about.paper else ""
    said = (attack.__doc__ or "").partition("\n")[0]
    command = f"`advmi attack --attack {attack.name}`; of its own, or otherwise than above:"
    return section(attack.label(), f"{said}{paper}", command, table(_rows(own)))


def _rows(shown: Iterable[Parameter]) -> list[dict[str, str]]:
    return [
        {
            "parameter": f"`{each.name}`",
            "default": "empty" if each.default is None else f"{each.default}",
            "allowed": allowed(each),
            "meaning": f"{each.field.label}. {each.field.help}",
        }
        for each in shown
        if each.described and each.default is not MISSING
    ]


def allowed(parameter: Parameter) -> str:
    """What a parameter may hold, in a few words."""
    field = parameter.field
    if parameter.kind is bool:
        return "True, False"
    if parameter.kind is str:
        return ", ".join(f"`{word}`" for word in field.choices)
    words = ["whole"] * (parameter.kind is int) + ["odd"] * field.odd
    words += [f"{'>' if field.above else '≥'} {field.low:g}"] * math.isfinite(field.low)
    words += [f"{'<' if field.below else '≤'} {field.high:g}"] * math.isfinite(field.high)
    return ", ".join(words + ["or empty"] * parameter.optional) or "any"
