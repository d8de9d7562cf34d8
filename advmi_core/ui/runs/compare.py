"""Two runs side by side: both tables, and paired differences where cells match."""

from __future__ import annotations

import math

import streamlit as st

from advmi_core.evaluation import Paired, compare
from advmi_core.experiments.store import Info
from advmi_core.figures.sweep import table as sweep_table
from advmi_core.figures.sweep.series import title
from advmi_core.studies.sweep import SweepResult, load
from advmi_core.ui.runs.actions import is_sweep
from advmi_core.ui.sweep import cells as sweep_cells
from advmi_core.ui.widgets import callout
from advmi_core.ui.widgets.plain import plain
from advmi_core.ui.widgets.state import PageState

_SAME = ("dataset", "split")


def draw(state: PageState, first: Info, second: Info) -> None:
    """Draw the comparison of two runs, or say in one sentence why there is none."""
    if not (is_sweep(first) and is_sweep(second)):
        callout.box("note", "Not compared", "Only two sweeps are compared; open a study on its own page.")
        return
    try:
        a, b = (load(info.folder) for info in (first, second))
    except ValueError as error:
        st.error(str(error), icon=":material/error:")
        return
    st.header("A against B", anchor=False)
    st.markdown(f"**A** {plain(first.key)} · **B** {plain(second.key)}")
    _paired(state, a, b)
    for letter, info, found in (("A", first, a), ("B", second, b)):
        with st.container(key=state.key(f"table-of-{letter}")):
            st.markdown(f"**{letter}** {plain(info.key)}")
            st.table(sweep_table.rows(sweep_cells.points(found)), border="horizontal", hide_index=True)


def _paired(state: PageState, a: SweepResult, b: SweepResult) -> None:
    if any(a.spec[name] != b.spec[name] for name in _SAME):
        callout.box("note", "Not paired", "The two runs are about different images.")
        return
    rows = lines(a, b)
    if not rows:
        callout.box("note", "Not paired", "No method has the same name and the same ε in both runs.")
        return
    with st.container(key=state.key("table-of-pairs")):
        st.table(rows, border="horizontal", hide_index=True)
    st.caption(
        "Differences A − B, image by image over those that both fooled, with Student's 95 % interval. "
        "An interval without 0 is marked ●."
    )


def lines(a: SweepResult, b: SweepResult) -> list[dict[str, str]]:
    """One line a cell that has images in both runs."""
    second = {point.id: point for point in sweep_cells.points(b)}
    shown = []
    for one in sweep_cells.points(a):
        if (other := second.get(one.id)) is None:
            continue
        found = compare(one.table, other.table)
        shown.append(
            {
                "method": title(one.method),
                "ε": one.budget,
                "ASR of A, %": sweep_table.rate(one),
                "ASR of B, %": sweep_table.rate(other),
                "images": str(found.images),
                "kept, A − B, % points": difference(found.kept.times(100)),
                "MI, A − B, nats": difference(found.mi),
                "L2, A − B": difference(found.l2),
            }
        )
    return shown


def difference(pairs: Paired) -> str:
    """Mean and interval, marked where 0 lies outside."""
    text = f"{_fixed(pairs.mean)} [{_fixed(pairs.low)}, {_fixed(pairs.high)}]"
    return f"{text} ●" if pairs.low > 0 or pairs.high < 0 else text


def _fixed(value: float) -> str:
    return f"{value:.3f}".replace("-", "−") if math.isfinite(value) else "–"
