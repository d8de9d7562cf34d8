"""Effect of NAMID's term on one nearly trained model: the studies that come with AdvMI."""

from __future__ import annotations

from typing import Any

import streamlit as st

from advmi_core.figures.robustness import term as robustness_term
from advmi_core.ui.widgets import callout, charts, downloads, tables
from advmi_core.ui.widgets.state import PageState

_STEM = "namid-late"


def studies() -> list[dict[str, Any]]:
    """Those that are whole, the first one of the shipped budget."""
    names = sorted(path.stem for path in tables.folder().glob(f"{_STEM}*.json"))
    found = [tables.read(name, {"spec", "rows"}) for name in names]
    return [study for study in found if study is not None and robustness_term.fits(study)]


def draw(state: PageState, found: list[dict[str, Any]]) -> None:
    """The verdict, all differences in one figure, and a table a study."""
    callout.box(*robustness_term.said(found))
    st.markdown("**Difference from the model that goes on alone**, paired 95 % interval over the images")
    chart = robustness_term.forest(found)
    charts.legend(chart)
    charts.draw(state, "term", chart, "Differences of all settings of NAMID's term")
    for at, study in enumerate(found):
        st.markdown(f"**{robustness_term.budget(study)}**: {robustness_term.measured(study)}")
        with st.container(key=state.key(f"table-term-{at}")):
            st.table(robustness_term.table(study), border="horizontal", hide_index=True)
    st.caption(robustness_term.CAPTION)
    downloads.row(state, f"advmi-{_STEM}", {"Differences": lambda: chart}, name="term-files")
