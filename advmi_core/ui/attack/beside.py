"""A second model beside the first: the same images and settings, one scrubber, and what differs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import streamlit as st

from advmi_core.attacks.core.records import AttackResult
from advmi_core.figures.attack import text as words
from advmi_core.jobs import Snapshot
from advmi_core.ui import layout, resources, work
from advmi_core.ui.attack import frame, results
from advmi_core.ui.attack.tasks import Task
from advmi_core.ui.widgets.chooser import Chosen
from advmi_core.ui.widgets.plain import plain
from advmi_core.ui.widgets.state import PageState, choice

_OTHER, _RUN = "attack-beside", "beside"
_NONE = ""


def rivals(chosen: Chosen) -> dict[str, str]:
    """Name → title of the models that were made for the same images and classes."""
    facts = chosen.facts
    wanted = facts.shape, facts.classes, facts.dataset
    return {
        name: each.title
        for name, each in resources.models_here(facts.kind).items()
        if name != chosen.model and each.dataset and (each.shape, each.classes, each.dataset) == wanted
    }


def restore(state: PageState, chosen: Chosen) -> None:
    """The second model, if the link or the session names one."""
    layout.restore(state, [choice(_OTHER, _NONE, (_NONE, *rivals(chosen)))], chosen.model)
    layout.restore_run(state, _RUN)


def draw(state: PageState, chosen: Chosen) -> None:
    """The choice of a second model, where there is one."""
    offered = {_NONE: "none", **rivals(chosen)}
    if len(offered) > 1:
        st.selectbox(
            "Beside it", **state.held_choice(_OTHER, offered), label_visibility="collapsed",
            format_func=lambda name: f"Beside it: {offered[name]}",
        )  # fmt: skip


def launch(state: PageState, build: Callable[[], Task]) -> None:
    """Start the same on the second model; without one, forget an earlier run on it."""
    job = state.key(_RUN)
    if state.value(_OTHER) == _NONE:
        work.forget(job)
    else:
        frame.launch(job, lambda: _twin(state, build()))


def outcome(state: PageState, waiting: Task | None) -> None:
    """What the second model makes of the same, and a table of both when they have ended."""
    job = state.key(_RUN)
    if state.value(_OTHER) == _NONE:
        return
    other = None if waiting is None else _twin(state, waiting)
    about = frame.shown(job, other)
    if about is not None:
        st.subheader(f"Beside it: {plain(resources.offer().known[about.model].title)}", anchor=False)
    frame.outcome(job, other)
    one, two = work.current(state.page), work.current(job)
    if one is not None and two is not None and not one.active and not two.active:
        _table(one, two)


def _twin(state: PageState, task: Task) -> Task:
    return replace(task, model=str(state.value(_OTHER)))


def _table(one: Snapshot, two: Snapshot) -> None:
    """What differs between the two, for the first image or as means over all."""
    if one.result is None or two.result is None:
        return
    known = resources.offer().known
    first, second = (plain(known[each.about.model].title) for each in (one, two))
    rows = zip(_told(one), _told(two), strict=True)
    lines = [f"| {name} | {a} | {b} |" for (name, a), (_, b) in rows]
    st.markdown("\n".join([f"| | {first} | {second} |", "|---|---|---|", *lines]))


def _told(snapshot: Snapshot) -> list[tuple[str, str]]:
    """Names and values of one side."""
    task: Task = snapshot.about
    result: AttackResult = snapshot.result
    if len(task.images) > 1:
        return [
            ("Attacked with success", f"{int(result.success.sum())} of {len(result.success)}"),
            ("Information kept, mean", f"{100 * float(result.kept.mean()):.2f} %"),
            ("L2, mean", f"{float(result.l2.mean()):.3g}"),
        ]
    verdict = results.verdict_of(task, result, 0)
    named = {each.label: each.value for each in words.readouts(result, 0)}
    wanted = ("Criterion f", "Information kept", "L∞", "L2", "Queries", "Kept iteration")
    return [("Verdict", plain(verdict.title)), *((name, named[name]) for name in wanted)]
