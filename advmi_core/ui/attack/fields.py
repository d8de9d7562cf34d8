"""Names, help and bounds of every parameter of an attack: one table for all forms."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from advmi_core.attacks.core.mi_term import learns
from advmi_core.ui.attack.suite_fields import OWN, SUITE
from advmi_core.ui.widgets.field import Field
from advmi_core.ui.widgets.state import Option, choice, flag, number

HIDDEN = frozenset({"batch_size"})

FIELDS: dict[str, Field] = {
    "eps": Field(
        "Budget ε: ‖δ‖ ≤ ε",
        "Largest allowed change of a pixel (L∞) or length of δ (L2).",
        0.0,
        1.0,
        0.01,
        slider=True,
        main=True,
    ),
    "mi_weight": Field(
        "MI weight w: F = c f⁺ ∓ w I",
        "How much mutual information counts against the criterion.",
        0.0,
        30.0,
        0.1,
        slider=True,
        main=True,
    ),
    "steps": Field(
        "Iterations: δ ← Π(δ − α ∇F)",
        "Steps of the image; of every run, where an attack searches for c.",
        1,
        2000,
        1,
        main=True,
    ),
    "searches": Field(
        "Runs in search of c: c ← (c₋ + c₊) / 2",
        "After each run every image takes the middle between its largest c that failed and its smallest that "
        "succeeded, or ten times its c as long as none did.",
        1,
        20,
        1,
        main=True,
    ),
    "inner": Field(
        "Critic steps: θ ← θ + η ∇I",
        "Adam steps of the critic per step of the image.",
        1,
        100,
        1,
        main=True,
    ),
    "norm": Field(
        "Norm of the ball",
        "L∞ bounds every pixel, L2 the length of the whole perturbation.",
        choices={"linf": "L∞", "l2": "L2"},
        main=True,
    ),
    "critic": Field(
        "Critic network",
        "compact: about 40,000 weights an image on the CNN's maps, 50,000 on a convolutional autoencoder's, "
        "18,000 on random projections; paper: 10 to 12 million on maps, 140,000 on random projections.",
        choices={"compact": "compact (fast)", "paper": "paper (published)"},
        main=True,
    ),
    "loss": Field(
        "Loss",
        "margin: the criterion f itself; ce: cross-entropy.",
        choices={"margin": "margin f", "ce": "cross-entropy"},
        main=True,
    ),
    "seed": Field("Seed", "The same seed gives the same bytes.", 0, 2**31 - 1, 1, main=True),
    "alpha": Field("Step α of δ", "Plain gradient step.", 1e-5, 1.0, 0.001),
    "beta": Field(
        "Step β of c: c ← [(1 − β t^-¼) c + β f⁺]₊",
        "How fast the dual variable answers.",
        0.001,
        1.0,
        0.01,
    ),
    "first_c": Field(
        "First c", "The weight of f⁺ in the first run; the search goes on from it.", 1e-6, 1e3, 0.001
    ),
    "start": Field("Start: δ uniform in ± start", "Size of the random start.", 0.0, 1.0, 0.001),
    "aim": Field(
        "Safety margin a: (f + a · scale)⁺",
        "Published: 0. A little more lets images cross the border instead of creeping up to it.",
        0.0,
        10.0,
        0.01,
    ),
    "restore": Field(
        "Restoration",
        "Share of the last iterations in which images without a success yet descend f alone. Published: 0.",
        0.0,
        1.0,
        0.05,
    ),
    "warmup": Field(
        "Warm-up of the critic",
        "Iterations before the first in which only the critic learns. Published: 0, and then the MI rises "
        "with the critic whatever x̃ does.",
        0,
        1000,
        1,
    ),
    "step_size": Field("Step size α", "Empty: chosen from ε and the iterations.", 1e-5, 10.0, 0.001),
    "mi": Field(
        "MI term",
        "The mutual information that the attack weighs. Published: a critic that learns along, on the first "
        "convolution's maps or on random projections. The measure that is shown has no critic to learn.",
        choices={
            "information": "the measure that is shown",
            "mine-conv": "first convolution's maps (published)",
            "mine-random": "random projections (published)",
            "mine-patches": "image patches, learnt critic",
            "gaussian-patches": "image patches, closed form",
            "l2": "L2 distance (no MI)",
        },
    ),
    "bound": Field(
        "Bound",
        "The lower bound that the critic maximises; automatic: DV as published, InfoNCE for patches.",
        choices={
            "auto": "automatic",
            "dv": "Donsker–Varadhan",
            "nwj": "NWJ",
            "infonce": "InfoNCE",
            "smile": "SMILE",
            "mine": "MINE",
        },
    ),
    "pairs": Field(
        "Marginal pairs",
        "Which pairs stand for independence.",
        choices={
            "auto": "automatic",
            "all": "all pairs",
            "permutation": "one shuffle",
            "shifts": "cyclic shifts",
        },
    ),
    "mi_steps": Field(
        "Critic steps of the final MI",
        "Fresh critics measure the kept iterate; 0 leaves it out.",
        0,
        2000,
        10,
    ),
    "random_start": Field("Random start", "Begin at a random point of the ball."),
    "quantize": Field("Round to 8 bits", "The result stays inside ball and box after a PNG round trip."),
    **SUITE,
}


@dataclass(frozen=True)
class Parameter:
    """A field of an attack's dataclass together with how it is shown."""

    name: str
    kind: type
    default: Any
    optional: bool
    field: Field

    def option(self) -> Option:
        """The same parameter in the URL."""
        if self.kind is bool:
            return flag(self.name, bool(self.default))
        if self.kind is str:
            return choice(self.name, str(self.default), tuple(self.field.choices))
        like: float = 0.5 if self.kind is float else 1
        return Option(self.name, self.default, number(self.name, like, self.field.low, self.field.high).read)


