"""A finished run of an attack: verdict, numbers, order of its images."""

from __future__ import annotations

from typing import Any

import streamlit as st

from advmi_core.attacks.core.records import AttackResult
from advmi_core.evaluation import summarise, tabulate
from advmi_core.figures.attack import text as words
from advmi_core.figures.text import Verdict, keeps
from advmi_core.jobs import Snapshot
from advmi_core.ui.attack.tasks import Task
from advmi_core.ui.widgets import callout


def verdict_of(task: Task, result: AttackResult, row: int) -> Verdict:
    """The verdict on one image of the run."""
    if task.kind == "reconstruction":
        return words.reconstruction(result, row)
    truth = int(task.images.y[row])
    return words.classification(result, row, task.classes, truth, target=task.target, known=task.images.known)


def say(snapshot: Snapshot, row: int) -> None:
    """Verdict on one image; a cancelled run says how far it came."""
    task: Task = snapshot.about
    verdict = verdict_of(task, snapshot.result, row)
    text = verdict.text
    if snapshot.state == "cancelled":
        done = snapshot.records[-1].step if snapshot.records else 0
        text = f"Partial result: cancelled after {done} of {task.total} iterations. {text}"
    callout.box(verdict.tone, verdict.title, text)


def numbers(snapshot: Snapshot, row: int) -> None:
    """The read-outs of one image and what to think of the two measures."""
    callout.readouts(words.readouts(snapshot.result, row))
    st.caption(f":material/info: Information kept: {words.KEPT} MI by InfoNCE: {words.MEASURED}")
    for warning in snapshot.result.warnings:
        st.caption(f":material/warning: {warning}")


def summary(snapshot: Snapshot) -> str:
    """One line about all images of the run."""
    task: Task = snapshot.about
    result: AttackResult = snapshot.result
    seen = summarise(tabulate(result, range(len(result.x))))
    text = f"**{seen.succeeded} of {seen.counted}** attacked with success"
    if seen.counted:
        text += f" ({100 * seen.asr:.0f} %)"
    if seen.counted < seen.images:
        text += f"; {seen.images - seen.counted} misclassified from the start, not counted"
    if seen.kept.n:
        text += f". Information kept by the successes, mean: {keeps(seen.kept.mean, seen.information.mean)}"
    order = f"{'most' if _most_first(task) else 'least'} information first"
    return f"{text}. Gallery: {order}; click one for its details."


def ranking(task: Task, result: AttackResult) -> list[int]:
    """Rows by the share kept: the largest first if it was wanted, else the smallest; failures last."""
    sign = -1.0 if _most_first(task) else 1.0
    kept = [float(value) for value in result.kept]

    def key(row: int) -> tuple[bool, bool, float]:
        unknown = kept[row] != kept[row]
        return (
            not (bool(result.success[row]) and bool(result.correct[row])),
            unknown,
            0.0 if unknown else sign * kept[row],
        )

    return sorted(range(len(kept)), key=key)


def _most_first(task: Task) -> bool:
    """Whether information was to be kept, which a negative weight turns round."""
    return (task.kind == "classification") == (getattr(task.attack, "mi_weight", 0) >= 0)


def about(task: Task) -> dict[str, Any]:
    """What a reader needs to repeat the run."""
    return {"model": task.model, "images": list(task.images.names), "source": task.images.source}
