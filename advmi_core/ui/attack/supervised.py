"""Supervised attacks: a classifier changes its mind while the picture stays like itself."""

from __future__ import annotations

from functools import partial
from typing import Any

import streamlit as st

from advmi_core.attacks import ATTACKS, MinMax, PublishedMinMax
from advmi_core.fields import Parameter
from advmi_core.ui import layout, resources, work
from advmi_core.ui.attack import beside, frame
from advmi_core.ui.attack.fields import parameters, size_of, sized
from advmi_core.ui.attack.plane import view as plane
from advmi_core.ui.attack.tasks import Task
from advmi_core.ui.widgets import chooser, form, pictures
from advmi_core.ui.widgets.chooser import Chosen
from advmi_core.ui.widgets.images import Images
from advmi_core.ui.widgets.plain import plain
from advmi_core.ui.widgets.state import PageState, choice

PAGE = "supervised"
SCRIPT = f"pages/attack/{PAGE}.py"
KIND = "classifier"
DEFAULT = MinMax.name
_LEAD = "A classifier must change its mind while the picture keeps as much information about x as it can."
_CRITERIA = {False: r"f=h_y-\max_{j\ne y}h_j", True: r"f=\max_{j\ne t}h_j-h_t"}
_KNOWS = {"fashion-mnist": "ten kinds of clothing", "mnist": "the ten digits"}
_TARGETED = "targeted"
_AIMS = {"untargeted": "Any other class", _TARGETED: "One target class"}


def page() -> None:
    """Draw the page."""
    state = PageState(PAGE)
    layout.heading("Supervised adversarial examples", _LEAD)
    layout.restore(
        state,
        [
            choice("attack-name", DEFAULT, tuple(ATTACKS)),
            choice("attack-aim", "untargeted", tuple(_AIMS)),
        ],
    )
    chosen = chooser.restore(state, layout.restore, KIND, resources.CLASSIFIER)
    target_class = choice("attack-target", chosen.classes[0], chosen.classes)
    layout.restore(state, [*pictures.options(chosen.images), target_class], chosen.images.name)
    layout.restore_run(state)
    beside.restore(state, chosen)
    left, right = st.columns([1, 2.3], gap="medium")
    with left:
        chooser.draw(state, chosen, KIND)
        beside.draw(state, chosen)
        images = pictures.choose(state, chosen.images, chosen.judge)
        if plane.chosen_view(state) == plane.PLANE:
            target = _aim(state, images, chosen.classes)
            plane.show(state, right, "classification", chosen, images, target)
            state.remember()
            return
        name = _method(state)
        size = size_of(chosen.facts.shape)
        use = sized(ATTACKS[name].about.supervised, ATTACKS[name], chosen.facts.shape)
        shown = parameters(ATTACKS[name], use)
        layout.restore(state, [form.option(parameter) for parameter in shown], name + size)
        target = _aim(state, images, chosen.classes)
        paper = PublishedMinMax.about.supervised.presets["paper"]
        published = {"paper": lambda: frame.as_published(state, paper, size)}
        form.presets(state, shown, use.presets, elsewhere=published if name == DEFAULT else {})
        pressed = form.form(state, shown)
    with right:
        if pressed:
            _start(state, chosen, name, shown, images, target)
        waiting = _waiting(chosen, name, form.values(state, shown), images, target)
        _formula(frame.shown(PAGE, waiting))
        if images is not None and not images.known:
            st.caption(f":material/info: {_unknown(chosen, images)}")
        frame.outcome(PAGE, waiting)
        beside.outcome(state, waiting)
    state.remember()


def _formula(task: Task | None) -> None:
    """Of what is shown, which may be a result of earlier settings."""
    if task is not None:
        about = task.attack.about
        parts = [part for part in (about.supervised.formula, _CRITERIA[task.target is not None]) if part]
        st.latex(r",\quad ".join(parts), help=about.paper or None)


def _unknown(chosen: Chosen, images: Images) -> str:
    """What the model's answer to pictures is worth whose class nobody told it."""
    if images.names != pictures.YOURS:
        return plain(images.doubt)
    known = _KNOWS.get(chosen.facts.dataset, f"{len(chosen.classes)} classes")
    answer = plain(chosen.classes[int(images.y[0])])
    return (
        f"The label is unknown, so the model's own answer is taken: {answer}. "
        f"It knows {known} only and calls everything one of these."
    )


def choose_model(name: str) -> None:
    """Let the page open with this classifier of ``resources.models_here``, and without an earlier attack."""
    PageState(PAGE).set(chooser.MODEL, name)
    work.forget(PAGE)


def _method(state: PageState) -> str:
    st.selectbox(
        "Attack",
        **state.held_choice("attack-name", ATTACKS),
        format_func=lambda name: ATTACKS[name].label(),
    )
    return str(state.value("attack-name"))


def _aim(state: PageState, images: Images | None, classes: tuple[str, ...]) -> int | None:
    """Untargeted, or the target class; the true class of a single image is not on offer."""
    aim = st.segmented_control(
        "Aim",
        **state.held_pick("attack-aim", _AIMS),
        format_func=_AIMS.__getitem__,
        required=True,
        width="stretch",
    )
    if aim != _TARGETED:
        return None
    own = {int(label) for label in images.y} if images is not None else set()
    offered = [name for label, name in enumerate(classes) if own != {label}]
    if state.value("attack-target") not in offered:
        state.set("attack-target", offered[0])
    return classes.index(st.selectbox("Target class", **state.held_choice("attack-target", offered)))


def _start(
    state: PageState,
    chosen: Chosen,
    name: str,
    shown: list[Parameter],
    images: Images | None,
    target: int | None,
) -> None:
    if images is None:
        st.error("Choose an image first.", icon=":material/error:")
        return

    left_out = 0 if target is None else int((images.y == target).sum())
    if left_out:
        st.caption(f"{left_out} images already belong to the target class and are left out.")
    build = partial(_task, chosen, name, form.values(state, shown), images, target)
    frame.launch(PAGE, build)
    beside.launch(state, build)


def _aimed(images: Images, target: int | None) -> Images:
    """Without those that belong to the target class already."""
    own = images.y == target if target is not None else images.y < 0
    return images.only(~own) if bool(own.any()) else images


def _waiting(
    chosen: Chosen, name: str, values: dict[str, Any], images: Images | None, target: int | None
) -> Task | None:
    """What Start would compute; None while there is no image or the values are no good together."""
    try:
        return None if images is None else _task(chosen, name, values, images, target)
    except ValueError:
        return None


def _task(chosen: Chosen, name: str, values: dict[str, Any], images: Images, target: int | None) -> Task:
    attack = ATTACKS[name](**values)
    return Task("classification", chosen.model, _aimed(images, target), chosen.classes, attack, target)
