"""A retraining study looked at: losses, curves, pictures, and what moved the UAEs."""

from __future__ import annotations

import math
from collections.abc import Callable

import streamlit as st

from advmi_core.figures.autoencoders import charts as retraining_charts
from advmi_core.figures.autoencoders import table as retraining_table
from advmi_core.figures.autoencoders import text as retraining_words
from advmi_core.figures.autoencoders.series import (
    LOOKS,
    PROTOCOL_TITLES,
    SCALE,
    curves,
    models_of,
    of_model,
    protocols_of,
    select,
    title,
)
from advmi_core.figures.chart import Chart, Line
from advmi_core.figures.text import signed
from advmi_core.studies.autoencoders import ROWS, RowSummary
from advmi_core.studies.autoencoders.records import longest
from advmi_core.ui.autoencoders import (
    latent,
    pictures,
)
from advmi_core.ui.autoencoders.source import Shown
from advmi_core.ui.widgets import callout, charts
from advmi_core.ui.widgets.state import Option, PageState, choice

EPOCHS = {
    "equal-epochs": "epoch",
    "equal-steps": "epoch of the mixed set (original: two of its own)",
}
UAE_ROWS = tuple(row for row in ROWS if row != "original")
_SMALL, _LARGE = 285, 360


def options() -> list[Option]:
    """What is looked at, in the URL."""
    return [
        choice("view", "comparison", list(VIEWS)),
        Option("shown-model", "", str),
        choice("shown-row", "solver-uae", UAE_ROWS),
    ]


def draw(state: PageState, shown: Shown) -> None:
    """Choosers, legend and the chosen view."""
    models = models_of(shown.measured)
    if not models:
        callout.box("note", "No training is finished yet", "The first losses appear with the first training.")
        return
    # What was not drawn while a run was followed would come back without its choice.
    for name in ("view", "shown-model", "shown-row"):
        state.set(name, state.value(name))
    told = {"bought": any(math.isfinite(line.kept) for line in shown.lines)}
    told |= dict.fromkeys(_OF_UAES, bool(shown.result.made))
    offered = [name for name in VIEWS if told.get(name, True)]
    if state.value("view") not in offered:
        state.set("view", offered[0])
    st.segmented_control(
        "View", **state.held_pick("view", offered), format_func=lambda name: VIEWS[name][0], required=True,
        label_visibility="collapsed", width="stretch",
    )  # fmt: skip
    view = str(state.value("view"))
    rows = [row for row in ROWS if any(line.row == row for line in shown.lines)]
    if view in _BY_ROW:
        with st.container(horizontal=True):
            model = _model(state, models)
            _row(state, [row for row in rows if row != "original"])
    else:
        legend, chooser = st.columns([1.5, 1] if len(models) > 1 else [9, 1], vertical_alignment="center")
        with legend:
            charts.legend(_key(rows))
        with chooser:
            model = _model(state, models)
    VIEWS[view][1](state, shown, model)
    if not shown.result.made:
        names = " and ".join(f"“{VIEWS[name][0]}”" for name in _OF_UAES)
        st.caption(f":material/info: {names} look at single UAEs: a run of your own has them, press Start.")


def live(state: PageState, shown: Shown, model: str) -> None:
    """Curves and losses of the autoencoder that is being trained."""
    charts.legend(_key(list(LOOKS)))
    _curves(state, shown, model, _SMALL)
    if shown.measured:
        _bars(state, shown, [model])


def _key(rows: list[str]) -> Chart:
    """What the legend names: the look of every row."""
    return Chart(elements=[Line(style=LOOKS[row], x=[], y=[]) for row in rows])


def _model(state: PageState, models: list[str]) -> str:
    if state.value("shown-model") not in models:
        state.set("shown-model", models[0])
    if len(models) > 1:
        st.segmented_control(
            "Autoencoder", **state.held_pick("shown-model", models), format_func=of_model, required=True,
            label_visibility="collapsed",
        )  # fmt: skip
    return str(state.value("shown-model"))


def _row(state: PageState, rows: list[str]) -> None:
    if rows:
        if state.value("shown-row") not in rows:
            state.set("shown-row", rows[0])
        st.segmented_control(
            "Made by", **state.held_pick("shown-row", rows), format_func=title, required=True,
            label_visibility="collapsed",
        )  # fmt: skip


def _comparison(state: PageState, shown: Shown, model: str) -> None:
    for protocol in protocols_of(shown.lines):
        callout.box("note", *retraining_words.verdict(shown.lines, model, protocol))
    _bars(state, shown, models_of(shown.measured))
    st.caption(
        "Percent: change against the original (dashed) of the same protocol. Whiskers: 95 % interval of the "
        "paired difference over the seeds (Student); where they miss the dashed line the difference is clear."
    )
    table(state, shown, model)


