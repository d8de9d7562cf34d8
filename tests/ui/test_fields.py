"""The form grows out of an attack's dataclass; links are read with care."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pytest

from advmi_core.attacks import ATTACKS, Attack
from advmi_core.attacks.core.about import Use
from advmi_core.ui.attack.fields import parameters
from advmi_core.ui.widgets.form import option
from advmi_core.ui.widgets.state import Option, choice, flag, number


@dataclass(frozen=True, kw_only=True)
class Newcomer(Attack):
    wobble: int = 3
    mood: Literal["calm", "wild"] = "calm"
    fast: bool = False
    step_size: float | None = None


def test_a_new_attacks_parameters_appear_by_themselves() -> None:
    shown = {p.name: p for p in parameters(Newcomer, Use(presets={"own": {"wobble": 5}}))}
    assert {"eps", "wobble", "mood", "fast", "step_size"} <= set(shown)
    assert "batch_size" not in shown
    assert list(shown)[:2] == ["eps", "steps"]
    assert (shown["wobble"].kind, shown["wobble"].default) == (int, 5)
    assert list(shown["mood"].field.choices) == ["calm", "wild"]
    assert shown["step_size"].optional
    assert option(shown["mood"]).read("wild") == "wild"


@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_every_parameter_of_a_registered_attack_is_explained(name: str) -> None:
    assert [p.name for p in parameters(ATTACKS[name]) if not (p.described and p.field.help)] == []


def test_a_critic_s_settings_are_offered_where_the_usual_term_has_one() -> None:
    own = {"critic", "inner", "bound", "pairs"}
    shown = {name: {p.name for p in parameters(attack)} for name, attack in ATTACKS.items()}
    assert {name for name in ATTACKS if own & shown[name]} == {"minmax", "penalty"}
    assert all(own <= shown[name] for name in ("minmax", "penalty"))
    assert {name for name in ATTACKS if "mi" in shown[name]} == {"minmax", "minmax-solver", "penalty", "pgd"}


@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_every_default_lies_in_its_own_range_and_survives_a_link(name: str) -> None:
    for parameter in parameters(ATTACKS[name]):
        if parameter.default is None:
            continue
        text = (
            {True: "1", False: "0"}[parameter.default] if parameter.kind is bool else str(parameter.default)
        )
        assert option(parameter).read(text) == parameter.default


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (number("eps", 0.3, 0, 1), "nan"),
        (number("eps", 0.3, 0, 1), "1.5"),
        (number("steps", 3, 1, 9), "2.5"),
        (choice("norm", "l2", ("l2", "linf")), "L2"),
        (flag("fast", False), "yes"),
    ],
)
def test_bad_values_are_refused_in_one_sentence(given: Option, text: str) -> None:
    with pytest.raises(ValueError, match=r"must be .*got"):
        given.read(text)
