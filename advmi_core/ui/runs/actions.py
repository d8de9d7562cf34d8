"""Actions on one run: open, rerun with changes, export, delete with undo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from advmi_core.experiments.store import Info, Store, in_use, restore
from advmi_core.studies.sweep import Sweep, load, run_store, runs_folder
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
from advmi_core.ui.widgets.plain import plain
from advmi_core.ui.widgets.state import PageState

CHOSEN = "chosen"
PAGES = {
    "autoencoders": "pages/measure/autoencoders.py",
    "defence": "pages/defend/defence.py",
    "mutual-information": "pages/measure/mutual_information.py",
}
"""Pages that begin studies → their scripts."""
_VERSION = "version"


def table_key(state: PageState) -> str:
    """The key of the table of runs: another one whenever its ticks have to follow from outside."""
    return state.key(f"table-{st.session_state.get(state.key(_VERSION), 0)}")


def redraw(state: PageState) -> None:
    """A table's ticks cannot be changed from outside: a new one starts with the right ones."""
    st.session_state[state.key(_VERSION)] = st.session_state.get(state.key(_VERSION), 0) + 1


def is_sweep(info: Info) -> bool:
    """Whether MI vs ASR made it."""
    return "sweep" in info.spec


def busy(info: Info) -> bool:
    """Whether a job of this process computes the run or waits for its turn to, or any process computes it."""
    job = sweep_jobs.of(info.folder)
    if job is not None and job.active:
        return True
    return any(in_use(folder) for folder in (info.folder, *(info.folder.parent / name for name in info.uses)))


def draw(state: PageState, info: Info) -> None:
    """The buttons, the table and the files of one run."""
    why, sweep, way = _stays(info), is_sweep(info), _way(info)
    with st.container(horizontal=True, key=state.key("actions")):
        opened = st.button(
            "Open", key=state.key("open"), type="primary", icon=":material/open_in_full:", disabled=not way,
            help="On its page, with all its figures." if way else "No page shows it.",
        )  # fmt: skip
        again = sweep and st.button(
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
        way = f"pages/{mi_vs_asr.SCRIPT}", {f"{mi_vs_asr.PAGE}.{mi_vs_asr.RUN}": info.key}
    if way is not None and (opened or again):
        st.session_state.update(way[1])
        st.switch_page(way[0])
    if sweep or info.problem:
        _numbers(state, info)
    else:
        st.caption(f"{info.title}: its parts lie in {plain(str(info.folder.parent))}")


def _way(info: Info) -> tuple[str, dict[str, Any]] | None:
    """The page that shows the run, and what the session must hold there; None if no page does."""
    if info.problem:
        return None
    if is_sweep(info):
        here = info.shipped or info.folder.parent == runs_folder()
        run = {f"{mi_vs_asr.PAGE}.{mi_vs_asr.RUN}": info.key}
        return (f"pages/{mi_vs_asr.SCRIPT}", run) if here else None
    if info.page not in PAGES:
        return None
    return PAGES[info.page], {f"{info.page}.{name}": value for name, value in info.form.items()}


def _stays(info: Info) -> str:
    """Why a run cannot be deleted now, "" if it can."""
    if info.shipped:
        return "it came with AdvMI and stays."
    if of_another(sweep_jobs.of(info.folder)):
        return "another visitor computed it and is still here."
    return "it is being measured; Open leads to Cancel." if busy(info) else ""


def _numbers(state: PageState, info: Info) -> None:
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


def _fill(info: Info) -> None:
    """Put a run's grid into the form of MI vs ASR."""
    form = PageState(mi_vs_asr.PAGE)
    values, lost = sweep_grid.read_back(Sweep.from_spec(info.spec))
    for name, value in values.items():
        form.set(name, value)
    form.set(sweep_form.LOST, lost)


def _delete(state: PageState, info: Info) -> None:
    try:
        own = run_store() if info.folder.parent == runs_folder() else Store(info.folder.parent)
        trashed = own.delete(info.folder)
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
