"""One image, its maps: what per-sample MINE sees, and why its number is not a measurement."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st
import torch

from advmi_core.figures.attack import text as words
from advmi_core.figures.mutual_information import scores as mi_scores
from advmi_core.figures.text import Readout, number
from advmi_core.jobs import Snapshot
from advmi_core.mi import estimate_mi
from advmi_core.objectives import Classification
from advmi_core.studies.critics.one_image import PGD_STEPS, CriticTrace, Scores, Twins, twins
from advmi_core.ui import layout, resources, work
from advmi_core.ui.mutual_information import maps
from advmi_core.ui.widgets import callout, charts, downloads, form, pictures
from advmi_core.ui.widgets.images import Images
from advmi_core.ui.widgets.state import PageState, choice
from advmi_core.ui.widgets.state import number as numeric

_KINDS = {"gaussian": "Gaussian noise", "pgd": "PGD attack"}
_SAID = {
    "gaussian": "Noise with standard deviation ε in every pixel, clipped to [0, 1].",
    "pgd": f"{PGD_STEPS} steps of PGD against the classifier; no pixel changes by more than ε.",
}
_WORDS = """
The first layer turns one image into **K maps**. Per-sample MINE takes map k of x and map k of x̃ as a *pair*
and trains a small critic T to tell these K pairs from shuffled ones. The further it drives the two
heaps of scores apart, the larger its number.
"""
_PATCHES = (
    "From patches: the same two images measured from their 3×3 patches, by critics scored on patches that "
    "they have not seen; on another scale, but it compares images."
)
_FRAMES = 60
_SHARES = (1.75, 1)


@dataclass(frozen=True)
class _About:
    """What the job was started for."""

    twins: Twins
    wanted: tuple[object, ...]


def section(state: PageState) -> None:
    """Draw the section."""
    chosen = resources.images()
    layout.restore(
        state,
        [
            *pictures.options(chosen), numeric("twin-eps", 0.1, 0.0, 1.0),
            choice("twin-kind", "gaussian", tuple(_KINDS)), numeric("twin-steps", 200, 10, 1000),
        ],
    )  # fmt: skip
    layout.restore_run(state, "image")
    left, right = st.columns([1, 2.3], gap="medium")
    with left:
        images = pictures.choose(state, chosen, lambda x: resources.predict(resources.CLASSIFIER, x))
        pressed = _controls(state)
    if images is None:
        right.info("Choose an image first.", icon=":material/image:")
        return
    kind, eps = str(state.value("twin-kind")), float(state.value("twin-eps"))
    pair = _twins(images.x[:1].numpy().tobytes(), kind, eps, images)
    with right:
        if len(images) > 1:
            st.caption(f"The first of the {len(images)} chosen images is shown.")
        before, after = (
            chosen.classes[int(label)]
            for label in resources.predict(resources.CLASSIFIER, torch.stack([pair.x, pair.x_adv]))
        )
        maps.draw(pair, before, after)
        _train_if_asked(state, pair, pressed, (images.names[0], pair.x.sum().item(), kind, eps))
        _outcome(state)


def _controls(state: PageState) -> bool:
    st.segmented_control(
        "Perturbation", **state.held_pick("twin-kind", _KINDS), format_func=_KINDS.__getitem__,
        required=True, width="stretch", help=_SAID[str(state.value("twin-kind"))],
    )  # fmt: skip
    st.slider("Strength ε of δ", 0.0, 1.0, step=0.01, **state.held("twin-eps"), format=form.SHORT)
    st.slider(
        "Critic steps n: θ ← θ + η ∇I", 10, 1000, step=10,
        **state.held("twin-steps"),
    )  # fmt: skip
    pressed = st.button("Train the critic", type="primary", icon=":material/play_arrow:", width="stretch")
    st.latex(r"\small I_\theta=\frac1K\sum_k T(a_k,b_k)-\log\overline{e^{T(a_i,b_j)}}_{\,i\ne j}")
    st.caption(_WORDS)
    return pressed


@st.cache_resource(max_entries=32, show_spinner=False)
def _twins(pixels: bytes, kind: str, eps: float, _images: Images) -> Twins:
    objective = Classification(resources.model(resources.CLASSIFIER), _images.y[:1])
    return twins(objective, _images.x[:1], kind, eps)


def _job(state: PageState) -> str:
    return state.key("image")


def _train_if_asked(state: PageState, pair: Twins, pressed: bool, what: tuple[object, ...]) -> None:
    """On a click; once something ran, every change of image, ε, kind or steps trains anew."""
    steps = int(state.value("twin-steps"))
    wanted, last = (*what, steps), work.current(_job(state))
    if not pressed and (last is None or last.about.wanted == wanted):
        return
    work.submit(
        _job(state),
        lambda: CriticTrace(steps=steps).run(pair.maps, pair.maps_adv, record_every=max(1, steps // _FRAMES)),
        label=f"Critic of one image: {steps} steps",
        about=_About(pair, wanted),
        rows=1,
    )


def _outcome(state: PageState) -> None:
    snapshot = work.current(_job(state))
    if snapshot is None:
        callout.box("note", "Ready", "Press “Train the critic” to see its scores on these K pairs of maps.")
        return
    work.follow(_job(state), lambda now: _show(state, now))


def _show(state: PageState, snapshot: Snapshot) -> None:
    if work.ended_with_nothing(snapshot):
        return
    if snapshot.active:
        work.progress(_job(state), snapshot)
        if snapshot.records:
            _charts(state, snapshot.records, snapshot.records[-1], mi_scores.extent(snapshot.records))
    elif snapshot.records:
        _walk(state)
    else:
        callout.box("note", "Cancelled", "Before the critic's first step.")


@st.fragment
def _walk(state: PageState) -> None:
    """A finished training: walk back and forth through its steps."""
    snapshot = work.current(_job(state))
    if snapshot is None:
        return
    records: dict[int, Scores] = {record.step: record for record in snapshot.records}
    walk, numbers = st.columns(_SHARES, gap="medium", vertical_alignment="center")
    key = f"{_job(state)}.{snapshot.id}"
    shown = walk.select_slider("Shown after critic step", list(records), value=max(records), key=key)
    now = records[shown]
    about: _About = snapshot.about
    with numbers:
        callout.readouts(_readouts(now, _reliable(about.wanted, about.twins)))
    within = mi_scores.extent(snapshot.records)
    _charts(state, snapshot.records, now, within)
    shown_charts = {
        "Scores": lambda: mi_scores.histograms(now, within),
        "Growth": lambda: mi_scores.growth(snapshot.records, now.step),
    }
    downloads.row(state, "advmi-one-image", shown_charts, name="image-files")
    st.caption(f":material/info: In-sample: {words.OPTIMISTIC} {_PATCHES}")


def _charts(state: PageState, records: Sequence[Scores], now: Scores, within: tuple[float, float]) -> None:
    left, right = st.columns(_SHARES, gap="medium")
    with left:
        charts.draw(state, "histograms", mi_scores.histograms(now, within), _alt(now))
    with right:
        alt = "The in-sample value over the critic's steps beside log K"
        charts.draw(state, "growth", mi_scores.growth(records, now.step), alt)


@st.cache_data(max_entries=64, show_spinner=False)
def _reliable(wanted: tuple[object, ...], _pair: Twins) -> float:
    """The value that compares images, for the same pair."""
    objective = Classification(resources.model(resources.CLASSIFIER), torch.zeros(1, dtype=torch.int64))
    return float(estimate_mi(objective, _pair.x[None], _pair.x_adv[None]))


def _readouts(now: Scores, reliable: float) -> list[Readout]:
    samples = len(now.joint)
    return [
        Readout("I in-sample", f"{number(now.value)} nats", "scored on the pairs that it was trained on"),
        Readout(f"log K, K = {samples}", f"{number(math.log(samples))} nats", "K samples prove no more"),
        Readout("From patches", f"{number(reliable)} nats", "3×3 patches, held out: does not depend on n"),
    ]


def _alt(scores: Scores) -> str:
    return (
        f"Histograms of the critic's scores after {scores.step} steps: joint pairs around "
        f"{number(float(scores.joint.mean()))}, shuffled pairs around {number(float(scores.marginal.mean()))}"
    )
