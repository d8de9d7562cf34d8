"""Unsupervised attacks: an autoencoder still rebuilds x from a picture that is unlike x."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from advmi_core.attacks import ATTACKS, MinMax
from advmi_core.augmentation.strength import DEFAULTS
from advmi_core.ui import layout, resources
from advmi_core.ui.attack import form, frame
from advmi_core.ui.attack.fields import Parameter, parameters
from advmi_core.ui.attack.form import Presets
from advmi_core.ui.attack.plane import share
from advmi_core.ui.attack.plane import view as plane
from advmi_core.ui.attack.suite_fields import DESTROYS
from advmi_core.ui.attack.tasks import Task
from advmi_core.ui.widgets import pictures
from advmi_core.ui.widgets.images import Images
from advmi_core.ui.widgets.state import PageState, choice

PAGE = "unsupervised"
_LEAD = "Without any label: a picture as unlike x as possible from which the autoencoder still rebuilds x."
_LABELS = {"interactive": "Interactive", "paper": "Paper", "warm": "Warm critic", form.CUSTOM: "Custom"}
_DEFAULT = MinMax.name
_NAMES = {
    _DEFAULT: "MinMax",
    "minmax": "MinMax as published",
    "penalty": "Penalty with a search over c (baseline)",
}
_PRESETS: dict[str, Presets] = {
    _DEFAULT: {"interactive": {"eps": 1.0, "steps": 200}},
    "minmax": {
        "interactive": {"eps": 1.0, "steps": 40, "inner": 20},
        "paper": {"eps": 1.0, "steps": 40, "inner": 20, "critic": "paper"},
        # A smaller weight and more steps than for images by the thousand: the first 16 test images succeed.
        "warm": {**DEFAULTS["mine-conv"]._asdict(), "eps": 1.0, "steps": 100, "mi_weight": 3.0},
    },
    "penalty": {
        "interactive": {"eps": 1.0, "steps": 40, "inner": 20, "searches": 5},
        "paper": {"eps": 1.0, "steps": 40, "inner": 20, "searches": 9, "critic": "paper"},
    },
}
_UNUSED = frozenset({"restore"})  # of supervised attacks
_WORDS = {"mi_weight": DESTROYS}
_DESCENT = r"\ c\,f^+(x{+}\delta)\;\mathbf{+}\;w\,I_\theta(x,x{+}\delta)"
_FORMULAS = {
    _DEFAULT: r"\min_\delta\ w\,I(x;x{+}\delta)+\tfrac12\overline{(\delta/0.1)^2}"
    r"\quad\text{under}\ f(x{+}\delta)\le0",
    "minmax": r"\min_\delta\,\max_{c\ge0}" + _DESCENT,
    "penalty": r"\min_\delta" + _DESCENT,
}
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
            choice("attack-name", _DEFAULT, tuple(_NAMES)),
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
            share.show(state, right, _PRESETS[_DEFAULT]["interactive"], str(model), images, chosen.classes)
        if view != plane.ATTACK:
            state.remember()
            return
        name = st.selectbox(
            "Attack",
            **state.held_choice("attack-name", _NAMES),
            format_func=_NAMES.__getitem__,
        )
        known = _PRESETS[name]
        shown = parameters(ATTACKS[name], known["interactive"], _UNUSED, _WORDS if name == _DEFAULT else {})
        layout.restore(state, [parameter.option() for parameter in shown], name)
        published = {"paper": lambda: frame.as_published(state, _PRESETS["minmax"]["paper"])}
        form.presets(state, shown, known, _LABELS, published if name == _DEFAULT else {})
        pressed = form.form(state, shown)
    with right:
        if pressed:
            _start(state, name, shown, images, model)
        waiting = _waiting(name, images, str(model), form.values(state, shown))
        about = frame.shown(PAGE, waiting)
        st.latex(_FORMULAS[name if about is None else about.attack.name] + _CRITERION)
        st.caption(_SIGN)
        frame.outcome(PAGE, waiting)
    state.remember()


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
