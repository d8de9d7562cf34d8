"""Overview: one image, one slider, an adversarial example coming into being."""

from __future__ import annotations

from typing import Any

import streamlit as st

from advmi_core.attacks import MinMax
from advmi_core.figures.attack.text import readouts
from advmi_core.figures.encode import data_url
from advmi_core.jobs import Snapshot
from advmi_core.ui import layout, resources, work
from advmi_core.ui.attack import frame, results, views
from advmi_core.ui.attack.tasks import Task
from advmi_core.ui.widgets import callout, components, form, pictures
from advmi_core.ui.widgets.state import Option, PageState, choice, number

PAGE = "overview"
_LEAD = (
    "Change every pixel by at most ε and a model sees something else. "
    "Mutual information tells how much of the original is left while that happens."
)
_STORIES = {"supervised": "a classifier", "unsupervised": "an autoencoder"}
_BUDGETS = {"supervised": 0.3, "unsupervised": 1.0}
_FORMULA = (
    r"\small\begin{gathered}\%s_{\delta}\; I(x;\,x{+}\delta)\;%s\;\tfrac12\,\overline{(\delta/0.1)^2}\\"
    r"\text{under}\ f(x{+}\delta)\le 0\end{gathered}"
)
_SIGN = {"supervised": ("max", "-"), "unsupervised": ("min", "+")}
_TEXTS = {
    "supervised": "The classifier must change its mind (**f ≤ 0**) while the picture keeps "
    "**as much information** about the original as it can.",
    "unsupervised": "The autoencoder must still rebuild the original (**f ≤ 0**) while the picture keeps "
    "**as little information** about it as it can. No label is needed.",
}


def page() -> None:
    """Draw the page."""
    state = PageState(PAGE)
    layout.heading("An adversarial example comes into being", _LEAD)
    layout.restore(state, [choice("story", "supervised", tuple(_STORIES))])
    layout.restore(state, _options(str(state.value("story"))))
    layout.restore_run(state)
    left, right = st.columns([1, 3.1], gap="medium")
    with left:
        pressed = _controls(state)
    task = _task(state)
    _start_if_asked(state, task, pressed)
    with right:
        _show(task)
    state.remember()


def _options(story: str) -> list[Option]:
    return [
        number("eps", _BUDGETS[story], 0.01, 1.0),
        number("image", resources.showcase()[-1], 0, len(resources.images()) - 1),
        number("seed", 0, 0, 2**31 - 1),
    ]


def _controls(state: PageState) -> bool:
    """Story, image, ε and the button; True when an attack is asked for."""
    st.segmented_control(
        "Fool …", **state.held_pick("story", _STORIES), format_func=_STORIES.__getitem__, required=True,
         width="stretch", on_change=_usual_budget, args=(state,),
    )  # fmt: skip
    story = str(state.value("story"))
    st.markdown(_TEXTS[story])
    st.latex(_FORMULA % _SIGN[story])
    st.slider(
        "Budget ε: |δᵢ| ≤ ε", 0.01, 1.0, step=0.01, **state.held("eps"), format=form.SHORT,
        help="Largest allowed change of a pixel; pixels are grey levels from 0 (black) to 1 (white).",
    )  # fmt: skip
    pressed = st.button("Watch it happen", type="primary", icon=":material/play_arrow:", width="stretch")
    _showcase(state)
    st.caption(f"or pick another image to start with it · {_where()}")
    return pressed


def _usual_budget(state: PageState) -> None:
    state.set("eps", _BUDGETS[str(state.value("story"))])


def _showcase(state: PageState) -> None:
    """Thumbnails; a click chooses the image and starts over with it."""
    offered = resources.showcase()
    current = int(state.value("image"))
    chosen = offered.index(current) if current in offered else None
    clicked = components.thumbs(
        _thumbs(), chosen, label="Image to attack", key=state.key("thumbs"), columns=5
    )
    if clicked is not None:
        state.set("image", int(clicked))
        st.session_state[state.key("again")] = True
        st.rerun()


@st.cache_resource(show_spinner=False)
def _thumbs() -> list[dict[str, str]]:
    chosen = resources.images()
    return [
        {
            "id": str(index),
            "src": data_url(chosen.x[index].numpy()),
            "alt": f"Attack this {chosen.classes[int(chosen.y[index])]}",
            "caption": "",
            "badge": "",
            "tone": "note",
        }
        for index in resources.showcase()
    ]


def _where() -> str:
    chosen = resources.images()
    return f"{chosen.name}, {chosen.split} split, {chosen.source}"


def _task(state: PageState) -> Task:
    chosen = resources.images()
    images = pictures.by_index(chosen, int(state.value("image")))
    attack = MinMax(eps=float(state.value("eps")), seed=int(state.value("seed")))
    if state.value("story") == "supervised":
        return Task("classification", resources.CLASSIFIER, images, chosen.classes, attack)
    return Task("reconstruction", "ae-conv", images, chosen.classes, attack)


def _start_if_asked(state: PageState, task: Task, pressed: bool) -> None:
    """Start on a click; once something ran, every change of story, image or ε starts again."""
    key = state.key("ran")
    wanted = tuple(state.value(name) for name in ("story", "image", "eps", "seed"))
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
