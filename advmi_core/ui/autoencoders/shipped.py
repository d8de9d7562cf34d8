"""The full table that comes with AdvMI, or how to compute it."""

from __future__ import annotations

import streamlit as st

from advmi_core.experiments.shipped import StoredError
from advmi_core.figures.autoencoders import shipped as retraining_shipped
from advmi_core.studies.autoencoders import stored
from advmi_core.ui.autoencoders import files, views
from advmi_core.ui.autoencoders.source import Shown
from advmi_core.ui.widgets import tables
from advmi_core.ui.widgets.state import PageState


def draw(state: PageState) -> None:
    """The stored table in all the views that need no UAEs."""
    here = stored.available()
    if not here:
        tables.missing(
            "No full table here yet", retraining_shipped.COMMAND, "Start computes a small comparison."
        )
        return
    name = here[0]
    if len(here) > 1:
        name = st.segmented_control(
            "Table", here, default=name, format_func=retraining_shipped.title, required=True,
            key=state.key("shipped-table"), label_visibility="collapsed",
        ) or name  # fmt: skip
    try:
        result = stored.load(name)
    except StoredError as error:
        st.error(str(error), icon=":material/error:")
        return
    st.caption(retraining_shipped.about(result))
    shown = Shown(result, f"retraining-{name}")
    views.draw(state, shown)
    files.offer(state, shown)
