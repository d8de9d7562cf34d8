"""A retraining study of the visitor's own: while it is computed, and when it has ended."""

from __future__ import annotations

import math

from advmi_core.figures.autoencoders.series import of_model, title
from advmi_core.figures.text import duration
from advmi_core.jobs import Snapshot
from advmi_core.studies.autoencoders import MakingStep, RetrainingStudy, RetrainStep
from advmi_core.ui import work
from advmi_core.ui.autoencoders import files, views
from advmi_core.ui.autoencoders.source import Shown
from advmi_core.ui.widgets import callout
from advmi_core.ui.widgets.state import PageState

_EVERY = 0.5  # seconds between two pictures


def draw(state: PageState) -> None:
    """Follow the page's job and show what it has found."""
    work.follow(state.page, lambda now: _show(state, now), every=_EVERY)


def _show(state: PageState, now: Snapshot) -> None:
    if work.ended_with_nothing(now):
        return
    study: RetrainingStudy = now.about
    if now.active:
        work.progress_of_parts(state.page, now, said(now), "training")
        model = now.records[-1].model if now.records else study.models[0]
        if now.so_far is not None:
            views.live(state, Shown(now.so_far, now.id), model)
        return
    _ended(now)
    shown = Shown(now.result, now.result.folder.name if now.result.folder else now.id)
    views.draw(state, shown)
    files.offer(state, shown)


def _ended(now: Snapshot) -> None:
    study: RetrainingStudy = now.about
    seeds = f"{len(study.seeds)} seeds" if len(study.seeds) > 1 else "one seed"
    text = f"{study.n} training images, {seeds}, {duration(now.elapsed)}."
    if now.state == "cancelled":
        why = now.error or "Cancelled."
        callout.box("note", "Partial result", f"{why} Finished trainings are kept, Start goes on. {text}")
    elif now.result.loaded:
        callout.box("note", "Your run", f"Computed before, loaded. {text}")
    else:
        callout.box("note", "Your run", text)


def said(now: Snapshot) -> str:
    """Where the study stands, in words."""
    if now.state == "queued" or not now.records:
        return work.said(now)
    last = now.records[-1]
    left = duration(now.eta)
    text = _making(last) if isinstance(last, MakingStep) else _training(last)
    return f"{of_model(last.model).capitalize()} · {text}" + (f" · {left} left" if left else "")


def _making(step: MakingStep) -> str:
    success = "" if math.isnan(step.success) else f", {100 * step.success:.0f} % with success"
    which = "" if step.split == "train" else " of test images"
    return f"making {title(step.row)}{which}: {step.done} of {step.count}{success}"


def _training(step: RetrainStep) -> str:
    return f"training on {title(step.row)}: seed {step.seed}, epoch {step.epoch} of {step.epochs}"
