"""Conv against random sampling on many images: how far the numbers spread, and whether two seeds agree."""

from __future__ import annotations

import math

import streamlit as st

from advmi_core import paths
from advmi_core.figures.mutual_information import violins
from advmi_core.figures.tabular import json_bytes
from advmi_core.figures.text import duration, fixed, number
from advmi_core.jobs import Snapshot
from advmi_core.studies.sampling.exports import values_csv, values_npz
from advmi_core.studies.sampling.results import PERTURB, StudyResult, StudyStep, Summary
from advmi_core.studies.sampling.study import SamplingStudy
from advmi_core.ui import layout, long_jobs, resources, work
from advmi_core.ui.mutual_information import reliability
from advmi_core.ui.widgets import callout, charts, downloads, form
from advmi_core.ui.widgets.downloads import File
from advmi_core.ui.widgets.state import PageState, choice
from advmi_core.ui.widgets.state import number as numeric

_KINDS = {"noise": "Uniform noise", "pgd": "PGD attack"}
_LEAST, _MOST = 10, 1000
_WORDS = """
Per-sample MINE needs many samples of **one** image. As published, **conv** takes the maps of the model's
first layer and **random** takes random projections of the whole image. A critic with tens of thousands of
weights learns those few pairs by heart and is scored on the very same pairs, so its number says more about
the weights it started from than about the image: measured again with another seed, the images change their
order almost freely. **patches** turns this round: every 3×3 patch is a sample, hundreds of small ones; a
small critic learns on one half of them and is scored on the other, and the images keep their order.
(Neighbouring patches overlap, so the halves leak into one another a little and the level is somewhat high.)
"""


def section(state: PageState) -> None:
    """Draw the section."""
    most = max(1, min(_MOST, len(resources.images())))
    least = min(_LEAST, most)
    layout.restore(
        state,
        [
            numeric("study-n", min(100, most), least, most), numeric("study-eps", 0.1, 0.0, 1.0),
            choice("study-kind", "noise", tuple(_KINDS)),
        ],
    )  # fmt: skip
    layout.restore_run(state, "sampling")
    left, right = st.columns([1, 2.3], gap="medium")
    with left:
        pressed = _controls(state, least, most)
        st.markdown(_WORDS)
    with right:
        long_jobs.start_or_find(
            state, _study, "sampling", paths.studies(), pressed=pressed, page=_job(state),
            rows=int(state.value("study-n")),
        )  # fmt: skip
        snapshot = work.current(_job(state))
        if snapshot is None:
            callout.box(
                "note", "Ready", "Start measures every image by three samplings, each under two seeds."
            )
        elif (made := snapshot.about) != _study(state):
            callout.of_other_settings(f"N {made.n}, ε {number(made.eps)}, {_KINDS[made.perturbation]}")
        work.follow(_job(state), lambda now: _show(state, now))
    reliability.draw(state)


def _job(state: PageState) -> str:
    return state.key("sampling")


def _controls(state: PageState, least: int, most: int) -> bool:
    st.number_input("Images N", least, most, step=10, **state.held("study-n"))
    st.slider("Strength ε: |δᵢ| ≤ ε", 0.0, 1.0, step=0.01, **state.held("study-eps"), format=form.SHORT)
    st.segmented_control(
        "Perturbation", **state.held_pick("study-kind", _KINDS), format_func=_KINDS.__getitem__,
        required=True, width="stretch",
    )  # fmt: skip
    return st.button(
        "Start", key=state.key("study-start"), type="primary", icon=":material/play_arrow:", width="stretch",
        help="What was measured before, here or by `advmi study sampling`, is loaded.",
    )  # fmt: skip


def _study(state: PageState) -> SamplingStudy:
    return SamplingStudy(
        dataset=resources.DATASET,
        model=resources.CLASSIFIER,
        n=int(state.value("study-n")),
        eps=float(state.value("study-eps")),
        perturbation=str(state.value("study-kind")),
    )


def _show(state: PageState, snapshot: Snapshot) -> None:
    if work.ended_with_nothing(snapshot):
        return
    if snapshot.active:
        work.progress_of_parts(_job(state), snapshot, _said(snapshot), "part")
        if snapshot.so_far is not None:
            _picture(state, snapshot.so_far)
    else:
        _verdict(snapshot)
        _picture(state, snapshot.result)
        _downloads(state, snapshot.result)


def _said(snapshot: Snapshot) -> str:
    if snapshot.state == "queued" or not snapshot.records:
        return work.said(snapshot)
    last: StudyStep = snapshot.records[-1]
    left = duration(snapshot.eta)
    doing = "Perturbing the images" if last.stage == PERTURB else f"Measuring, seed {last.seed}"
    return f"{doing}: part {last.step} of {last.total}" + (f" · {left} left" if left else "")


def _verdict(snapshot: Snapshot) -> None:
    lines = [line for line in snapshot.result.table() if math.isfinite(line.rank_correlation)]
    agreement = " · ".join(f"{line.sampling} {fixed(line.rank_correlation)}" for line in lines)
    text = f"Rank correlation: {agreement or 'not known yet'} (1: the same order, 0: chance)."
    if snapshot.state == "cancelled":
        text = f"Partial result: cancelled, finished parts are kept. {text}"
    elif snapshot.result.loaded:
        text += " Measured before, loaded."
    callout.box("note", "Do two seeds order the images alike?", text)


def _picture(state: PageState, result: StudyResult) -> None:
    lines = result.table()
    said = "; ".join(f"{line.sampling} {violins.spread(line)}" for line in lines)
    charts.draw(state, "violins", violins.violins(result), f"MI of the images: {said}")
    st.table([_row(line) for line in lines], border="horizontal", hide_index=True)


def _row(line: Summary) -> dict[str, str]:
    return {
        "sampling": line.sampling,
        "K": str(line.k or "–"),
        "mean ± std (nats)": violins.spread(line).removesuffix(" nats"),
        "by seed": " | ".join(map(fixed, line.means)),
        "rank correlation": fixed(line.rank_correlation),
        "ICC(2,1)": fixed(line.icc),
        "ms per image": number(1000 * line.seconds),
    }


def _downloads(state: PageState, result: StudyResult) -> None:
    stem = f"advmi-{result.folder.name if result.folder else 'sampling'}"
    downloads.row(
        state, stem, {"Violins": lambda: violins.violins(result)},
        [
            File("Values", f"{stem}.csv", lambda: values_csv(result)),
            File("Values", f"{stem}.npz", lambda: values_npz(result)),
            File("Settings", f"{stem}.json", lambda: json_bytes(result.spec)),
        ],
        "study-files",
    )  # fmt: skip
