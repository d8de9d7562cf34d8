"""The live plane of an attack page: one image at every ε and w, computed once and then walked through."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import streamlit as st
import torch

from advmi_core.figures.attack import plane as figure
from advmi_core.figures.attack.stage import payload
from advmi_core.figures.attack.trail import start
from advmi_core.jobs import Snapshot
from advmi_core.studies.plane import EPS, WEIGHTS, Plane, PlaneResult, PlaneStep
from advmi_core.ui import layout, work
from advmi_core.ui.attack import settings, views
from advmi_core.ui.attack.tasks import Kind, Task
from advmi_core.ui.widgets.components import source
from advmi_core.ui.widgets.images import Images
from advmi_core.ui.widgets.plain import plain
from advmi_core.ui.widgets.state import PRESENTER, PageState, choice, number

_VIEWS = {"attack": "One attack", "plane": "Plane of ε and w"}
_GAINS = {"classification": 4, "reconstruction": 2}
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
    r"\max_\delta\ {sign}w\,I(x;x{{+}}\delta)-\tfrac12\overline{{(\delta/0.1)^2}}\ \text{{under}}\ f\le0"
)


@cache
def _component() -> Any:
    parts = ("dom.js", "stage_pictures.js", "stage_bars.js", "plane.js")
    return st.components.v2.component("advmi_plane", css=source("stage.css", "plane.css"), js=source(*parts))


def wanted(state: PageState) -> bool:
    """The switch between one attack and the plane; whether the page shows the plane."""
    layout.restore(state, [choice("view", "attack", tuple(_VIEWS))])
    st.segmented_control(
        "View", **state.held_pick("view", _VIEWS), format_func=_VIEWS.__getitem__, required=True,
        label_visibility="collapsed", width="stretch",
    )  # fmt: skip
    return str(state.value("view")) == "plane"


def show(
    state: PageState,
    right: Any,
    kind: Kind,
    model: str,
    images: Images | None,
    classes: tuple[str, ...],
    target: int | None = None,
) -> None:
    """The whole view: Start and its settings here, the plane at the ``right``."""
    layout.restore(
        state,
        [
            number("plane-steps", 40, 5, 400), choice("plane-colour", "kept", tuple(figure.LAYERS)),
            number("plane-eps", _BUDGETS[kind], 0.0, 1.0), number("plane-weight", 1.0, -10.0, 10.0),
        ],
    )  # fmt: skip
    pressed = st.button("Start", type="primary", icon=":material/play_arrow:", width="stretch")
    st.number_input(
        "Steps of every attack", 5, 400, step=5, **state.held("plane-steps"),
        help="More steps destroy or keep more, and take longer.",
    )  # fmt: skip
    st.markdown(_WORDS[kind])
    st.latex(_FORMULA.format(sign="" if kind == "classification" else "-"))
    job = state.key("plane")
    with right:
        if images is None:
            st.info("Choose an image first.", icon=":material/image:")
            return
        task = _task(kind, model, images, classes, target, int(state.value("plane-steps")))
        if target is not None and int(task.images.y[0]) == target:
            st.info("This image belongs to the target class already.", icon=":material/image:")
            return
        if len(images) > 1:
            st.caption(f"The first of the {len(images)} chosen images is attacked: {plain(images.names[0])}.")
        if pressed:
            _launch(job, task)
        _outcome(state, job, task)


def _task(
    kind: Kind, model: str, images: Images, classes: tuple[str, ...], target: int | None, steps: int
) -> Task:
    first = images.only(torch.arange(len(images)) == 0)
    return Task(kind, model, first, classes, Plane(eps=EPS, weights=WEIGHTS[kind], steps=steps), target)


def _launch(job: str, task: Task) -> None:
    try:
        task.objective().on(task.images.x)
    except ValueError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    plane: Plane = task.attack
    work.submit(
        job,
        lambda: plane.run(lambda count: _times(task, count).objective(), task.images.x),
        label=f"Plane: {len(plane.positions)} × {plane.steps}",
        about=task,
        rows=1,  # on one core: threads that wait for a busy second one are many times slower than none
        keep=2,
    )


def _times(task: Task, count: int) -> Task:
    """The task on so many times its one image."""
    one = task.images
    many = replace(
        one, x=one.x.expand(count, *one.x.shape[1:]), y=one.y.expand(count), names=one.names * count
    )
    return replace(task, images=many)


def _outcome(state: PageState, job: str, task: Task) -> None:
    snapshot = work.current(job)
    if snapshot is None:
        _draw(state, _idle(task))
        st.caption(f"Press Start: {len(task.attack.positions)} attacks on this image, computed as one batch.")
        return
    settings.mark(snapshot.about, task)
    work.follow(job, lambda now: _moment(state, job, now))


def _moment(state: PageState, job: str, snapshot: Snapshot) -> None:
    """One moment of the job."""
    if snapshot.active:
        work.progress(job, snapshot)
        _draw(state, _live(snapshot))
    elif not work.ended_with_nothing(snapshot):
        result: PlaneResult = snapshot.result
        if snapshot.state == "cancelled":
            st.caption("Partial result: cancelled; what the attacks had found by then is shown.")
        if not bool(result.found.correct[0]):
            st.caption(
                ":material/info: The model is wrong on x itself, so every position is a success at once."
            )
        for warning in result.found.warnings:
            st.caption(f":material/warning: {warning}")
        _draw(state, _finished(snapshot.id, snapshot))
        st.download_button(
            "Plane · CSV", lambda: figure.table(result), f"advmi-plane-{snapshot.id}.csv", "text/csv",
            key=f"{job}.csv", on_click="ignore", icon=":material/download:",
        )  # fmt: skip


def _draw(state: PageState, drawn: dict[str, Any]) -> None:
    """Send it, and take over where the viewer has moved to."""
    names = {"eps": "plane-eps", "weight": "plane-weight", "colour": "plane-colour"}
    at = {theirs: state.value(ours) for theirs, ours in names.items()}
    data = {**drawn, "at": at, "large": bool(st.session_state.get(PRESENTER))}
    moved = _component()(
        key=state.key("plane-view"), data=json.dumps(data), on_position_change=lambda: None
    ).position
    if moved:
        state.set("plane-eps", float(moved["eps"]))
        state.set("plane-weight", float(moved["weight"]))
        state.set("plane-colour", str(moved["colour"]))


def _idle(task: Task) -> dict[str, Any]:
    unknown = np.full(task.attack.shape, np.nan, np.float32)
    step = PlaneStep(0, 1, False, unknown, unknown, unknown)
    key = f"idle-{task.kind}-{task.model}-{hash(task.originals.tobytes())}"
    return {**figure.moment(task.attack, step), **_pictures(task, key), "idle": True}


def _live(snapshot: Snapshot) -> dict[str, Any]:
    task: Task = snapshot.about
    pictures = _pictures(task, snapshot.id)
    if not snapshot.records:
        return {**_idle(task), "key": snapshot.id}
    step: PlaneStep = snapshot.records[-1]
    return {**figure.moment(task.attack, step), **pictures, "live": True, "fine": step.fine}


@st.cache_resource(max_entries=16, show_spinner=False)
def _finished(job: str, _snapshot: Snapshot) -> dict[str, Any]:
    result: PlaneResult = _snapshot.result
    found = result.found
    outputs = found.output_adv.cpu().numpy()
    frames = found.x_adv.cpu().numpy()
    return {
        **figure.complete(result),
        **_pictures(_snapshot.about, f"{job}-finished", frames, outputs),
    }


def _pictures(task: Task, key: str, frames: Any = None, outputs: Any = None) -> dict[str, Any]:
    """What the browser needs to paint the positions, or x alone."""
    trail = start(task.originals[0], 1, task.output(0))
    if frames is not None:
        trail = replace(
            trail, total=len(frames), steps=np.arange(len(frames)), frames=frames, outputs=outputs
        )
    return payload(trail, views.reading(task, 0, trail), key=key, gain=_GAINS[task.kind])
