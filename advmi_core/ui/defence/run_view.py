"""A defence study of the visitor's own: while it is computed, and when it has ended."""

from __future__ import annotations

import streamlit as st

from advmi_core.defenses import DEFENSES
from advmi_core.figures.defence import text as defence_words
from advmi_core.figures.defence.series import names
from advmi_core.figures.text import duration
from advmi_core.jobs import Snapshot
from advmi_core.studies.defence import DefenceStudy, DefenceStudyResult, DefenceStudyStep
from advmi_core.studies.defence.records import ATTACKS, DEFENCE, ESTIMATORS, STAGES, STANDARD
from advmi_core.ui import work
from advmi_core.ui.defence import files, views
from advmi_core.ui.widgets import callout
from advmi_core.ui.widgets.state import PageState

_EVERY = 0.6  # seconds between two pictures


def draw(state: PageState) -> None:
    """Follow the page's job and show what it has found."""
    work.follow(state.page, lambda now: _show(state, now), every=_EVERY)


def _show(state: PageState, now: Snapshot) -> None:
    if work.ended_with_nothing(now):
        return
    if now.active:
        work.progress_of_parts(state.page, now, said(now), "step")
        stage = now.records[-1].stage if now.records else STANDARD
        if now.so_far is not None:
            views.live(state, now.so_far, stage)
        return
    result: DefenceStudyResult = now.result
    _ended(now, result)
    views.draw(state, result)
    files.offer(state, result)


def _ended(now: Snapshot, result: DefenceStudyResult) -> None:
    if now.state == "cancelled":
        why = now.error or "Cancelled."
        callout.box("note", "Partial result", f"{why} What is finished is kept, Start goes on from there.")
    if result.complete or result.measured:
        callout.box(*defence_words.verdict(result))
        if said := defence_words.over_training(result):
            st.caption(f"{said} One training each: another seed may say otherwise. {_took(now)}")


def _took(now: Snapshot) -> str:
    if now.result.loaded:
        return "Computed before, loaded."
    return f"It took {duration(now.elapsed)}."


def said(now: Snapshot) -> str:
    """Where the lesson stands, in words."""
    if now.state == "queued" or not now.records:
        return work.said(now)
    last: DefenceStudyStep = now.records[-1]
    left = duration(now.eta)
    text = f"{STAGES.index(last.stage) + 1} of {len(STAGES)} · {_stage(now.about, last)}"
    return text + (f" · {left} left" if left else "")


def _stage(lesson: DefenceStudy, last: DefenceStudyStep) -> str:
    if last.stage == ATTACKS:
        return f"{last.attack} on {names(DefenceStudyResult(lesson, ()))[last.model]}"
    if last.stage == ESTIMATORS:
        stage = last.estimator.stage if last.estimator is not None else ""
        words = {"craft": ": making x̃ for them", "first": " by Eq. 4", "optimised": " by Eq. 5"}
        return f"Estimators of natural and adversarial MI{words.get(stage, '')}"
    title = DEFENSES["standard" if last.stage == STANDARD else lesson.defense].title
    which = "the defence " if last.stage == DEFENCE else ""
    epoch = f", epoch {last.training.epoch} of {last.training.epochs}" if last.training is not None else ""
    return f"Training {which}{title}{epoch}"
