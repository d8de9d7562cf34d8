"""Files of a defence study, and the way of its model to the page that attacks it."""

from __future__ import annotations

from functools import partial

import streamlit as st

from advmi_core.figures.attack import export
from advmi_core.figures.defence import table as defence_table
from advmi_core.figures.defence.series import names
from advmi_core.studies.defence import DefenceStudyResult
from advmi_core.studies.defence.records import DEFENCE, STANDARD
from advmi_core.ui import resources
from advmi_core.ui.attack import supervised
from advmi_core.ui.widgets.state import PageState


def offer(state: PageState, result: DefenceStudyResult) -> None:
    """Buttons: attack the trained model, and save curves, measurements and settings."""
    with st.container(horizontal=True, key=state.key("files")):
        _attack(state, result)
        stem = f"advmi-defence-{result.lesson.defense}"
        made = (
            ("Curves", "csv", "text/csv", partial(defence_table.curves_csv, result)),
            ("Attacks", "csv", "text/csv", partial(defence_table.attacks_csv, result)),
            ("Settings", "json", "application/json", partial(export.spec_json, result.lesson.spec())),
        )
        for label, kind, mime, make in made:
            st.download_button(
                f"{label} · {kind.upper()}", make, f"{stem}-{label.lower()}.{kind}", mime,
                key=state.key(f"file-{label}"), on_click="ignore", icon=":material/download:",
            )  # fmt: skip


def _attack(state: PageState, result: DefenceStudyResult) -> None:
    """The defence if it is trained, else Standard."""
    model = DEFENCE if DEFENCE in result.weights else STANDARD
    if model not in result.weights:
        return
    if st.button(
        "Attack this model", key=state.key("attack"), type="primary", icon=":material/label:",
        help=f"Opens Supervised with the {names(result)[model]} model that was trained here.",
    ):  # fmt: skip
        supervised.choose_model(resources.name_of(result.weights[model]))
        st.switch_page(supervised.SCRIPT)
