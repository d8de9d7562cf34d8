"""Actions on one run: open, rerun with changes, export, delete with undo."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from advmi_core.studies.sweep import RunInfo, Sweep, delete, load, restore
from advmi_core.ui.sweep import (
    cells as sweep_cells,
)
from advmi_core.ui.sweep import (
    charts as sweep_charts,
)
from advmi_core.ui.sweep import (
    files as sweep_files,
)
from advmi_core.ui.sweep import (
    form as sweep_form,
)
from advmi_core.ui.sweep import (
    grid as sweep_grid,
)
from advmi_core.ui.sweep import (
    jobs as sweep_jobs,
)
from advmi_core.ui.sweep import (
    page as mi_vs_asr,
)
from advmi_core.ui.sweep.run_view import TRASHED
from advmi_core.ui.visitors import of_another
from advmi_core.ui.widgets import callout
from advmi_core.ui.widgets.state import PageState

CHOSEN = "chosen"
_VERSION = "version"


def table_key(state: PageState) -> str:
    """The key of the table of runs: another one whenever its ticks have to follow from outside."""
    return state.key(f"table-{st.session_state.get(state.key(_VERSION), 0)}")


def redraw(state: PageState) -> None:
    """A table's ticks cannot be changed from outside: a new one starts with the right ones."""
    st.session_state[state.key(_VERSION)] = st.session_state.get(state.key(_VERSION), 0) + 1


def busy(info: RunInfo) -> bool:
    """Whether a job of this process computes the run or waits for its turn to."""
    job = sweep_jobs.of(info.folder)
    return job is not None and job.active


def draw(state: PageState, info: RunInfo) -> None:
    """The buttons, the table and the files of one run."""
    why = _stays(info)
    with st.container(horizontal=True, key=state.key("actions")):
        opened = st.button(
            "Open", key=state.key("open"), type="primary", icon=":material/open_in_full:",
            disabled=bool(info.problem), help="In MI vs ASR, with all its figures.",
        )  # fmt: skip
        again = st.button(
            "Rerun with changes", key=state.key("again"), icon=":material/tune:", disabled=bool(info.problem),
            help="Fills the form of MI vs ASR with this run's grid.",
        )  # fmt: skip
        st.button(
            "Delete", key=state.key("delete"), icon=":material/delete:", on_click=_delete, args=(state, info),
            disabled=bool(why), help=why or "Can be undone for a day.",
        )  # fmt: skip
    if why:
        st.caption(f":material/info: Delete is off: {why}")
    if again:
        _fill(info)
    if opened or again:
        st.session_state[f"{mi_vs_asr.PAGE}.{mi_vs_asr.RUN}"] = info.key
        st.switch_page(f"pages/{mi_vs_asr.SCRIPT}")
    _numbers(state, info)


def _stays(info: RunInfo) -> str:
    """Why a run cannot be deleted now, "" if it can."""
    if info.shipped:
        return "it came with AdvMI and stays."
    if of_another(sweep_jobs.of(info.folder)):
        return "another visitor computed it and is still here."
    return "it is being measured; Open leads to Cancel." if busy(info) else ""


def _numbers(state: PageState, info: RunInfo) -> None:
    try:
        found = load(info.folder)
    except ValueError as error:
        st.error(f"{info.problem or error}", icon=":material/error:")
        return
    points = sweep_cells.points(found)
    if points:
        sweep_charts.table(state, points)
        sweep_files.offer(state, found, points, points[0].eps)
    else:
        callout.box("note", "No shard is finished yet", "Open it to go on.")


def _fill(info: RunInfo) -> None:
    """Put a run's grid into the form of MI vs ASR."""
    form = PageState(mi_vs_asr.PAGE)
    values, lost = sweep_grid.read_back(Sweep.from_spec(info.spec))
    for name, value in values.items():
        form.set(name, value)
    form.set(sweep_form.LOST, lost)


def _delete(state: PageState, info: RunInfo) -> None:
    try:
        trashed = delete(info.folder)
    except ValueError as error:
        st.toast(str(error), icon=":material/error:")
        return
    st.session_state[TRASHED] = trashed
    redraw(state)


def undo(state: PageState) -> None:
    """What was deleted last, and the way back."""
    trashed: Path | None = st.session_state.get(TRASHED)
    if trashed is None:
        return
    # At the left: the tools of the table below lie over what is above its right end, once it was hovered.
    button, said = st.columns([1, 6], vertical_alignment="center")
    with said:
        callout.box("note", "Deleted", f"{trashed.name} lies in the trash for a day.")
    button.button(
        "Undo", key=state.key("undo"), icon=":material/undo:", on_click=_restore, args=(state, trashed),
        width="stretch",
    )  # fmt: skip


def _restore(state: PageState, trashed: Path) -> None:
    st.session_state.pop(TRASHED)
    try:
        folder = restore(trashed)
    except ValueError as error:
        st.toast(str(error), icon=":material/error:")
        return
    state.set(CHOSEN, [folder.name])
    redraw(state)
