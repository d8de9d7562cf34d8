"""Information that may stay: x, Φ(x), x̃ and Φ(x̃) while a slider takes information away."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import streamlit as st

from advmi_core.attacks.core.about import Use
from advmi_core.figures.attack import share as figure
from advmi_core.figures.encode import is_photograph
from advmi_core.jobs import Snapshot
from advmi_core.studies.plane import FALLING, Plane, PlaneResult
from advmi_core.ui import layout
from advmi_core.ui.attack import views
from advmi_core.ui.attack.plane import job as plane_job
from advmi_core.ui.attack.tasks import Task
from advmi_core.ui.widgets.chooser import Chosen
from advmi_core.ui.widgets.components import source
from advmi_core.ui.widgets.images import Images
from advmi_core.ui.widgets.state import PageState, number

SHARE = "share"
VIEW = {SHARE: "What may stay"}
_WORDS = (
    "Move the slider: at each of its stops Φ rebuilds x from x̃ as well as from x itself, and less and less "
    "of the information about x is left in x̃. What can go is the **part of the picture that Φ does not look "
    "at**; what must stay, at the slider's end, is what Φ looks at."
)


@cache
def _component() -> Any:
    parts = ("dom.js", "stage_pictures.js", "share.js")
    return st.components.v2.component("advmi_share", css=source("stage.css", "plane.css"), js=source(*parts))


def show(
    state: PageState,
    right: Any,
    use: Use,
    chosen: Chosen,
    images: Images | None,
) -> None:
    """The whole view: Start and its settings here, pictures and slider at the ``right``."""
    layout.restore(state, [number("stays", 0.0, 0.0, 100.0)])
    layout.restore_run(state, SHARE)
    with st.form(state.key("share-form"), border=True, enter_to_submit=False):
        pressed = st.form_submit_button(
            "Start", type="primary", icon=":material/play_arrow:", width="stretch",
            disabled=is_photograph(chosen.facts.shape),
        )  # fmt: skip
        held = plane_job.held(state, ("eps", "steps", "norm", "seed"), use)
    with right:
        st.markdown(_WORDS)
        if not plane_job.possible(images, chosen):
            return
        plane = Plane(**{**held, "eps": (float(held["eps"]),)}, weights=FALLING)
        task = plane_job.task("reconstruction", chosen, images, plane)
        plane_job.show(state, _VIEW, task, len(images), pressed)


def _send(state: PageState, drawn: dict[str, Any]) -> None:
    """Send it, and take over where the viewer has moved to."""
    data = json.dumps({**drawn, "at": state.value("stays")})
    moved = _component()(key=state.key("share-view"), data=data, on_position_change=lambda: None).position
    if moved is not None:
        state.set("stays", float(moved))


def _idle(task: Task) -> dict[str, Any]:
    key = f"idle-{task.model}-{hash(task.originals.tobytes())}"
    return {**plane_job.pictures(task, key), "said": "", "idle": True}


def _live(snapshot: Snapshot) -> dict[str, Any]:
    said = figure.moment(snapshot.records[-1]) if snapshot.records else ""
    return {**plane_job.pictures(snapshot.about, snapshot.id), "said": said, "live": True}


def _finished(snapshot: Snapshot) -> dict[str, Any]:
    return {**_complete(snapshot.id, snapshot), "large": views.large()}


@st.cache_resource(max_entries=16, show_spinner=False)
def _complete(job: str, _snapshot: Snapshot) -> dict[str, Any]:
    result: PlaneResult = _snapshot.result
    found, rows = result.found, figure.stops(result.found)
    ours = [pictures[rows].cpu().numpy() for pictures in (found.x_adv, found.output_adv)] if rows else []
    drawn = plane_job.pictures(_snapshot.about, f"{job}-finished", *ours)
    return {**drawn, **figure.complete(result, rows)}


_VIEW = plane_job.View(SHARE, _idle, _live, _finished, _send)
