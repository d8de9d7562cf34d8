"""Files of a defence study, and the way of its model to the page that attacks it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from advmi_core.figures.chart import Chart, Drawing, Grid, titled
from advmi_core.figures.defence import charts
from advmi_core.figures.defence import table as defence_table
from advmi_core.figures.defence.series import equations, names
from advmi_core.figures.tabular import json_bytes
from advmi_core.studies.defence import DefenceStudyResult
from advmi_core.studies.defence.records import DEFENCE, STANDARD
from advmi_core.ui import resources
from advmi_core.ui.attack import supervised
from advmi_core.ui.widgets import downloads
from advmi_core.ui.widgets.downloads import File
from advmi_core.ui.widgets.state import PageState


def offer(state: PageState, result: DefenceStudyResult) -> None:
    """Buttons: attack the trained model, and save figures, curves, measurements and settings."""
    _attack(state, result)
    stem = f"advmi-defence-{result.lesson.defense}"
    downloads.row(
        state, stem, figures(result),
        [
            File("Curves", f"{stem}-curves.csv", partial(defence_table.curves_csv, result)),
            File("Attacks", f"{stem}-attacks.csv", partial(defence_table.attacks_csv, result)),
            File("Settings", f"{stem}-settings.json", partial(json_bytes, result.lesson.spec())),
        ],
    )  # fmt: skip


def figures(result: DefenceStudyResult) -> dict[str, Callable[[], Drawing]]:
    """Title → what makes the figure, of those that are there."""
    found: dict[str, Callable[[], Drawing]] = {}
    if result.training(STANDARD):
        stage = DEFENCE if result.training(DEFENCE) else STANDARD
        found["Training"] = lambda: charts.training(result, stage)
    if result.measured:
        found["Attacks"] = lambda: _both(result, charts.radars(result))
        found["Natural + adversarial"] = lambda: _both(result, charts.splits(result))
        means, count = equations(result)
        if count:
            found["Estimators"] = lambda: charts.equations(means)
    return found


def _both(result: DefenceStudyResult, drawn: dict[str, Chart]) -> Grid:
    """Both models side by side."""
    return Grid(charts=[titled(drawn[model], title) for model, title in names(result).items()], columns=2)


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
