"""The form of a race between bounds: task, truth, sizes, and who takes part."""

from __future__ import annotations

import streamlit as st

from advmi_core.fields import Field, Parameter
from advmi_core.figures.mutual_information.bounds import STYLES
from advmi_core.mi.dataset.tasks import LARGEST_DIM, TASKS
from advmi_core.studies.critics.live import BoundComparison
from advmi_core.ui.attack import form
from advmi_core.ui.attack.fields import option
from advmi_core.ui.widgets.state import Option, PageState

_TASKS = {
    "gaussian": "Correlated Gaussians",
    "half-cube": "Gaussians, half-cube map",
    "asinh": "Gaussians, asinh map",
    "spiral": "Gaussians wound into a spiral",
    "rotation-cubic": "Gaussians, rotated and cubed",
    "noisy-channel": "Symbols over a noisy channel",
}
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
_PRESETS: form.Presets = {
    "easy": {},
    "much": {"race-mi": 5.0, "race-dim": 5, "race-steps": 800, "race-seeds": 2},
    "high": {"race-mi": 2.0, "race-dim": 20, "race-samples": 10_000},
    "few": {"race-samples": 200},
}


def _whole(name: str, default: int, label: str, low: int, high: int, step: int, said: str) -> Parameter:
    return Parameter(name, int, default, False, Field(label, said, low, high, step))


_TASK = Parameter(
    "race-task", str, "gaussian", False,
    Field(
        "Pairs (a, b)", "Invertible maps of a and b change how the pairs look, but not their MI.",
        choices={name: _TASKS.get(name, name) for name in TASKS},
    ),
)  # fmt: skip
_MI = Parameter(
    "race-mi",
    float,
    1.0,
    False,
    Field("True MI, nats: −½ d log(1 − ρ²)", "0: a and b are independent.", 0.0, 8.0, 0.1),
)
_NUMBERS = [
    _whole("race-dim", 1, "Dimension d", 1, LARGEST_DIM, 1, "Of a and of b."),
    _whole("race-seeds", 3, "Seeds", 1, 8, 1, "Repetitions with other pairs and other critics."),
    _whole("race-samples", 4000, "Pairs N", 64, 10_000, 100, "All of them, those held out included."),
    _whole("race-steps", 300, "Critic steps", 20, 5000, 100, "Adam steps of every run."),
]
_CHOSEN = {
    name: Parameter(f"race-{name}", bool, True, False, Field(STYLES[name].title, f"${formula}$"))
    for name, formula in _FORMULAS.items()
}
_ALL = [_TASK, _MI, *_NUMBERS, *_CHOSEN.values()]


def options() -> list[Option]:
    """The form's parameters in the URL."""
    return [option(parameter) for parameter in _ALL]


def draw(state: PageState) -> bool:
    """Presets and form; True when Start was pressed."""
    form.presets(state, _ALL, _PRESETS, _LABELS)
    with st.form(state.key("race"), border=True, enter_to_submit=False):
        pressed = st.form_submit_button(
            "Start", type="primary", icon=":material/play_arrow:", width="stretch"
        )
        words = _TASK.field.choices
        st.selectbox(
            _TASK.field.label, **state.held_choice(_TASK.name, words), help=_TASK.field.help,
            format_func=words.__getitem__,
        )  # fmt: skip
        st.slider(_MI.field.label, 0.0, 8.0, step=0.1, **state.held(_MI.name), help=_MI.field.help)
        columns = [*st.columns(2), *st.columns(2)]
        for column, parameter in zip(columns, _NUMBERS, strict=True):
            field = parameter.field
            column.number_input(
                field.label, int(field.low), int(field.high), step=int(field.step),
                **state.held(parameter.name), help=field.help,
            )  # fmt: skip
        with st.container(horizontal=True, gap="small"):
            for parameter in _CHOSEN.values():
                st.checkbox(
                    parameter.field.label, **state.held(parameter.name), help=parameter.field.help,
                    width="content",
                )  # fmt: skip
        return pressed


def _spec(state: PageState) -> BoundComparison:
    dim, seeds, samples, steps = (int(state.value(parameter.name)) for parameter in _NUMBERS)
    bounds = tuple(name for name, parameter in _CHOSEN.items() if state.value(parameter.name))
    return BoundComparison(
        task=str(state.value(_TASK.name)), mi=float(state.value(_MI.name)), dim=dim, seeds=seeds,
        samples=samples, steps=steps, bounds=bounds,
    )  # fmt: skip


def bounds(state: PageState) -> tuple[str, ...]:
    """Who takes part."""
    return tuple(name for name, parameter in _CHOSEN.items() if state.value(parameter.name))


def truth(state: PageState) -> float:
    """The wanted mutual information, nats."""
    return float(state.value(_MI.name))


def spec(state: PageState) -> BoundComparison:
    """What the form holds.

    Raises:
        ValueError: nobody takes part, or the task cannot have this dimension or mutual information.
    """
    dim, seeds, samples, steps = (int(state.value(parameter.name)) for parameter in _NUMBERS)
    return BoundComparison(
        task=str(state.value(_TASK.name)), mi=truth(state), dim=dim, seeds=seeds, samples=samples,
        steps=steps, bounds=bounds(state),
    )  # fmt: skip
