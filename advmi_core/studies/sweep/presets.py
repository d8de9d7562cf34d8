"""Sweeps with a name: the comparison of the talk, and a small one to try things."""

from __future__ import annotations

from typing import Any

from advmi_core.attacks.core.ball import UNBOUNDED
from advmi_core.studies.sweep.spec import Method
from advmi_core.studies.sweep.study import Sweep

SHORTEST: dict[str, dict[str, Any]] = {
    "cw": {"searches": 5, "steps": 50, "first_c": 1.0},
    "ddn": {"steps": 50},
}
"""Attacks that know no MI and seek the shortest perturbation, with their parameters."""
PENALTY: dict[str, Any] = {"mi": "mine-conv", "searches": 3, "first_c": 0.1}
"""A first c at which most images succeed, so that three searches do what the published nine do."""


def _talk() -> tuple[Method, ...]:
    """MinMax by its solver and as published, PGD on the same f, the shortest perturbations, and the penalty
    method, which the paper compares with [METHODS §2]."""
    return (
        *_within(200, (0.05, 0.1, 0.2, 0.3, 0.5)),
        *(
            Method(name=name, attack=name, parameters=parameters, eps=(UNBOUNDED,))
            for name, parameters in SHORTEST.items()
        ),
        Method(name="penalty", attack="penalty", parameters={**PENALTY, "steps": 200}, eps=(0.3,)),
    )


def _within(steps: int, eps: tuple[float, ...]) -> tuple[Method, ...]:
    return (
        Method(name="minmax-solver", attack="minmax-solver", parameters={"steps": steps}, eps=eps),
        Method(name="minmax", attack="minmax", parameters={"steps": steps, "mi": "mine-conv"}, eps=eps),
        Method(name="pgd", attack="pgd", parameters={"steps": steps, "loss": "margin"}, eps=eps),
    )


PRESETS: dict[str, Sweep] = {
    sweep.name: sweep
    for sweep in (
        Sweep(name="talk", methods=_talk()),
        Sweep(name="smoke", n=96, shard=16, methods=_within(60, (0.05, 0.3))),
    )
}
