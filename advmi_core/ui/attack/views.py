"""Pictures of a task on the stage: before it starts, while it runs, and when it is finished."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st
import torch
from numpy.typing import NDArray

from advmi_core.figures.attack import trajectory
from advmi_core.figures.attack.stage import Prediction, Rebuilt, payload
from advmi_core.figures.attack.trajectory import Trajectory
from advmi_core.figures.encode import default_gain
from advmi_core.jobs import Snapshot
from advmi_core.ui.attack.tasks import Task
from advmi_core.ui.widgets.state import PRESENTER

Floats = NDArray[np.float32]


def idle(task: Task, row: int = 0) -> dict[str, Any]:
    """The picture and what the model makes of it, with empty curves."""
    trail = trajectory.start(task.originals[row], task.total, task.output(row))
    return payload(
        trail, reading(task, row, trail), key=f"idle-{task.model}", idle=True, gain=1, large=large()
    )


def live(snapshot: Snapshot, row: int = 0) -> dict[str, Any]:
    """The latest iterate and the curves so far."""
    task: Task = snapshot.about
    trail = trajectory.follow(snapshot.records, task.originals[row], row, task.total, task.output(row))
    return payload(
        trail,
        reading(task, row, trail),
        key=f"{snapshot.id}-{row}",
        live=True,
        gain=_gain(task),
        large=large(),
    )


def finished(snapshot: Snapshot, row: int = 0) -> dict[str, Any]:
    """All iterates; the kept one is shown first."""
    return {**_finished(snapshot.id, row, snapshot), "large": large()}


@st.cache_resource(max_entries=24, show_spinner=False)
def _finished(job: str, row: int, _snapshot: Snapshot) -> dict[str, Any]:
    task: Task = _snapshot.about
    trail = walked(_snapshot, row)
    return payload(trail, reading(task, row, trail), key=f"{job}-{row}", gain=_gain(task))


def walked(snapshot: Snapshot, row: int) -> Trajectory:
    """The whole way of one image."""
    return trajectory.complete(snapshot.records, snapshot.result, row, snapshot.about.total)


def _gain(task: Task) -> int:
    """One gain for the whole run, so that the picture does not flicker: the strongest for small budgets."""
    eps = float(getattr(task.attack, "eps", 1.0))
    if getattr(task.attack, "norm", "linf") != "linf" or eps > 0.5:
        return 2
    return default_gain(eps) if eps <= 0.1 else 4


def large() -> bool:
    return bool(st.session_state.get(PRESENTER))


def reading(task: Task, row: int, trail: Trajectory) -> Prediction | Rebuilt:
    """What the model makes of x and of the trail's frames."""
    if task.kind == "reconstruction":
        return Rebuilt(trail.output, trail.outputs)
    probabilities = torch.softmax(torch.from_numpy(np.stack([trail.output, *trail.outputs])), dim=1).numpy()
    truth = int(task.images.y[row])
    return Prediction(
        probabilities[0],
        probabilities[1:],
        task.classes,
        truth,
        truth_known=task.images.known,
        target=task.target,
    )