def _bars(state: PageState, shown: Shown, models: list[str]) -> None:
    protocols = protocols_of(shown.lines)
    lines = [line for line in shown.measured if line.model in models]
    # One autoencoder fits beside itself; four would not.
    places = (
        st.columns(len(protocols), gap="small") if len(models) == 1 else [st.container() for _ in protocols]
    )
    for protocol, place in zip(protocols, places, strict=True):
        with place:
            st.markdown(f"**{PROTOCOL_TITLES[protocol]}**")
            charts.draw(
                state, f"bars-{protocol}", retraining_charts.bars(lines, protocol, shown.side),
                f"{PROTOCOL_TITLES[protocol]}: {_said(lines, protocol)}", _SMALL,
            )  # fmt: skip


def table(state: PageState, shown: Shown, model: str) -> None:
    """All numbers of one autoencoder, and of all of them folded away."""
    with st.container(key=state.key("table")):
        mine = [line for line in shown.measured if line.model == model]
        st.table(retraining_table.rows(mine), border="horizontal", hide_index=True)
    st.caption(
        "Loss: mean ± standard deviation over the seeds of the squared error per pixel. Differences are "
        "paired over the seeds; ● marks an interval without 0."
    )
    if len(models_of(shown.measured)) > 1:
        with st.expander("All autoencoders"), st.container(key=state.key("table-all")):
            st.table(retraining_table.rows(shown.measured), border="horizontal", hide_index=True)


def _said(lines: list[RowSummary], protocol: str) -> str:
    return "; ".join(
        f"{of_model(line.model)}, {title(line.row)}: {SCALE * line.mean:.3f} ({signed(line.change, 1)} %)"
        for line in select(lines, protocol)
    )


def _curves(state: PageState, shown: Shown, model: str, height: int = _LARGE) -> None:
    protocols = protocols_of(shown.lines)
    for protocol, place in zip(protocols, st.columns(len(protocols), gap="small"), strict=True):
        with place:
            st.markdown(f"**{PROTOCOL_TITLES[protocol]}**")
            drawn = curves(shown.result.cells, model, protocol)
            ends = "; ".join(f"{title(curve.row)} ends at {curve.mean[-1]:.3f}" for curve in drawn)
            charts.draw(
                state, f"curves-{protocol}", retraining_charts.curves(drawn, EPOCHS[protocol]),
                f"{PROTOCOL_TITLES[protocol]}: {ends}", height,
            )  # fmt: skip
    st.caption(
        "Mean over the seeds; bands reach from the lowest to the highest seed. The trainings on UAEs and "
        "noise are the same under both protocols: only the original is trained a second time, for "
        "as many steps."
    )


def _bought(state: PageState, shown: Shown, model: str) -> None:
    mine = [line for line in shown.measured if line.model == model]
    protocols = protocols_of(mine)
    for protocol, place in zip(protocols, st.columns(len(protocols), gap="small"), strict=True):
        said = retraining_words.bought(mine, model, protocol)
        with place:
            callout.box("note", f"{PROTOCOL_TITLES[protocol]}, {of_model(model)}", said or "Not measured.")
            chart = retraining_charts.bought(mine, protocol, shown.side)
            charts.draw(state, f"bought-{protocol}", chart, said, _LARGE)
    st.caption(
        "Across: the loss on clean images. Upwards: how much of the information in x a new UAE, found by "
        "the solver in the retrained autoencoder, still keeps: the more must stay, the less of the picture "
        f"can be replaced unseen. Means over {shown.result.spec.get('fooled', 0)} {shown.side} images; "
        "whiskers: one standard deviation over the seeds."
    )


def _start(state: PageState, shown: Shown, model: str) -> None:
    said = retraining_words.start_or_optimisation(shown.lines, model)
    if not said:
        callout.box("note", "No UAEs yet", "This view appears when the first UAEs are made.")
        return
    callout.box("note", f"How far from the original, {of_model(model)}", said)
    charts.draw(state, "moved", retraining_charts.moved(shown.lines, model), said, _LARGE)
    st.caption(
        "δ₁ is the random start (after projection onto the box); the rest is what the steps of the attack "
        "moved. As published a UAE is mostly its start: the critic learns all along, so the smallest MI is "
        "the first success's; a warm-up lets it learn before. "
        f"{_noise(shown)}The parts are vectors: their lengths need not add up."
    )


def _noise(shown: Shown) -> str:
    """As what noise is as long."""
    matched = longest([line.row for line in shown.lines])
    return f"Gaussian noise, as long as {title(matched)}, is not optimised. " if matched else ""


Draw = Callable[[PageState, Shown, str], None]
VIEWS: dict[str, tuple[str, Draw]] = {
    "comparison": ("Comparison", _comparison),
    "bought": ("Harder to fool?", _bought),
    "curves": ("Curves", _curves),
    "pictures": ("Reconstructions", pictures.draw),
    "latent": ("Latent space", latent.codes),
    "manifold": ("On the manifold?", latent.manifold),
    "start": ("Start or optimisation?", _start),
}
_OF_UAES = ("latent", "manifold")
_BY_ROW = ("pictures", *_OF_UAES)
