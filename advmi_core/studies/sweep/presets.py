"""Sweeps with a name: the comparison of the talk, its penalty baseline, and a small one to try things."""

from __future__ import annotations

from advmi_core.studies.sweep.spec import Method
from advmi_core.studies.sweep.study import Sweep

_RADII = (0.05, 0.1, 0.2, 0.3, 0.5)


def _talk(steps: int, eps: tuple[float, ...]) -> tuple[Method, ...]:
    """MinMax with the published MI and with the closed form, against PGD on the same f [METHODS §2]."""
    return (
        _with_mi("minmax", "minmax", "mine-conv", steps, eps),
        _with_mi("minmax-gaussian", "minmax", "gaussian-patches", steps, eps),
        Method(name="pgd", attack="pgd", parameters={"steps": steps, "loss": "margin"}, eps=eps),
    )


def _with_mi(name: str, attack: str, mi: str, steps: int, eps: tuple[float, ...]) -> Method:
    return Method(
        name=name, attack=attack, parameters={"steps": steps, "critic": "compact", "mi": mi}, eps=eps
    )


PRESETS: dict[str, Sweep] = {
    sweep.name: sweep
    for sweep in (
        Sweep(name="talk", methods=_talk(200, _RADII)),
        Sweep(name="talk-penalty", methods=(_with_mi("penalty", "penalty", "mine-conv", 200, (0.3,)),)),
        Sweep(name="smoke", n=96, shard=16, methods=_talk(60, (0.05, 0.3))),
    )
}
