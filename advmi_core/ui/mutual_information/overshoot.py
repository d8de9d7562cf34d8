"""Overshoot of DV: few pairs are learnt by heart, and the value on them says nothing about others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from advmi_core.fields import Presets
from advmi_core.figures.mutual_information import overshoot as figures
from advmi_core.figures.text import number
from advmi_core.jobs import Snapshot
from advmi_core.studies.critics.overshoot import (
    KS,
    SampleSizeResult,
    SampleSizeStep,
    SampleSizeSweep,
    reached,
)
from advmi_core.ui import layout, work
from advmi_core.ui.widgets import callout, charts, downloads, form
from advmi_core.ui.widgets.state import PageState, choice

_POINTS = 40  # of a curve, at least; less than twice as many
_AGREE = 0.25  # nats between in-sample and held-out value that one would call the same
_FORMULA = (
    r"\small I_\theta=\frac1K\sum_k T(a_k,b_k)-\log\frac1{K(K-1)}\sum_{i\ne j}e^{T(a_i,b_j)}"
    r"\qquad\text{has no upper limit on K fixed pairs}"
)
_WORDS = (
    "A critic that sees only K pairs can learn them by heart: it gives *these* pairs high scores and all "
    "their shuffles low ones, and the in-sample value climbs past the truth and past log K. On pairs that it "
    "has not seen the same critic is confidently wrong, and the held-out value falls. One image has K = 32 "
    "maps."
)
_FIELDS = {name: form.of(SampleSizeSweep, name, f"sweep-{name}") for name in ("mi", "dim", "steps")}
_ALL = list(_FIELDS.values())
_LABELS = {"usual": "3-d, 1 nat", "independent": "0 nats", "line": "1-d", form.CUSTOM: "Custom"}
_PRESETS: Presets = {
    "usual": {}, "independent": {"sweep-mi": 0.0}, "line": {"sweep-dim": 1},
}  # fmt: skip


def section(state: PageState) -> None:
    """Draw the section."""
    layout.restore(state, [choice("sweep-k", "64", [str(k) for k in KS]), *(form.option(p) for p in _ALL)])
    layout.restore_run(state, "overshoot")
    left, right = st.columns([1, 2.9], gap="medium")
    with left:
        st.select_slider(
            "Pairs K that the critic sees", [str(k) for k in KS], **state.held("sweep-k"),
            help="Is computed first; afterwards the slider walks through all K.",
        )  # fmt: skip
        form.presets(state, _ALL, _PRESETS, _LABELS)
        pressed = _form(state)
        st.caption(_WORDS)
    with right:
        st.latex(_FORMULA)
        if pressed:
            _start(state)
        _outcome(state)


def _form(state: PageState) -> bool:
    with st.form(state.key("sweep"), border=True, enter_to_submit=False):
        pressed = st.form_submit_button(
            "Start", type="primary", icon=":material/play_arrow:", width="stretch"
        )
        for place, parameter in zip((st.container(), *st.columns(2)), _ALL, strict=True):
            with place:
                form.control(state, parameter)
        return pressed


def _job(state: PageState) -> str:
    return state.key("overshoot")


def _chosen(state: PageState) -> int:
    return int(state.value("sweep-k"))


def _spec(state: PageState) -> SampleSizeSweep:
    first = _chosen(state)
    given = {name: state.value(parameter.name) for name, parameter in _FIELDS.items()}
    return SampleSizeSweep(**given, ks=(first, *(k for k in KS if k != first)))


def _start(state: PageState) -> None:
    spec = _spec(state)
    every = max(1, spec.steps // _POINTS)
    work.submit(
        _job(state), lambda: spec.run(record_every=every), label=f"DV on {len(KS)} sample sizes",
        about=spec, rows=1, lane=work.STUDIES,
        keep=2 * (_POINTS + 1) * len(KS),  # every last step must be among them
    )  # fmt: skip


def _outcome(state: PageState) -> None:
    snapshot = work.current(_job(state))
    if snapshot is not None:
        work.follow(_job(state), lambda now: _show(state, now))
        return
    callout.box("note", "Ready", "Press Start: the chosen K is trained first, then all the others.")
    _charts(state, _spec(state), ())


def _show(state: PageState, snapshot: Snapshot) -> None:
    if work.ended_with_nothing(snapshot):
        return
    if snapshot.active:
        work.progress(_job(state), snapshot)
    else:
        _say(snapshot)
    _charts(state, snapshot.about, snapshot.records, ended=not snapshot.active)


def _say(snapshot: Snapshot) -> None:
    """The outcome in one sentence."""
    result: SampleSizeResult = snapshot.result
    if not result.ks:
        callout.box("note", "Cancelled", "No K had reached its last step.")
        return
    train, held_out = result.train.mean(1), result.held_out.mean(1)
    title = f"With {result.ks[0]} pairs: {number(float(train[0]))} nats in sample"
    text = f"On unseen pairs {number(float(held_out[0]))}, the truth is {number(result.truth)}. "
    apart = np.flatnonzero(train - held_out > _AGREE)
    if not len(apart):
        text += f"The two agree within {_AGREE} nats for every K."
    elif apart[-1] + 1 < len(result.ks):
        text += f"From K = {result.ks[apart[-1] + 1]} on the two agree within {_AGREE} nats."
    else:
        text += "Even the largest K is too small for the two to agree."
    if snapshot.state == "cancelled":
        text = f"Partial result: {len(result.ks)} of {len(KS)} K are done. {text}"
    callout.box("note", title, text)


def _charts(
    state: PageState, spec: SampleSizeSweep, records: Sequence[SampleSizeStep], *, ended: bool = False
) -> None:
    chosen, so_far = _chosen(state), reached(spec, records)
    left, right = st.columns(2, gap="small")
    course = figures.course(records, chosen, spec.truth, spec.steps)
    with left:
        alt = f"In-sample and held-out estimate over the steps for K = {chosen}, truth {number(spec.truth)}"
        charts.draw(state, "course", course, alt)
    finals = ", ".join(
        f"K {k}: {number(float(a.mean()))} against {number(float(b.mean()))}"
        for k, a, b in zip(so_far.ks, so_far.train, so_far.held_out, strict=True)
    )
    with right:
        alt = f"In-sample against held-out value at the last step by K: {finals or 'none yet'}"
        charts.draw(state, "by-k", figures.by_k(so_far, KS, chosen), alt)
    if ended:
        shown = {"One K": lambda: course, "All K": lambda: figures.by_k(so_far, KS)}
        downloads.row(state, "advmi-overshoot", shown, name="overshoot-files")
