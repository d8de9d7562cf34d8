"""The parameter form of an attack: presets above, one control a parameter, Start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from advmi_core.ui.fields import Parameter
from advmi_core.ui.state import PageState

Presets = Mapping[str, Mapping[str, Any]]
CUSTOM = "custom"


def presets(state: PageState, shown: list[Parameter], known: Presets, labels: Mapping[str, str]) -> None:
    """Buttons that fill the form; "custom" as soon as something differs."""
    key = state.key("preset")
    names = [*known, CUSTOM]
    st.session_state[key] = _current(state, shown, known)

    def fill() -> None:
        chosen = known.get(st.session_state[key] or "")
        if chosen is not None:
            for parameter in shown:
                state.set(parameter.name, chosen.get(parameter.name, parameter.default))

    st.segmented_control(
        "Settings",
        names,
        key=key,
        format_func=lambda name: labels.get(name, name),
        on_change=fill,
        width="stretch",
    )


def _current(state: PageState, shown: list[Parameter], known: Presets) -> str:
    for name, values in known.items():
        wanted = {p.name: values.get(p.name, p.default) for p in shown if p.name != "seed"}
        if all(state.value(parameter) == value for parameter, value in wanted.items()):
            return name
    return CUSTOM


def form(state: PageState, shown: list[Parameter]) -> bool:
    """The Start button, in sight without scrolling, and all parameters; True when it was pressed."""
    with st.form(state.key("form"), border=True, enter_to_submit=False):
        pressed = st.form_submit_button(
            "Start", type="primary", icon=":material/play_arrow:", width="stretch"
        )
        for parameter in (p for p in shown if p.field.main):
            _control(state, parameter)
        rest = [p for p in shown if not p.field.main]
        if rest:
            with st.expander("More parameters"):
                for parameter in rest:
                    _control(state, parameter)
        return pressed


def values(state: PageState, shown: list[Parameter]) -> dict[str, Any]:
    """What the form holds."""
    return {parameter.name: state.value(parameter.name) for parameter in shown}


def _control(state: PageState, parameter: Parameter) -> None:
    field, key = parameter.field, state.key(parameter.name)
    if parameter.kind is bool:
        st.toggle(field.label, key=key, help=field.help)
    elif parameter.kind is str:
        words = field.choices
        st.selectbox(field.label, list(words), key=key, help=field.help, format_func=lambda word: words[word])
    else:
        _number(parameter, key)


def _number(parameter: Parameter, key: str) -> None:
    field = parameter.field
    cast = parameter.kind
    low, high, step = cast(field.low), cast(field.high), cast(field.step) or cast(1)
    if field.slider and not parameter.optional:
        st.slider(field.label, low, high, step=step, key=key, help=field.help)
        return
    style = "%d" if cast is int else "%.4g"
    st.number_input(
        field.label, low, high, value=None if parameter.optional else "min", step=step, key=key,
        help=field.help, format=style, placeholder="automatic",
    )  # fmt: skip
