"""The full table that comes with AdvMI, or how to compute it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from advmi_core.figures.autoencoders.series import of_model
from advmi_core.studies.autoencoders import AUTOENCODERS, RetrainingResult, StoredError, stored
from advmi_core.ui import resources
from advmi_core.ui.autoencoders import files, views
from advmi_core.ui.autoencoders.source import Shown
from advmi_core.ui.widgets import tables
from advmi_core.ui.widgets.state import PageState

COMMAND = "advmi table reconstruction --run"


def draw(state: PageState) -> None:
    """The stored table in all the views that need no UAEs."""
    if resources.DATASET not in stored.available():
        tables.missing("No full table here yet", COMMAND, "Start computes a small comparison.")
        return
    try:
        result = stored.load(resources.DATASET)
    except StoredError as error:
        st.error(str(error), icon=":material/error:")
        return
    st.caption(_about(result))
    shown = Shown(result, f"retraining-{resources.DATASET}")
    views.draw(state, shown)
    files.offer(state, shown)


def _about(result: RetrainingResult) -> str:
    spec: dict[str, Any] = result.spec
    some = (
        "".join(f" --model {name}" for name in spec["models"])
        if len(spec["models"]) < len(AUTOENCODERS)
        else ""
    )
    missing = [of_model(name) for name in AUTOENCODERS if name not in spec["models"]]
    more = f" Not computed yet: {', '.join(missing)}." if missing else ""
    return (
        f"Comes with AdvMI: {spec['n']} training images of {spec['dataset']}, {len(spec['seeds'])} seeds, "
        f"losses on its {spec['measured']} split. Made by `{COMMAND} --n {spec['n']}{some}`.{more}"
    )
