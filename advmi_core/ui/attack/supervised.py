"""Supervised attacks: a classifier changes its mind while the picture stays like itself."""

from __future__ import annotations

from typing import Any

import streamlit as st

from advmi_core.attacks import ATTACKS, MinMax, PublishedMinMax
from advmi_core.data import ImageSet
from advmi_core.fields import Parameter
from advmi_core.ui import layout, resources, work
from advmi_core.ui.attack import frame
from advmi_core.ui.attack.fields import parameters
from advmi_core.ui.attack.plane import view as plane
from advmi_core.ui.attack.tasks import Task
from advmi_core.ui.widgets import form, pictures
from advmi_core.ui.widgets.images import Images
from advmi_core.ui.widgets.plain import plain
from advmi_core.ui.widgets.state import PageState, choice

PAGE = "supervised"
SCRIPT = f"pages/attack/{PAGE}.py"
_MODEL = "attack-model"
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
    known_models = resources.classifiers()
    layout.restore(
        state,
        [
            choice("attack-name", DEFAULT, tuple(ATTACKS)),
            choice("attack-aim", "untargeted", tuple(_AIMS)),
            choice(_MODEL, resources.CLASSIFIER, tuple(known_models)),
        ],
    )
    chosen = resources.images(resources.dataset_of(str(state.value(_MODEL))))
    layout.restore(
        state,
        [*pictures.options(chosen), choice("attack-target", chosen.classes[0], chosen.classes)],
        chosen.name,
    )
    layout.restore_run(state)
    left, right = st.columns([1, 2.3], gap="medium")
    with left:
        model = _model(state, known_models)
        images = pictures.choose(state, chosen, lambda x: resources.predict(model, x))
        if plane.chosen_view(state) == plane.PLANE:
            target = _aim(state, images, chosen.classes)
            plane.show(state, right, "classification", model, images, chosen.classes, target)
            state.remember()
            return
        name = _method(state)
        use = ATTACKS[name].about.supervised
        shown = parameters(ATTACKS[name], use)
        layout.restore(state, [form.option(parameter) for parameter in shown], name)
        target = _aim(state, images, chosen.classes)
        paper = PublishedMinMax.about.supervised.presets["paper"]
        published = {"paper": lambda: frame.as_published(state, paper)}
        form.presets(state, shown, use.presets, elsewhere=published if name == DEFAULT else {})
        pressed = form.form(state, shown)
    with right:
        if pressed:
            _start(state, model, name, shown, images, chosen.classes, target)
        waiting = _waiting(model, name, form.values(state, shown), images, chosen.classes, target)
        _formula(frame.shown(PAGE, waiting))
        if images is not None and not images.known:
            st.caption(f":material/info: {_unknown(chosen, int(images.y[0]))}")
        frame.outcome(PAGE, waiting)
    state.remember()


def _formula(task: Task | None) -> None:
    """Of what is shown, which may be a result of earlier settings."""
    if task is not None:
        about = task.attack.about
        parts = [part for part in (about.supervised.formula, _CRITERIA[task.target is not None]) if part]
        st.latex(r",\quad ".join(parts), help=about.paper or None)


def _unknown(chosen: ImageSet, label: int) -> str:
    """What the model's answer to a picture of one's own is worth."""
    return (
        f"The label is unknown, so the model's own answer is taken: {plain(chosen.classes[label])}. "
        f"It knows {_KNOWS.get(chosen.name, 'its own classes')} only and calls everything one of these."
    )


def choose_model(name: str) -> None:
    """Let the page open with this model of ``resources.classifiers``, and without an earlier attack."""
    PageState(PAGE).set(_MODEL, name)
    work.forget(PAGE)


def _model(state: PageState, known: dict[str, str]) -> str:
    """The model under attack."""
    if len(known) > 1:
        st.selectbox(
            "Model", **state.held_choice(_MODEL, known), format_func=known.__getitem__,
            help="The shipped models, and those that were trained on the page Defence.",
        )  # fmt: skip
    return str(state.value(_MODEL))


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
    model: str,
    name: str,
    shown: list[Parameter],
    images: Images | None,
    classes: tuple[str, ...],
    target: int | None,
) -> None:
    if images is None:
        st.error("Choose an image first.", icon=":material/error:")
        return

    left_out = 0 if target is None else int((images.y == target).sum())
    if left_out:
        st.caption(f"{left_out} images already belong to the target class and are left out.")
    wanted = _aimed(images, target)
    frame.launch(
        PAGE,
        lambda: Task(
            "classification", model, wanted, classes, ATTACKS[name](**form.values(state, shown)), target
        ),
    )


def _aimed(images: Images, target: int | None) -> Images:
    """Without those that belong to the target class already."""
    own = images.y == target if target is not None else images.y < 0
    return images.only(~own) if bool(own.any()) else images


def _waiting(
    model: str,
    name: str,
    values: dict[str, Any],
    images: Images | None,
    classes: tuple[str, ...],
    target: int | None,
) -> Task | None:
    """What Start would compute; None while there is no image or the values are no good together."""
    if images is None:
        return None
    try:
        attack = ATTACKS[name](**values)
    except ValueError:
        return None
    return Task("classification", model, _aimed(images, target), classes, attack, target)
