"""A form of parameters: presets above, one control a parameter, Start."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import streamlit as st

from advmi_core.fields import Parameter, Presets, parameter
from advmi_core.figures.text import number
from advmi_core.ui.widgets.state import Option, PageState, choice, flag
from advmi_core.ui.widgets.state import number as numeric

CUSTOM = "custom"
SHORT = "%.4g"  # a number from a link may lie between two of the slider's own


def of(record: type, name: str, called: str = "", default: Any = None, **changes: Any) -> Parameter:
    """A field of a dataclass as a parameter of a page.

    Args:
        record, name: the dataclass and its field.
        called: its name in the URL, where that is another.
        default: of the page, where that is another.
        changes: of what is said of it: another range, label or help.
    """
    told = parameter(record, name)
    return replace(
        told, name=called or name, default=told.default if default is None else default,
        field=replace(told.field, **changes),
    )  # fmt: skip


def option(parameter: Parameter) -> Option:
    """The same parameter in the URL."""
    name, default, field = parameter.name, parameter.default, parameter.field
    if parameter.kind is bool:
        return flag(name, bool(default))
    if parameter.kind is str:
        return choice(name, str(default), tuple(field.choices))
    like: float = 0.5 if parameter.kind is float else 1
    return Option(name, default, numeric(name, like, *field.span).read)


def presets(
    state: PageState,
    shown: list[Parameter],
    known: Presets,
    labels: Mapping[str, str] = MappingProxyType({}),
    elsewhere: Mapping[str, Callable[[], None]] = MappingProxyType({}),
) -> None:
    """Buttons that fill the form; "custom" as soon as something differs.

    Args:
        state, shown: the page and the parameters of its form.
        known: values by the preset's name; ``labels``: what it is called, where that is not its name.
        elsewhere: presets that need another form.
    """
    key = state.key("preset")
    names = [*known, *elsewhere, CUSTOM]
    now = _current(state, shown, known)
    st.session_state[key] = now

    def fill() -> None:
        name = st.session_state[key] or ""
        if name in elsewhere:
            elsewhere[name]()
        chosen = known.get(name)
        if chosen is not None:
            for parameter in shown:
                state.set(parameter.name, chosen.get(parameter.name, parameter.default))

    st.segmented_control(
        "Settings",
        names,
        key=key,
        default=now,
        format_func=lambda name: labels.get(name, name.capitalize()),
        on_change=fill,
        width="stretch",
    )


def _current(state: PageState, shown: list[Parameter], known: Presets) -> str:
    for name, values in known.items():
        wanted = {p.name: values.get(p.name, p.default) for p in shown if p.name != "seed"}
        if all(state.value(parameter) == value for parameter, value in wanted.items()):
            return name
    return CUSTOM


def form(state: PageState, shown: list[Parameter], help: str | None = None) -> bool:
    """The Start button, in sight without scrolling, and all parameters; True when it was pressed."""
    with st.form(state.key("form"), border=True, enter_to_submit=False):
        pressed = st.form_submit_button(
            "Start", type="primary", icon=":material/play_arrow:", width="stretch", help=help
        )
        for parameter in (p for p in shown if p.field.main):
            control(state, parameter)
        rest = [p for p in shown if not p.field.main]
        if rest:
            with st.expander("More parameters"):
                for parameter in rest:
                    control(state, parameter)
        return pressed


def values(state: PageState, shown: list[Parameter]) -> dict[str, Any]:
    """What the form holds."""
    return {parameter.name: state.value(parameter.name) for parameter in shown}


def control(state: PageState, parameter: Parameter) -> None:
    """One parameter as its field says."""
    field, name = parameter.field, parameter.name
    if parameter.kind is bool:
        st.toggle(field.label, **state.held(name), help=field.help)
    elif parameter.kind is str:
        words = field.choices
        st.selectbox(
            field.label, **state.held_choice(name, words), help=field.help, format_func=words.__getitem__
        )
    else:
        _number(state, parameter)


def _number(state: PageState, parameter: Parameter) -> None:
    field, held = parameter.field, state.held(parameter.name)
    cast = parameter.kind
    low, high, step = *map(cast, field.span), cast(field.step)
    if field.slider and not parameter.optional:
        style = None if cast is int else SHORT
        st.slider(field.label, low, high, step=step, **held, format=style, help=field.help)
        return
    if field.marks:
        options = sorted({*field.marks, held["value"]})  # a link may hold one between two marks
        st.select_slider(field.label, options, **held, format_func=number, help=field.help)
        return
    style = "%d" if cast is int else SHORT
    st.number_input(
        field.label, low, high, **held, step=step, help=field.help, format=style, placeholder="automatic"
    )
