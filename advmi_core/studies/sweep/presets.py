"""Sweeps with a name: the comparison of the talk, and a small one to try things."""

from __future__ import annotations

from collections.abc import Sequence

from advmi_core.attacks import variants
from advmi_core.attacks.core.ball import UNBOUNDED
from advmi_core.studies.sweep.spec import Method
from advmi_core.studies.sweep.study import Sweep


def offered(name: str, steps: int, eps: Sequence[float]) -> Method:
    """An offered method; one that seeks the shortest perturbation has steps of its own, and no ε.

    Args:
        name: of ``variants``.
        steps, eps: iterations and radii of the others.
    """
    attack, variant = variants()[name]
    if not variant.bounded:
        return Method(name=name, attack=attack.name, parameters=variant.parameters, eps=(UNBOUNDED,))
    return Method(
        name=name, attack=attack.name, parameters={**variant.parameters, "steps": steps}, eps=tuple(eps)
    )


def _talk() -> tuple[Method, ...]:
    """MinMax by its solver and as published, PGD on the same f, the shortest perturbations, and the penalty
    method, which the paper compares with [METHODS §2]."""
    return (
        *_within(200, (0.05, 0.1, 0.2, 0.3, 0.5)),
        *(offered(name, 200, (0.3,)) for name in ("cw", "ddn", "penalty")),
    )


def _within(steps: int, eps: tuple[float, ...]) -> tuple[Method, ...]:
    return tuple(offered(name, steps, eps) for name in ("minmax-solver", "minmax", "pgd"))


PRESETS: dict[str, Sweep] = {
    sweep.name: sweep
    for sweep in (
        Sweep(name="talk", methods=_talk()),
        Sweep(name="smoke", n=96, shard=16, methods=_within(60, (0.05, 0.3))),
    )
}