def parameters(
    attack: type,
    defaults: Mapping[str, Any] = MappingProxyType({}),
    unused: frozenset[str] = frozenset(),
    words: Mapping[str, Field] = MappingProxyType({}),
) -> list[Parameter]:
    """The parameters of a registered attack, the important ones first, straight from its dataclass.

    Args:
        attack: a dataclass with defaults.
        defaults: a page's own defaults, instead of the attack's.
        unused: parameters that change nothing on this page.
        words: a page's own fields, instead of the usual ones.
    """
    hints = typing.get_type_hints(attack)
    hidden = HIDDEN | _pointless(attack) | unused
    own = OWN.get(getattr(attack, "name", ""), {}) | dict(words)
    shown = [
        _parameter(
            f.name, hints[f.name], defaults.get(f.name, f.default), own.get(f.name) or FIELDS.get(f.name)
        )
        for f in dataclasses.fields(attack)
        if f.init and f.name not in hidden and f.default is not dataclasses.MISSING
    ]
    known = [parameter for parameter in shown if parameter is not None]
    order = list(FIELDS)
    return sorted(known, key=lambda p: order.index(p.name) if p.name in order else len(order))


def _pointless(attack: type) -> frozenset[str]:
    """Parameters without a choice: the only norm, critics where the usual loss has none, rounding of mass."""
    norms = getattr(attack, "norms", ("linf", "l2"))
    usual = {field.name: field.default for field in dataclasses.fields(attack)}
    hidden = {"norm"} if len(norms) == 1 else set()
    hidden |= set() if learns(str(usual.get("mi"))) else {"critic", "inner", "bound", "pairs"}
    return frozenset(hidden | ({"quantize"} if "wasserstein" in norms else set()))


def _parameter(name: str, hint: Any, default: Any, known: Field | None) -> Parameter | None:
    kind, optional, words = _kind(hint)
    if kind is None:
        return None
    field = known or Field(name.replace("_", " ").capitalize())
    if words:
        choices = {word: field.choices.get(word, word) for word in words}
        field = dataclasses.replace(field, choices=choices)
    if kind is str and not field.choices:
        return None
    return Parameter(name, kind, default, optional, field)


def _kind(hint: Any) -> tuple[type | None, bool, Sequence[str]]:
    """(number, word or switch; may be empty; allowed words) of a type hint."""
    origin = typing.get_origin(hint)
    if origin is typing.Literal:
        return str, False, [str(word) for word in typing.get_args(hint)]
    if origin in (typing.Union, types.UnionType):
        inner = [arg for arg in typing.get_args(hint) if arg is not type(None)]
        kind, _, words = _kind(float if set(inner) == {int, float} else inner[0])
        return kind, type(None) in typing.get_args(hint), words
    return (hint if hint in (bool, int, float, str) else None), False, ()
