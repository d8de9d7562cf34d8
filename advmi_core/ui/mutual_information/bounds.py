"""MINE on a known truth: several bounds learn side by side, and the right answer is drawn beside them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from advmi_core.figures.chart import Chart
from advmi_core.figures.mutual_information import bounds as figures
from advmi_core.figures.text import number
from advmi_core.jobs import Snapshot
from advmi_core.studies.critics.live import BoundComparison, RaceResult, RaceStep
from advmi_core.ui import layout, work
from advmi_core.ui.mutual_information import race_form
from advmi_core.ui.widgets import callout, charts, downloads
from advmi_core.ui.widgets.plain import plain
from advmi_core.ui.widgets.state import PageState

_FORMULA = (
    r"\small I(a;b)\;\ge\;\mathbb E_{p(a,b)}\,T(a,b)-\log\mathbb E_{p(a)\,p(b)}\,e^{T(a,b)}\quad\text{(DV)}"
)
_WORDS = (
    "For these made-up pairs the mutual information is known. Every bound trains a critic T to tell real "
    "pairs from shuffled ones (T′) and is scored on pairs that it has not seen. A good one climbs to the "
    "grey line and stays there, whatever the seed. Shaded: one standard deviation over the seeds."
)
_POINTS = 60  # of a curve
_FORMATS = {"Error, nats": "%+.3f", "Seconds": "%.1f"}
_CLOSE = 0.15  # nats, or parts of the truth: what is called close


def section(state: PageState) -> None:
    """Draw the section."""
    layout.restore(state, race_form.options())
    layout.restore_run(state, "bounds")
    left, right = st.columns([1, 2.3], gap="medium")
    with left:
        pressed = race_form.draw(state)
    with right:
        st.latex(_FORMULA)
        st.caption(_WORDS)
        if pressed:
            _start(state)
        _outcome(state)


def _job(state: PageState) -> str:
    return state.key("bounds")


def _start(state: PageState) -> None:
    try:
        spec = race_form.spec(state)
    except ValueError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    work.submit(
        _job(state), lambda: spec.run(record_every=max(1, spec.steps // _POINTS)), about=spec, rows=1,
        lane=work.STUDIES, keep=_POINTS * len(spec.bounds),
        label=f"{len(spec.bounds)} bounds × {spec.seeds} seeds",
    )  # fmt: skip


def _outcome(state: PageState) -> None:
    snapshot = work.current(_job(state))
    if snapshot is not None:
        work.follow(_job(state), lambda now: _show(state, now))
        return
    callout.box("note", "Ready", "Press Start: every bound draws its curve, the grey line is the truth.")
    steps = int(state.value("race-steps"))
    _chart(state, (), race_form.bounds(state), float(state.value("race-mi")), steps)


def _show(state: PageState, snapshot: Snapshot) -> None:
    spec: BoundComparison = snapshot.about
    if work.ended_with_nothing(snapshot):
        return
    if snapshot.active:
        work.progress(_job(state), snapshot)
    else:
        _say(snapshot)
    records, result = snapshot.records, snapshot.result
    shown = records if result is None else figures.ended(records, result)
    chart = _chart(state, shown, spec.bounds, spec.truth, spec.steps)
    if snapshot.result is not None:
        _table(snapshot.result)
        downloads.row(state, "advmi-bounds", {"Race": lambda: chart}, name="race-files")


def _chart(
    state: PageState, records: Sequence[RaceStep], bounds: Sequence[str], truth: float, steps: int
) -> Chart:
    latest = {
        name: number(float(c.mean[-1])) for name, c in figures.curves(records, bounds).items() if len(c.mean)
    }
    said = ", ".join(f"{_name(name)} {value}" for name, value in latest.items()) or "not started"
    chart = figures.race(records, bounds, truth, steps)
    alt = f"Estimates over the critic's steps against the truth of {number(truth)} nats: {said}"
    charts.draw(state, "race", chart, alt)
    return chart


def _say(snapshot: Snapshot) -> None:
    """The outcome in one sentence."""
    result: RaceResult = snapshot.result
    error = np.abs(result.mean - result.truth)
    best, worst = int(error.argmin()), int(error.argmax())
    near, far = (f"{_name(result.bounds[i])} with {number(result.mean[i])}" for i in (best, worst))
    title, text = f"Closest to {number(result.truth)} nats: {near}", f"Furthest from it: {far}."
    if snapshot.state == "cancelled":
        done = snapshot.records[-1].step if snapshot.records else 0
        text = f"Partial result: cancelled after {done} of {snapshot.records[-1].total} steps. {text}"
    callout.box("good" if error[best] < _CLOSE * max(1.0, result.truth) else "note", title, text)


def _table(result: RaceResult) -> None:
    """Final value, error, spread and seconds of every bound, and what its runs say against themselves."""
    rows = {
        "Bound": [_name(name) for name in result.bounds],
        "Held out, nats": result.mean,
        "Error, nats": result.mean - result.truth,
        "Spread over seeds (std)": result.spread,
        "Seconds": result.seconds,
    }
    st.dataframe(
        rows, hide_index=True, height="content",
        column_config={
            name: st.column_config.NumberColumn(format=_FORMATS.get(name, "%.3f")) for name in list(rows)[1:]
        },
    )  # fmt: skip
    for name, warnings in zip(result.bounds, result.warnings, strict=True):
        for warning in warnings:
            st.caption(f":material/warning: {_name(name)}: {warning}")


def _name(bound: str) -> str:
    return figures.styles([bound])[bound].title
