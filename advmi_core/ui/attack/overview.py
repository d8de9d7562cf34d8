"""Overview: one image, one slider, an adversarial example coming into being."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from advmi_core.attacks import MinMax
from advmi_core.attacks.core.about import Use
from advmi_core.data import ImageSet
from advmi_core.figures.attack.text import readouts
from advmi_core.figures.encode import thumbnail
from advmi_core.jobs import Snapshot
from advmi_core.ui import layout, resources, work
from advmi_core.ui.attack import frame, results, views
from advmi_core.ui.attack.fields import parameters, size_of, sized
from advmi_core.ui.attack.tasks import Kind, Task
from advmi_core.ui.widgets import callout, chooser, components, form, pictures
from advmi_core.ui.widgets.chooser import Chosen
from advmi_core.ui.widgets.state import Option, PageState, choice, number

PAGE = "overview"
_LEAD = (
    "Change every pixel by at most ε and a model sees something else. "
    "Mutual information tells how much of the original is left while that happens."
)
_STORIES = {"supervised": "classifier", "unsupervised": "autoencoder", "photograph": "photo"}
_KINDS = {"supervised": "classifier", "unsupervised": "autoencoder", "photograph": "classifier"}
_MODELS = {
    "supervised": resources.CLASSIFIER,
    "unsupervised": resources.AUTOENCODER,
    "photograph": resources.PHOTOGRAPHER,
}
_FORMULA = (
    r"\small\begin{gathered}\%s_{\delta}\; I(x;\,x{+}\delta)\;%s\;\tfrac12\,\overline{(\delta/0.1)^2}\\"
    r"\text{under}\ f(x{+}\delta)\le 0\end{gathered}"
)
_SIGN = {"classifier": ("max", "-"), "autoencoder": ("min", "+")}
_TEXTS = {
    "classifier": "The classifier must change its mind (**f ≤ 0**) while the picture keeps "
    "**as much information** about the original as it can.",
    "autoencoder": "The autoencoder must still rebuild the original (**f ≤ 0**) while the picture keeps "
    "**as little information** about it as it can. No label is needed.",
}


def page() -> None:
    """Draw the page."""
    state = PageState(PAGE)
    layout.heading("An adversarial example comes into being", _LEAD)
    layout.restore(state, [choice("story", "supervised", tuple(_STORIES))])
    story = str(state.value("story"))
    chosen = chooser.restore(state, layout.restore, _KINDS[story], _MODELS[story], story)
    offered = resources.showcase(chosen.model, chosen.images.name)
    layout.restore(state, _options(chosen, offered), _of_data(chosen))
    layout.restore(state, [_budget(chosen)], chosen.facts.kind + size_of(chosen.facts.shape))
    layout.restore_run(state)
    left, right = st.columns([1, 3.1], gap="medium")
    with left:
        pressed = _controls(state, chosen, offered)
    if not len(chosen.images):
        right.info("None of these images are on this machine: choose other data.", icon=":material/image:")
        state.remember()
        return
    task = _task(state, chosen)
    _start_if_asked(state, task, pressed)
    with right:
        _show(task)
    state.remember()


def _of_data(chosen: Chosen) -> str:
    """Who owns the chosen image; nobody of the default data, which has several models."""
    return "" if chosen.images.name == resources.DATASET else chosen.images.name


def _options(chosen: Chosen, offered: list[int]) -> list[Option]:
    return [
        number("image", offered[0 if chosen.images.files else -1], 0, max(0, len(chosen.images) - 1)),
        number("seed", 0, 0, 2**31 - 1),
    ]


def _budget(chosen: Chosen) -> Option:
    return number("eps", float(_use(chosen).defaults.get("eps", MinMax.eps)), 0.001, 1.0)


def _use(chosen: Chosen) -> Use:
    """How MinMax meets this model."""
    about = MinMax.about
    use = about.supervised if chosen.facts.kind == "classifier" else about.unsupervised
    assert use is not None
    return sized(use, MinMax, chosen.facts.shape)


def _controls(state: PageState, chosen: Chosen, offered: list[int]) -> bool:
    """Story, model and data, image, ε and the button; True when an attack is asked for."""
    st.segmented_control(
        "Attack a …", **state.held_pick("story", _STORIES), format_func=_STORIES.__getitem__, required=True,
         width="stretch",
    )  # fmt: skip
    chooser.draw(state, chosen, chosen.facts.kind)
    st.markdown(_TEXTS[chosen.facts.kind])
    st.latex(_FORMULA % _SIGN[chosen.facts.kind])
    _slider(state, chosen)
    pressed = st.button("Watch it happen", type="primary", icon=":material/play_arrow:", width="stretch")
    if len(chosen.images):
        _showcase(state, chosen, offered)
        st.caption(f"or pick another image to start with it · {_where(chosen.images)}")
    return pressed


def _slider(state: PageState, chosen: Chosen) -> None:
    eps = next(each for each in parameters(MinMax, _use(chosen)) if each.name == "eps")
    told = "Largest allowed change of a pixel; pixels are numbers from 0 (black) to 1 (white)."
    field = replace(eps.field, label="Budget ε: |δᵢ| ≤ ε", help=told, offered=(0.01, 1))
    form.control(state, replace(eps, field=field))


def _showcase(state: PageState, chosen: Chosen, offered: list[int]) -> None:
    """Thumbnails; a click chooses the image and starts over with it."""
    current = int(state.value("image"))
    shown = offered.index(current) if current in offered else None
    clicked = components.thumbs(
        _thumbs(chosen.model, chosen.images.name, chosen.images), shown, label="Image to attack",
        key=state.key("thumbs"), columns=5,
    )  # fmt: skip
    if clicked is not None:
        state.set("image", int(clicked))
        st.session_state[state.key("again")] = True
        st.rerun()


@st.cache_resource(max_entries=16, show_spinner=False)
def _thumbs(model: str, dataset: str, _chosen: ImageSet) -> list[dict[str, str]]:
    return [
        {
            "id": str(index),
            "src": thumbnail(_chosen.x[index].numpy()),
            "alt": f"Attack this {_chosen.classes[int(_chosen.y[index])]}",
            "caption": "",
            "badge": "",
            "tone": "note",
        }
        for index in resources.showcase(model, dataset)
    ]


def _where(chosen: ImageSet) -> str:
    return f"{chosen.name}, {chosen.split} split, {chosen.source}"


def _task(state: PageState, chosen: Chosen) -> Task:
    images = pictures.by_index(chosen.images, int(state.value("image")), chosen.judge)
    defaults = {**_use(chosen).defaults, "eps": float(state.value("eps")), "seed": int(state.value("seed"))}
    kind: Kind = "classification" if chosen.facts.kind == "classifier" else "reconstruction"
    return Task(kind, chosen.model, images, chosen.classes, MinMax(**defaults))


def _start_if_asked(state: PageState, task: Task, pressed: bool) -> None:
    """Start on a click; once something ran, every change of story, image or ε starts again."""
    key = state.key("ran")
    wanted = (task.model, *task.images.names, task.images.source, task.attack)
    if work.current(PAGE) is not None:  # also one of before a reload
        st.session_state.setdefault(key, wanted)
    again = st.session_state.pop(state.key("again"), False)
    if pressed or again or st.session_state.get(key, wanted) != wanted:
        frame.launch(PAGE, lambda: task)
        st.session_state[key] = wanted


def _show(task: Task) -> None:
    snapshot = work.current(PAGE)
    if snapshot is None:
        callout.box(
            "note", "Ready", "Press “Watch it happen”: the attack unfolds here, iteration by iteration."
        )
        components.stage(views.idle(task), key="overview.stage")
        _onwards()
        return
    work.follow(PAGE, _draw)


def _draw(snapshot: Snapshot) -> None:
    if snapshot.active:
        work.progress(PAGE, snapshot)
        components.stage(views.live(snapshot), key="overview.stage")
    elif snapshot.result is None:
        st.error(snapshot.error or "The attack was cancelled before it began.")
    else:
        results.say(snapshot, 0)
        components.stage(views.finished(snapshot), key="overview.stage")
        callout.readouts(readouts(snapshot.result, 0))
        _onwards()


def _onwards() -> None:
    links: list[tuple[Any, str, str]] = [
        ("pages/attack/supervised.py", "All settings: supervised attacks", ":material/label:"),
        ("pages/attack/unsupervised.py", "All settings: unsupervised attacks", ":material/blur_on:"),
    ]
    with st.container(horizontal=True):
        for path, label, icon in links:
            st.page_link(path, label=label, icon=icon)
