"""The full table that comes with AdvMI, or how to compute it."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import streamlit as st

from advmi_core.figures.autoencoders.series import of_model
from advmi_core.studies.autoencoders import (
    AUTOENCODERS,
    EPOCHS,
    ROWS,
    RetrainingResult,
    RetrainingStudy,
    StoredError,
    stored,
)
from advmi_core.studies.autoencoders.records import SAME_LOSS
from advmi_core.ui.autoencoders import files, views
from advmi_core.ui.autoencoders.source import Shown
from advmi_core.ui.widgets import tables
from advmi_core.ui.widgets.state import PageState

COMMAND = "advmi table reconstruction --run"
TITLES = {
    "fashion-mnist": "Published UAEs, four autoencoders",
    "fashion-mnist-solver-dense": "The solver's UAEs, dense",
    "fashion-mnist-solver-conv": "The solver's UAEs, convolutional",
}


def draw(state: PageState) -> None:
    """The stored table in all the views that need no UAEs."""
    here = stored.available()
    if not here:
        tables.missing("No full table here yet", COMMAND, "Start computes a small comparison.")
        return
    name = here[0]
    if len(here) > 1:
        name = st.segmented_control(
            "Table", here, default=name, format_func=lambda each: TITLES.get(each, each), required=True,
            key=state.key("shipped-table"), label_visibility="collapsed",
        ) or name  # fmt: skip
    try:
        result = stored.load(name)
    except StoredError as error:
        st.error(str(error), icon=":material/error:")
        return
    st.caption(_about(result))
    shown = Shown(result, f"retraining-{name}")
    views.draw(state, shown)
    files.offer(state, shown)


def _about(result: RetrainingResult) -> str:
    spec: dict[str, Any] = result.spec
    missing = [of_model(name) for name in AUTOENCODERS if name not in spec["models"]]
    more = f" Not computed yet: {', '.join(missing)}." if missing else ""
    return (
        f"Comes with AdvMI: {spec['n']} training images of {spec['dataset']}, {len(spec['seeds'])} seeds, "
        f"losses on its {spec['measured']} split. Made by `{_command(spec)}`.{more}"
    )


def _command(spec: dict[str, Any]) -> str:
    """The command with all that differs from its defaults."""
    models, first = spec["models"], spec["models"][0]
    told = [COMMAND, f"--n {spec['n']}"]
    told += [f"--model {name}" for name in models if len(models) < len(AUTOENCODERS)]
    told += [f"--row {row}" for row in spec["rows"] if len(spec["rows"]) < len(ROWS)]
    if spec["epochs"][first] != EPOCHS.get(first):
        told.append(f"--epochs {spec['epochs'][first]}")
    if SAME_LOSS in spec["rows"]:
        told.append(f"--noise {spec['noise'][first]:g}")
    usual = {field.name: field.default for field in fields(RetrainingStudy)}
    for name in ("fooled", "asr_images"):
        if spec.get(name, usual[name]) != usual[name]:
            told.append(f"--{name.replace('_', '-')} {spec[name]}")
    return " ".join(told)
