"""Grid of a sweep: the choices of the page, and how a composed one is read back from its spec."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from advmi_core import data, models
from advmi_core.attacks import ATTACKS, variants
from advmi_core.attacks.core.ball import UNBOUNDED
from advmi_core.figures.sweep.series import title
from advmi_core.studies.sweep import PRESETS, Method, Sweep
from advmi_core.studies.sweep.presets import offered
from advmi_core.ui.widgets.state import Option, choice, number, several

OWN = "own"
_WORDS = {"talk": "Talk: MinMax and its rivals", "smoke": "Smoke test"}
PLANS = {name: _WORDS.get(name, name) for name in PRESETS} | {OWN: "Own grid"}
LARGEST = 10_000
_EPS = "0.05, 0.1, 0.2, 0.3, 0.5"
_USUAL = ("minmax-solver", "minmax", "pgd")


def victims() -> list[str]:
    """``dataset/model`` of every classifier whose weights are here."""
    found = models.available().items()
    return [f"{dataset}/{name}" for dataset, names in found for name in names if _classifies(name)]


def victim_title(victim: str) -> str:
    """``dataset/model`` for people; says where the data set's test split is not on this machine."""
    dataset, _, _ = victim.rpartition("/")
    here = any(status.used and status.split == "test" for status in data.available(dataset))
    return victim if here else f"{victim} (data not here)"


def _classifies(name: str) -> bool:
    return not name.startswith("ae-")


def options() -> list[Option]:
    """The chooser's parameters in the URL."""
    return [
        choice("plan", "talk", list(PLANS)),
        several("grid-methods", _USUAL, list(variants())),
        Option("grid-eps", _EPS, lambda text: ", ".join(f"{value:g}" for value in budgets(text))),
        number("grid-n", 200, 1, LARGEST),
        number("grid-steps", 100, 1, 2000),
        choice("grid-victim", "fashion-mnist/cnn", victims()),
        number("grid-seed", 0, 0, 2**31 - 1),
    ]


def budgets(text: str) -> tuple[float, ...]:
    """ε written as a list, in increasing order, each once.

    Raises:
        ValueError: there is none, or one is no number in (0,1].
    """
    found: set[float] = set()
    for word in text.replace(";", ",").split(","):
        try:
            eps = float(word)
        except ValueError:
            eps = math.nan
        if not 0 < eps <= 1:
            raise ValueError(f"ε must be numbers above 0 up to 1, separated by commas, got {text[:60]!r}")
        found.add(eps)
    return tuple(sorted(found))


def sweep(values: Mapping[str, Any]) -> Sweep:
    """The sweep that the chooser describes.

    Args:
        values: of :func:`options`, by name.

    Raises:
        ValueError: a value is no good.
    """
    plan = str(values["plan"])
    return _composed(values) if plan == OWN else PRESETS[plan]


def _composed(values: Mapping[str, Any]) -> Sweep:
    chosen = [name for name in variants() if name in values["grid-methods"]]
    if not chosen:
        raise ValueError("Choose at least one method.")
    eps, steps = budgets(str(values["grid-eps"])), int(values["grid-steps"])
    dataset, _, model = str(values["grid-victim"]).rpartition("/")
    methods = tuple(offered(name, steps, eps) for name in chosen)
    return Sweep(
        dataset=dataset, model=model, n=int(values["grid-n"]), methods=methods, seed=int(values["grid-seed"])
    )


def read_back(made: Sweep) -> tuple[dict[str, Any], list[str]]:
    """The chooser's values for a sweep, and a few words for everything of it that it cannot hold."""
    kept = {name: method for method in made.methods if (name := _family(method))}
    lost = [f"{title(method.name)} is not offered here" for method in made.methods if not _family(method)]
    asked = [method for name, method in kept.items() if variants()[name][1].bounded]
    eps = sorted({value for method in asked for value in method.eps})
    steps = {int(method.parameters.get("steps", 200)) for method in asked}
    if any(set(method.eps) != set(eps) for method in asked):
        lost.append("every method gets every ε")
    if len(steps) > 1:
        lost.append(f"all methods get {max(steps)} iterations")
    values = {
        "plan": OWN,
        "grid-methods": list(kept) or list(_USUAL),
        "grid-eps": ", ".join(f"{value:g}" for value in eps) or _EPS,
        "grid-n": made.n,
        "grid-steps": max(steps, default=100),
        "grid-victim": f"{made.dataset}/{made.model}",
        "grid-seed": made.seed,
    }
    if values["grid-victim"] not in victims():
        lost.append(f"there are no weights for {values['grid-victim']} here")
        values["grid-victim"] = victims()[0]
    return values, lost


def _family(method: Method) -> str:
    """The offered method that this one is, "" if it is none: the same attack with the same parameters."""
    for name, (attack, variant) in variants().items():
        if not variant.bounded:
            same = method == offered(name, 0, ())
        else:
            own = _complete(attack.name, method.parameters) if attack.name == method.attack else None
            same = own == _complete(attack.name, variant.parameters)
        if same:
            return name
    return ""


def _complete(attack: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """All parameters of an attack but those that the chooser asks for."""
    every = {field.name: field.default for field in fields(ATTACKS[attack])} | dict(given)
    return {name: value for name, value in every.items() if name not in ("eps", "steps", "seed")}


def said(made: Sweep) -> str:
    """A sweep in one line."""
    eps = sorted({value for method in made.methods for value in method.eps if value < UNBOUNDED})
    methods = ", ".join(title(method.name) for method in made.methods)
    budget = "no ε" if not eps else f"ε {eps[0]:g}"
    if len(eps) > 1:
        budget = f"{len(eps)} ε from {eps[0]:g} to {eps[-1]:g}"
    return f"{methods} · {budget} · {made.n} images · {made.dataset}, {made.model}"
