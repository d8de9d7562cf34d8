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
from advmi_core.ui.attack.fields import parameters, size_of, sized
from advmi_core.ui.attack.plane import share
from advmi_core.ui.attack.plane import view as plane
from advmi_core.ui.attack.tasks import Task
from advmi_core.ui.widgets import chooser, form, pictures
from advmi_core.ui.widgets.chooser import Chosen
from advmi_core.ui.widgets.images import Images
from advmi_core.ui.widgets.state import PageState, choice

PAGE = "unsupervised"
KIND = "autoencoder"
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
        ],
    )
    chosen = chooser.restore(state, layout.restore, KIND, resources.AUTOENCODER)
    layout.restore(state, pictures.options(chosen.images), chosen.images.name)
    layout.restore_run(state)
    left, right = st.columns([1, 2.3], gap="medium")
    with left:
        chooser.draw(state, chosen, KIND)
        images = pictures.choose(state, chosen.images, chosen.judge)
        view = plane.chosen_view(state, share.VIEW)
        if view == plane.PLANE:
            plane.show(state, right, "reconstruction", chosen, images)
        elif view == share.SHARE:
            share.show(state, right, _uses()[_DEFAULT], chosen, images)
        if view != plane.ATTACK:
            state.remember()
            return
        name = st.selectbox(
            "Attack",
            **state.held_choice("attack-name", _uses()),
            format_func=lambda name: ATTACKS[name].label(),
        )
        size = size_of(chosen.facts.shape)
        use = sized(_uses()[name], ATTACKS[name], chosen.facts.shape)
        shown = parameters(ATTACKS[name], use)
        layout.restore(state, [form.option(parameter) for parameter in shown], name + size)
        paper = _uses()[PublishedMinMax.name].presets["paper"]
        published = {"paper": lambda: frame.as_published(state, paper, size)}
        form.presets(state, shown, use.presets, elsewhere=published if name == _DEFAULT else {})
        pressed = form.form(state, shown)
    with right:
        if pressed:
            _start(state, name, shown, images, chosen)
        waiting = _waiting(name, images, chosen, form.values(state, shown))
        about = frame.shown(PAGE, waiting)
        attacking = ATTACKS[name if about is None else about.attack.name]
        st.latex(_uses()[attacking.name].formula + _CRITERION, help=attacking.about.paper or None)
        st.caption(_SIGN)
        frame.outcome(PAGE, waiting)
    state.remember()


def _uses() -> dict[str, Use]:
    """The attacks that are offered for autoencoders."""
    return {name: use for name, attack in ATTACKS.items() if (use := attack.about.unsupervised)}


def _start(
    state: PageState, name: str, shown: list[Parameter], images: Images | None, chosen: Chosen
) -> None:
    if images is None:
        st.error("Choose an image first.", icon=":material/error:")
        return
    frame.launch(PAGE, lambda: _task(name, images, chosen, form.values(state, shown)))


def _waiting(name: str, images: Images | None, chosen: Chosen, values: Mapping[str, Any]) -> Task | None:
    """What Start would compute; None while there is no image or the values are no good together."""
    try:
        return None if images is None else _task(name, images, chosen, values)
    except ValueError:
        return None


def _task(name: str, images: Images, chosen: Chosen, values: Mapping[str, Any]) -> Task:
    return Task("reconstruction", chosen.model, images, chosen.classes, ATTACKS[name](**values))
