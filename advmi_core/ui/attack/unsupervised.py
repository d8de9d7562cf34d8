"""Unsupervised attacks: an autoencoder still rebuilds x from a picture that is unlike x."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from advmi_core.attacks import ATTACKS, MinMax, PublishedMinMax
from advmi_core.attacks.core.about import Use
from advmi_core.fields import Parameter
from advmi_core.ui import layout, resources
from advmi_core.ui.attack import frame
from advmi_core.ui.attack.fields import parameters
from advmi_core.ui.attack.plane import share
from advmi_core.ui.attack.plane import view as plane
from advmi_core.ui.attack.tasks import Task
from advmi_core.ui.widgets import form, pictures
from advmi_core.ui.widgets.images import Images
from advmi_core.ui.widgets.state import PageState, choice

PAGE = "unsupervised"
_LEAD = "Without any label: a picture as unlike x as possible from which the autoencoder still rebuilds x."
_DEFAULT = MinMax.name
_CRITERION = r",\quad f=\|x-\Phi(\tilde x)\|^2-\|x-\Phi(x)\|^2"
_SIGN = (
    "The sign of the MI term is **plus** here: information about x is *minimised*, where the supervised "
    "attack maximises it. f ≤ 0 says: x̃ rebuilds x at least as well as x itself does. So what x̃ no longer "
    "tells of x is the part of the picture that Φ does not look at."
)


def page() -> None:
    """Draw the page."""
    state = PageState(PAGE)
    layout.heading("Unsupervised adversarial examples", _LEAD)
    layout.restore(
        state,
        [
            choice("attack-name", _DEFAULT, tuple(_uses())),
            choice("attack-model", "ae-conv", tuple(resources.autoencoders())),
        ],
    )
    dataset = resources.dataset_of(str(state.value("attack-model")))
    chosen = resources.images(dataset)
    layout.restore(state, pictures.options(chosen), chosen.name)
    judge = resources.CLASSIFIER if dataset == resources.DATASET else f"{resources.CLASSIFIER}@{dataset}"
    layout.restore_run(state)
    left, right = st.columns([1, 2.3], gap="medium")
    with left:
        images = pictures.choose(state, chosen, lambda x: resources.predict(judge, x))
        autoencoders = resources.autoencoders()
        model = st.selectbox(
            "Autoencoder Φ", **state.held_choice("attack-model", autoencoders),
            format_func=autoencoders.__getitem__,
        )  # fmt: skip
        view = plane.chosen_view(state, share.VIEW)
        if view == plane.PLANE:
            plane.show(state, right, "reconstruction", str(model), images, chosen.classes)
        elif view == share.SHARE:
            share.show(state, right, _uses()[_DEFAULT], str(model), images, chosen.classes)
        if view != plane.ATTACK:
            state.remember()
            return
        name = st.selectbox(
            "Attack",
            **state.held_choice("attack-name", _uses()),
            format_func=lambda name: ATTACKS[name].label(),
        )
        use = _uses()[name]
        shown = parameters(ATTACKS[name], use)
        layout.restore(state, [form.option(parameter) for parameter in shown], name)
        paper = _uses()[PublishedMinMax.name].presets["paper"]
        published = {"paper": lambda: frame.as_published(state, paper)}
        form.presets(state, shown, use.presets, elsewhere=published if name == _DEFAULT else {})
        pressed = form.form(state, shown)
    with right:
        if pressed:
            _start(state, name, shown, images, model)
        waiting = _waiting(name, images, str(model), form.values(state, shown))
        about = frame.shown(PAGE, waiting)
        attacking = ATTACKS[name if about is None else about.attack.name]
        st.latex(_uses()[attacking.name].formula + _CRITERION, help=attacking.about.paper or None)
        st.caption(_SIGN)
        frame.outcome(PAGE, waiting)
    state.remember()


def _uses() -> dict[str, Use]:
    """The attacks that are offered for autoencoders."""
    return {name: use for name, attack in ATTACKS.items() if (use := attack.about.unsupervised)}


def _start(state: PageState, name: str, shown: list[Parameter], images: Images | None, model: str) -> None:
    if images is None:
        st.error("Choose an image first.", icon=":material/error:")
        return
    frame.launch(PAGE, lambda: _task(name, images, model, form.values(state, shown)))


def _waiting(name: str, images: Images | None, model: str, values: Mapping[str, Any]) -> Task | None:
    """What Start would compute; None while there is no image or the values are no good together."""
    try:
        return None if images is None else _task(name, images, model, values)
    except ValueError:
        return None


def _task(name: str, images: Images, model: str, values: Mapping[str, Any]) -> Task:
    classes = resources.images(resources.dataset_of(model)).classes
    return Task("reconstruction", model, images, classes, ATTACKS[name](**values))
