"""The live plane of an attack page: one image at every ε and w, computed once and then walked through."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import streamlit as st

from advmi_core.figures.attack import plane as figure
from advmi_core.figures.encode import is_photograph
from advmi_core.jobs import Snapshot
from advmi_core.studies.plane import EPS, WEIGHTS, Plane, PlaneResult, PlaneStep
from advmi_core.ui import layout
from advmi_core.ui.attack import views
from advmi_core.ui.attack.plane import job as plane_job
from advmi_core.ui.attack.tasks import Kind, Task
from advmi_core.ui.widgets.chooser import Chosen
from advmi_core.ui.widgets.components import source
from advmi_core.ui.widgets.images import Images
from advmi_core.ui.widgets.state import PageState, choice, number

ATTACK, PLANE = "attack", "plane"
_VIEWS = {ATTACK: "One attack", PLANE: "Plane of ε and w"}
_BUDGETS = {"classification": 0.3, "reconstruction": 1.0}
_WORDS = {
    "classification": "Every cell of the plane is one attack on this image: ε says how far a pixel may move, "
    "w whether the information about x is **destroyed** (left) or **kept** (right); at w = 0 the attack only "
    "takes the shortest way. Move the sliders, or click a cell.",
    "reconstruction": "Every cell of the plane is one attack on this image: ε says how far a pixel may move, "
    "w how much of the information about x is **destroyed**. What can go while Φ still rebuilds x is the "
    "part of the picture that the autoencoder does not look at. Move the sliders, or click a cell.",
}
_FORMULA = (
    r"\small\begin{{gathered}}\max_\delta\ {sign}w\,I(x;x{{+}}\delta)-\tfrac12\overline{{(\delta/0.1)^2}}\\"
    r"\text{{under}}\ f(x{{+}}\delta)\le0\end{{gathered}}"
)


@cache
def _component() -> Any:
    parts = ("dom.js", "stage_pictures.js", "stage_bars.js", "plane.js")
    return st.components.v2.component("advmi_plane", css=source("stage.css", "plane.css"), js=source(*parts))


def chosen_view(state: PageState, more: Mapping[str, str] = plane_job.NONE) -> str:
    """The switch between one attack, the plane and the page's own other views, and what it stands at."""
    offered = {**_VIEWS, **more}
    layout.restore(state, [choice("view", ATTACK, tuple(offered))])
    st.segmented_control(
        "View", **state.held_pick("view", offered), format_func=offered.__getitem__, required=True,
        label_visibility="collapsed", width="stretch",
    )  # fmt: skip
    return str(state.value("view"))


def show(
    state: PageState,
    right: Any,
    kind: Kind,
    chosen: Chosen,
    images: Images | None,
    target: int | None = None,
) -> None:
    """The whole view: Start and its settings here, the plane at the ``right``."""
    layout.restore(
        state,
        [
            number("plane-steps", 40, 5, 400), choice("plane-colour", "kept", tuple(figure.LAYERS)),
            number("plane-eps", _BUDGETS[kind], 0.0, 10.0), number("plane-weight", 1.0, -10.0, 10.0),
        ],
    )  # fmt: skip
    layout.restore_run(state, PLANE)
    pressed = st.button(
        "Start", type="primary", icon=":material/play_arrow:", width="stretch",
        disabled=is_photograph(chosen.facts.shape),
    )  # fmt: skip
    st.number_input(
        "Steps of every attack", 5, 400, step=5, **state.held("plane-steps"),
        help="More steps destroy or keep more, and take longer.",
    )  # fmt: skip
    with st.expander("More parameters"):
        ball = plane_job.held(state, ("norm", "seed"))
    st.markdown(_WORDS[kind])
    st.latex(_FORMULA.format(sign="" if kind == "classification" else "-"))
    with right:
        if not plane_job.possible(images, chosen):
            return
        radii, steps = EPS[ball["norm"]], int(state.value("plane-steps"))
        plane = Plane(eps=radii, weights=WEIGHTS[kind], steps=steps, **ball)
        task = plane_job.task(kind, chosen, images, plane, target)
        if target is not None and int(task.images.y[0]) == target:
            st.info("This image belongs to the target class already.", icon=":material/image:")
            return
        plane_job.show(state, _VIEW, task, len(images), pressed)


def _send(state: PageState, drawn: dict[str, Any]) -> None:
    """Send it, and take over where the viewer has moved to."""
    names = {"eps": "plane-eps", "weight": "plane-weight", "colour": "plane-colour"}
    at = {theirs: state.value(ours) for theirs, ours in names.items()}
    moved = _component()(
        key=state.key("plane-view"), data=json.dumps({**drawn, "at": at}), on_position_change=lambda: None
    ).position
    if moved:
        state.set("plane-eps", float(moved["eps"]))
        state.set("plane-weight", float(moved["weight"]))
        state.set("plane-colour", str(moved["colour"]))


def _idle(task: Task) -> dict[str, Any]:
    unknown = np.full(task.attack.shape, np.nan, np.float32)
    step = PlaneStep(0, 1, False, unknown, unknown, unknown)
    key = f"idle-{task.kind}-{task.model}-{task.attack.norm}-{hash(task.originals.tobytes())}"
    return {**plane_job.pictures(task, key), **figure.moment(task.attack, step), "idle": True}


def _live(snapshot: Snapshot) -> dict[str, Any]:
    task: Task = snapshot.about
    if not snapshot.records:
        return {**_idle(task), "key": snapshot.id}
    step: PlaneStep = snapshot.records[-1]
    drawn = {**plane_job.pictures(task, snapshot.id), **figure.moment(task.attack, step)}
    return {**drawn, "live": True, "fine": step.fine}


def _finished(snapshot: Snapshot) -> dict[str, Any]:
    return {**_complete(snapshot.id, snapshot), "large": views.large()}


@st.cache_resource(max_entries=16, show_spinner=False)
def _complete(job: str, _snapshot: Snapshot) -> dict[str, Any]:
    result: PlaneResult = _snapshot.result
    found = result.found
    frames, outputs = found.x_adv.cpu().numpy(), found.output_adv.cpu().numpy()
    drawn = plane_job.pictures(_snapshot.about, f"{job}-finished", frames, outputs)
    return {**drawn, **figure.complete(result)}


_VIEW = plane_job.View(PLANE, _idle, _live, _finished, _send)
