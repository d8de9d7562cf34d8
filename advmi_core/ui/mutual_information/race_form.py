"""The form of a race between bounds: task, truth, sizes, and who takes part."""

from __future__ import annotations

import streamlit as st

from advmi_core.fields import Field, Parameter, Presets
from advmi_core.figures.mutual_information.bounds import STYLES
from advmi_core.studies.critics.live import BoundComparison
from advmi_core.ui.widgets import form
from advmi_core.ui.widgets.state import Option, PageState

_FORMULAS = {
    "dv": r"I\ge\mathbb E\,T-\log\mathbb E\,e^{T'}",
    "infonce": r"I\ge\mathbb E\log\frac{e^{T_{ii}}}{\frac1K\sum_j e^{T_{ij}}}\le\log K",
    "nwj": r"I\ge\mathbb E\,T-e^{-1}\,\mathbb E\,e^{T'}",
    "smile": r"\mathbb E\,T-\log\mathbb E\,e^{\mathrm{clip}(T',-5,5)}",
    "mine": r"\text{DV, its gradient over a moving average of }\mathbb E\,e^{T'}",
}
_LABELS = {
    "easy": "1 nat", "much": "5 nats", "high": "20-d", "few": "Few", form.CUSTOM: "Custom",
}  # fmt: skip
_PRESETS: Presets = {
    "easy": {},
    "much": {"race-mi": 5.0, "race-dim": 5, "race-steps": 800, "race-seeds": 2},
    "high": {"race-mi": 2.0, "race-dim": 20, "race-samples": 10_000},
    "few": {"race-samples": 200},
}


_FIELDS = {
    name: form.of(BoundComparison, name, f"race-{name}")
    for name in ("task", "mi", "dim", "seeds", "samples", "steps")
}
_CHOSEN = {
    name: Parameter(f"race-{name}", bool, True, False, Field(STYLES[name].title, f"${formula}$"))
    for name, formula in _FORMULAS.items()
}
_ALL = [*_FIELDS.values(), *_CHOSEN.values()]


def options() -> list[Option]:
    """The form's parameters in the URL."""
    return [form.option(parameter) for parameter in _ALL]


def draw(state: PageState) -> bool:
    """Presets and form; True when Start was pressed."""
    form.presets(state, _ALL, _PRESETS, _LABELS)
    with st.form(state.key("race"), border=True, enter_to_submit=False):
        pressed = st.form_submit_button(
            "Start", type="primary", icon=":material/play_arrow:", width="stretch"
        )
        task, mi, *numbers = _FIELDS.values()
        form.control(state, task)
        form.control(state, mi)
        for column, parameter in zip([*st.columns(2), *st.columns(2)], numbers, strict=True):
            with column:
                form.control(state, parameter)
        with st.container(horizontal=True, gap="small"):
            for parameter in _CHOSEN.values():
                st.checkbox(
                    parameter.field.label, **state.held(parameter.name), help=parameter.field.help,
                    width="content",
                )  # fmt: skip
        return pressed


def bounds(state: PageState) -> tuple[str, ...]:
    """Who takes part."""
    return tuple(name for name, parameter in _CHOSEN.items() if state.value(parameter.name))


def spec(state: PageState) -> BoundComparison:
    """What the form holds.

    Raises:
        ValueError: nobody takes part, or the task cannot have this dimension or mutual information.
    """
    given = {name: state.value(parameter.name) for name, parameter in _FIELDS.items()}
    return BoundComparison(**given, bounds=bounds(state))
