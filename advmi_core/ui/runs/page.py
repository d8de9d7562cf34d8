"""Runs: everything computed so far; open, compare, rerun, export, delete with undo."""

from __future__ import annotations

from typing import Any

import streamlit as st

from advmi_core import paths
from advmi_core.attacks.core.ball import UNBOUNDED
from advmi_core.experiments.progress import remembered
from advmi_core.experiments.store import Info, Store
from advmi_core.figures.sweep.series import title
from advmi_core.studies.sweep import runs, runs_folder
from advmi_core.ui import layout
from advmi_core.ui.runs import actions, compare
from advmi_core.ui.runs.actions import CHOSEN
from advmi_core.ui.sweep import page as mi_vs_asr
from advmi_core.ui.widgets import callout
from advmi_core.ui.widgets.state import PageState, several

PAGE = "runs"
_LEAD = (
    "Sweeps, trainings and studies, begun here or by a command. Choose one to open, repeat, export or delete "
    "it, two sweeps to compare them."
)


def page() -> None:
    """Draw the page."""
    state = PageState(PAGE)
    layout.heading("Runs", _LEAD)
    known = everything()
    layout.restore(state, [several(CHOSEN, (), [info.key for info in known])])
    actions.undo(state)
    if known:
        _known(state, known)
    else:
        callout.box("note", "No runs yet", "MI vs ASR makes them, and so does the command below.")
        st.code(mi_vs_asr.COMMAND, language="bash")
    st.caption(f"Sweeps lie in {runs_folder()}; `ADVMI_RUNS` names another folder.")
    state.remember()


def everything() -> list[Info]:
    """All sweeps and studies, newest first, then those that came with AdvMI; the same one once."""
    found = runs(runs_folder())
    for root in dict.fromkeys([paths.studies(), *remembered()]):
        found += Store(root).studies() if root != runs_folder() else []
    found.sort(key=lambda info: (not info.shipped, info.created), reverse=True)
    return list({info.key: info for info in reversed(found)}.values())[::-1]


def _known(state: PageState, known: list[Info]) -> None:
    by_name = {info.key: info for info in known}
    state.set(CHOSEN, [name for name in state.value(CHOSEN) if name in by_name][-2:])
    _table(state, known)
    st.multiselect(
        "Chosen", list(by_name), key=state.key(CHOSEN), max_selections=2, args=(state,),
        on_change=actions.redraw, format_func=lambda key: _label(by_name, key),
        placeholder="One run, or two sweeps to compare",
    )  # fmt: skip
    chosen = [by_name[name] for name in state.value(CHOSEN)]
    if len(chosen) == 1:
        actions.draw(state, chosen[0])
    elif len(chosen) == 2:
        compare.draw(state, chosen[0], chosen[1])


def _table(state: PageState, known: list[Info]) -> None:
    """All runs; ticking a row chooses it."""
    names = [info.key for info in known]
    ticked = [names.index(name) for name in state.value(CHOSEN)]
    key = actions.table_key(state)
    st.dataframe(
        [row(info) for info in known], key=key, hide_index=True, selection_mode="multi-row", height="content",
        selection_default={"selection": {"rows": ticked}}, on_select=lambda: _ticked(state, key, names),
        alt="All runs; the choice below does the same as ticking rows",
    )  # fmt: skip


def _ticked(state: PageState, key: str, names: list[str]) -> None:
    ticked = [names[at] for at in st.session_state[key]["selection"]["rows"]]
    state.set(CHOSEN, latest(state.value(CHOSEN), ticked))
    if len(ticked) > 2:
        actions.redraw(state)


def latest(before: list[str], ticked: list[str]) -> list[str]:
    """The two runs that were ticked last, in this order; a table hands its ticks back by row."""
    kept = [name for name in before if name in ticked]
    return [*kept, *(name for name in ticked if name not in kept)][-2:]


def _label(known: dict[str, Info], key: str) -> str:
    info = known.get(key)
    if info is None or actions.is_sweep(info) or info.problem:
        return mi_vs_asr.label(key)
    return f"{info.title} · {info.id.rpartition('-')[2][:6]}"


def row(info: Info) -> dict[str, Any]:
    """A run as the table shows it."""
    if info.problem:
        return {"run": info.kind, "state": "damaged"}
    spec = info.spec
    said = {
        "run": info.title,
        "state": "complete" if info.complete else "running" if actions.busy(info) else "partial",
        "parts": f"{info.done:,} of {info.total:,}" if info.total else "",
        "data, model": ", ".join(str(spec[name]) for name in ("dataset", "model") if name in spec),
        "when": mi_vs_asr.when(info),
        "id": info.id.rpartition("-")[2][:6],
    }
    return said | (_of_sweep(spec) if actions.is_sweep(info) else {})


def _of_sweep(spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "methods": ", ".join(f"{title(each['name'])} ({_radii(each['eps'])})" for each in spec["methods"]),
        "images": spec["n"],
        "seed": spec["seed"],
    }


def _radii(eps: list[float]) -> str:
    """How many ε a method has, in words."""
    bounded = sum(value < UNBOUNDED for value in eps)
    return f"{bounded} ε" if bounded else "no ε"
