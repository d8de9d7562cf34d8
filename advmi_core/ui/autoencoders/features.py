"""Do UAEs help what is learnt? Feature selection by a concrete autoencoder, and a contrastive encoder."""

from __future__ import annotations

import streamlit as st

from advmi_core.figures.autoencoders import features_table
from advmi_core.ui.widgets import callout, tables
from advmi_core.ui.widgets.state import PageState


def draw(state: PageState) -> None:
    """The studies' tables, each with what its intervals allow to say."""
    for name, (heading, _) in features_table.STUDIES.items():
        table = tables.read(name, features_table.KEYS)
        whole = table is not None and features_table.fits(table)
        if not whole and name.endswith(features_table.SOLVER):
            continue
        st.header(heading, anchor=False)
        if table is None or not whole:
            tables.missing("Not measured here yet", features_table.command(name))
            continue
        for verdict in features_table.verdicts(table):
            callout.box("note", *verdict)
        with st.container(key=state.key(f"table-{name}")):
            st.table(features_table.lines(table), border="horizontal", hide_index=True)
        st.caption(features_table.caption(table, name))
