"""One image attacked with many settings as one batch: start it, follow it, send its pictures."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import streamlit as st
import torch

from advmi_core.attacks import MinMax
from advmi_core.attacks.core.about import Use
from advmi_core.figures.attack import plane as figure
from advmi_core.figures.attack.stage import payload
from advmi_core.figures.attack.trajectory import start
from advmi_core.jobs import Snapshot
from advmi_core.studies.plane import Plane, PlaneResult
from advmi_core.ui import layout, work
from advmi_core.ui.attack import settings, views
from advmi_core.ui.attack.fields import parameters
from advmi_core.ui.attack.tasks import Kind, Task
from advmi_core.ui.widgets import form
from advmi_core.ui.widgets.images import Images
from advmi_core.ui.widgets.plain import plain
from advmi_core.ui.widgets.state import PageState

NONE: Mapping[str, Any] = MappingProxyType({})
_GAINS = {"classification": 4, "reconstruction": 2}


@dataclass(frozen=True)
class View:
    """How one of the views draws such a job.

    Attributes:
        name: of its run in the page's link, and of its table's file.
        idle, live, finished: what its part of the page is sent before, while and after the job runs.
        send: sends it.
    """

    name: str
    idle: Callable[[Task], dict[str, Any]]
    live: Callable[[Snapshot], dict[str, Any]]
    finished: Callable[[Snapshot], dict[str, Any]]
    send: Callable[[PageState, dict[str, Any]], None]


def held(state: PageState, names: Container[str], use: Use | None = None) -> dict[str, Any]:
    """Draw these parameters, which are those of the form of ``MinMax``, and return their values.

    Args:
        state: of the page.
        names: of the parameters.
        use: with the defaults of the page's form, instead of the attack's.
    """
    shown = [parameter for parameter in parameters(MinMax, use) if parameter.name in names]
    layout.restore(state, [form.option(parameter) for parameter in shown], MinMax.name)
    for parameter in shown:
        form.control(state, parameter)
    return form.values(state, shown)


def task(
    kind: Kind, model: str, images: Images, classes: tuple[str, ...], attack: Plane, target: int | None = None
) -> Task:
    """The attacks of a plane on the first of the images."""
    return Task(kind, model, images.only(torch.arange(len(images)) == 0), classes, attack, target)


def show(state: PageState, view: View, wanted: Task, chosen: int, pressed: bool) -> None:
    """The view's job, begun when it was ``pressed``, or what it would attack of so many ``chosen`` images."""
    job = state.key(view.name)
    if chosen > 1:
        st.caption(f"The first of the {chosen} chosen images is attacked: {plain(wanted.images.names[0])}.")
    if pressed:
        _launch(job, wanted)
    snapshot = work.current(job)
    if snapshot is None:
        view.send(state, view.idle(wanted))
        st.caption(
            f"Press Start: {len(wanted.attack.positions)} attacks on this image, computed as one batch."
        )
        return
    settings.mark(snapshot.about, wanted)
    work.follow(job, lambda now: _moment(state, view, job, now))


def _launch(job: str, wanted: Task) -> None:
    try:
        wanted.objective().on(wanted.images.x)
    except ValueError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    plane: Plane = wanted.attack
    work.submit(
        job,
        lambda: plane.run(lambda count: _times(wanted, count).objective(), wanted.images.x),
        label=f"Plane: {len(plane.positions)} × {plane.steps}",
        about=wanted,
        rows=1,  # on one core: threads that wait for a busy second one are many times slower than none
        keep=2,
    )


def _times(wanted: Task, count: int) -> Task:
    """The task on so many times its one image."""
    one = wanted.images
    many = replace(
        one, x=one.x.expand(count, *one.x.shape[1:]), y=one.y.expand(count), names=one.names * count
    )
    return replace(wanted, images=many)


def _moment(state: PageState, view: View, job: str, snapshot: Snapshot) -> None:
    """One moment of the job."""
    if snapshot.active:
        work.progress(job, snapshot)
        view.send(state, view.live(snapshot))
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
        drawn = view.finished(snapshot)
        view.send(state, drawn)
        _thinned(snapshot.about, drawn)
        st.download_button(
            f"{view.name.capitalize()} · CSV", lambda: figure.table(result),
            f"advmi-{view.name}-{snapshot.id}.csv", "text/csv", key=f"{job}.csv", on_click="ignore",
            icon=":material/download:",
        )  # fmt: skip


def _thinned(about: Task, drawn: dict[str, Any]) -> None:
    """Say where fewer pixels are shown than there are."""
    shown, whole = drawn["shape"][1:], about.originals.shape[2:]
    if tuple(shown) != whole:
        st.caption(
            f":material/info: The pictures show {shown[0]}×{shown[1]} of {whole[0]}×{whole[1]} pixels, "
            "evenly chosen, so that all of them are here at once; the numbers are of the whole pictures."
        )


def pictures(about: Task, key: str, frames: Any = None, outputs: Any = None) -> dict[str, Any]:
    """What the browser needs to paint (F,C,H,W) ``frames`` and the model's ``outputs``, or x alone."""
    trail = start(about.originals[0], 1, about.output(0))
    if frames is not None:
        steps = torch.arange(len(frames)).numpy()
        trail = figure.thinned(replace(trail, total=len(frames), steps=steps, frames=frames, outputs=outputs))
    return payload(
        trail, views.reading(about, 0, trail), key=key, gain=_GAINS[about.kind], large=views.large()
    )
