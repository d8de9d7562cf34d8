"""Files of a retraining study: table, settings, and every figure for print; made when asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal

import streamlit as st
from matplotlib.figure import Figure

from advmi_core.figures.attack import export
from advmi_core.figures.attack.print import save
from advmi_core.figures.autoencoders import (
    latent_print as retraining_latent_print,
)
from advmi_core.figures.autoencoders import (
    print as retraining_print,
)
from advmi_core.figures.autoencoders import (
    table as retraining_table,
)
from advmi_core.figures.autoencoders.series import (
    PROTOCOL_TITLES,
    curves,
    models_of,
    of_model,
    protocols_of,
)
from advmi_core.ui.autoencoders import latent
from advmi_core.ui.autoencoders.source import Shown
from advmi_core.ui.autoencoders.views import EPOCHS
from advmi_core.ui.widgets.state import PageState

Kind = Literal["png", "svg", "pdf"]
_MIMES: dict[Kind, str] = {"png": "image/png", "svg": "image/svg+xml", "pdf": "application/pdf"}
_NAMES = {
    "bars": "Losses",
    "curves": "Curves",
    "moved": "Start or optimisation",
    "latent": "Latent space",
    "manifold": "On the manifold",
}


def offer(state: PageState, shown: Shown) -> None:
    """A row of download buttons; figures are of the autoencoder and row that are looked at."""
    model, row = str(state.value("shown-model")), str(state.value("shown-row"))
    if model not in models_of(shown.measured):
        return
    names = [name for name in _NAMES if _has(name, shown, model, row)]
    with st.container(horizontal=True, vertical_alignment="bottom", key=state.key("files")):
        name = st.selectbox(
            "Figure to save", names, key=state.key("figure"), format_func=_NAMES.__getitem__, width=170
        )
        for kind, mime in _MIMES.items():
            made = _picture(name, shown, model, row, kind)
            _button(state, "Figure", f"{shown.stem}-{model}-{name}.{kind}", made, mime)
        lines = shown.measured
        table = (
            ("csv", "text/csv", retraining_table.as_csv),
            ("tex", "application/x-tex", retraining_table.as_latex),
        )
        for suffix, mime, write in table:
            _button(state, "Table", f"{shown.stem}.{suffix}", partial(write, lines), mime)
        spec = shown.result.spec
        _button(state, "Settings", f"{shown.stem}.json", lambda: export.spec_json(spec), "application/json")


def _has(name: str, shown: Shown, model: str, row: str) -> bool:
    return name not in ("latent", "manifold") or shown.uaes(model, row) is not None


def figure(name: str, shown: Shown, model: str, row: str) -> Figure:
    """A figure for print, by its name."""
    if name == "bars":
        return retraining_print.bars(shown.measured, shown.side)
    if name == "moved":
        return retraining_print.moved(shown.lines, model)
    if name == "latent":
        drawn = latent.plane(shown, model, row)
        assert drawn is not None
        return retraining_latent_print.codes(drawn, row)
    if name == "manifold":
        return retraining_latent_print.manifold(latent.clouds(shown, model, row) or [])
    protocols = protocols_of(shown.lines)
    panels = [
        (f"{PROTOCOL_TITLES[protocol]}, {of_model(model)}", curves(shown.result.cells, model, protocol))
        for protocol in protocols
    ]
    return retraining_print.curves(panels, [EPOCHS[protocol] for protocol in protocols])


def _picture(name: str, shown: Shown, model: str, row: str, kind: Kind) -> Callable[[], bytes]:
    return lambda: save(figure(name, shown, model, row), kind)


def _button(state: PageState, label: str, name: str, make: Callable[[], bytes], mime: str) -> None:
    kind = name.rpartition(".")[2]
    st.download_button(
        f"{label} · {kind.upper()}", make, f"advmi-{name}", mime, key=state.key(f"file-{label}-{kind}"),
        on_click="ignore", icon=":material/download:",
    )  # fmt: skip
