"""MI vs ASR: methods side by side over ε, measured alike, drawn while the shards arrive."""

from __future__ import annotations

import re

import streamlit as st

from advmi_core.experiments.store import SHIPPED, Info
from advmi_core.figures.sweep.series import KEPT, MEASURES
from advmi_core.studies.sweep import find, load, runs, runs_folder
from advmi_core.ui import layout, work
from advmi_core.ui.sweep import (
    charts,
    form,
    grid,
    jobs,
    run_view,
)
from advmi_core.ui.widgets import callout
from advmi_core.ui.widgets.plain import plain
from advmi_core.ui.widgets.state import Option, PageState, choice, number

PAGE = "mi-vs-asr"
SCRIPT = "measure/mi_vs_asr.py"
RUN = "run"
COMMAND = "advmi sweep --preset talk"
_LEAD = "How often does an attack fool the model, and how much of the image survives it?"
_SAFE = re.compile(r"[\w.~-]{1,130}")


def page() -> None:
    """Draw the page."""
    state = PageState(PAGE)
    layout.heading("MI vs ASR", _LEAD)
    layout.restore(state, [*_options(), *grid.options()])
    if (job := state.carry(work.JOB)) is not None:
        work.join(PAGE, job)  # where it has ended, its run is in the link as well
    left, right = st.columns([1, 3.1], gap="medium")
    with left:
        chooser = st.container()
        if (begun := form.draw(state)) is not None:
            run_view.show(state, begun)
        known = runs(runs_folder())
        with chooser:
            _choose(state, known)
    with right:
        _outcome(state, known)
    state.remember()


def _options() -> list[Option]:
    return [
        Option(RUN, "", _safe),
        choice("view", "all", list(charts.VIEWS)),
        choice(charts.MEASURE, KEPT.name, list(MEASURES)),
        number(form.WORKERS, 1, 1, form.MOST_WORKERS),
        *(Option(name, "", _safe) for name in ("cell-method", "cell-eps", "cell-against")),
    ]


def _safe(text: str) -> str:
    """A name that may be a file's."""
    if not _SAFE.fullmatch(text) or text.startswith("."):
        raise ValueError("a name of letters, digits, '-', '_', '.' and '~' is wanted")
    return text


def _choose(state: PageState, known: list[Info]) -> None:
    """The run that is shown: the newest complete one unless another was started or chosen."""
    names = [info.key for info in known]
    if not state.value(RUN) and known:
        state.set(RUN, next((info.key for info in known if info.complete), names[0]))
    info = _info(known, str(state.value(RUN)))
    if info is not None:
        state.set(RUN, info.key)
    elif state.value(RUN):
        names.insert(0, str(state.value(RUN)))
    names += [run for run in jobs.active() if run not in names]
    if names:
        st.selectbox("Run", **state.held_choice(RUN, names), format_func=label)
    info = _info(known, str(state.value(RUN)))
    if info is not None and not info.problem:
        st.caption(f"{info.spec['n']} images · {info.done} of {info.total} shards · {when(info)}")
    _others(state)


def _info(known: list[Info], run: str) -> Info | None:
    """The run of this key; where nobody measures an own one of this id, the shipped one answers for it."""
    if run in jobs.active():
        return next((info for info in known if info.key == run), None)
    return find(known, run)


def _others(state: PageState) -> None:
    """What is measured at the moment, beside the run that is shown."""
    for run, job in jobs.active().items():
        if run != state.value(RUN):
            st.caption(f":material/hourglass_top: {plain(label(run))}: {run_view.where(job)}")
            st.button("Show", key=state.key(f"show-{run}"), on_click=state.set, args=(RUN, run))


def label(run: str) -> str:
    """A run's key for people. It says nothing that changes: a choice whose label changes is lost."""
    id_, shipped = run.removesuffix(SHIPPED), " · shipped" if run.endswith(SHIPPED) else ""
    name, _, digest = id_.rpartition("-")
    return (f"{name} · {digest[:6]}" if name else id_) + shipped


def when(info: Info) -> str:
    """When a run was begun, in local time; shipped ones came with AdvMI."""
    return "shipped" if info.shipped else info.created.astimezone().strftime("%d %b %H:%M")


def _outcome(state: PageState, known: list[Info]) -> None:
    run = str(state.value(RUN))
    info = _info(known, run)
    if not run:
        callout.box(
            "note", "Nothing measured yet",
            "Press Start, or run the command below: it fills this page and goes on where it stopped.",
        )  # fmt: skip
        st.code(COMMAND, language="bash")
        return
    folder = info.folder if info else runs_folder() / run
    if run_view.live(state, folder):
        return
    run_view.said_of_job(folder)
    if info is None:
        callout.box(
            "note", "This run is gone",
            "Every figure here comes from a run's folder, and this folder is not there (any more). "
            "Choose another run, or press Start to measure again.",
        )  # fmt: skip
        return
    try:
        found = load(folder)
    except ValueError as error:
        st.error(str(error), icon=":material/error:")
        return
    run_view.still(state, info, found)
