"""One image's way through a run: its curves and the iterates that a scrubber can show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from advmi_core.attacks.core.mi_term import is_measure, learns
from advmi_core.attacks.core.records import AttackResult, Step

Floats = NDArray[np.float32]
MAX_POINTS = 300
MAX_FRAMES = 120
MAX_FRAME_BYTES = 1 << 20
LOOP = "loop"
"""What another number in the attack's loop says, beside the measure; mostly that of a learning critic."""
CURVES = ("criterion", "c", "kept", "gap", "information", LOOP)
_RECORDED = ("criterion", "c", "gap", "information", "kept", "mi")


@dataclass(frozen=True)
class Trajectory:
    """One row of a run.

    Attributes:
        x: (C,H,W) the original in [0,1].
        total: iterations of a complete run, or those of this image once it ended.
        output: (…) the model's output on x; ``outputs``: (F,…) on ``frames``.
        steps: (F,) iterations whose pictures are here; ``frames``: (F,C,H,W) these pictures.
        curve_steps: (S,) iterations of the curves; ``curves``: name → (S,), NaN where unknown, see ``told``.
        best: iteration that was kept; None while running or if nothing was recorded.
        loop_term: whose number the curve ``loop`` is, as in ``Step``.
    """

    x: Floats
    total: int
    output: Floats
    steps: NDArray[np.int64]
    frames: Floats
    outputs: Floats
    curve_steps: NDArray[np.int64]
    curves: dict[str, Floats]
    best: int | None = None
    loop_term: str = ""


def told(recorded: Mapping[str, Floats], loop_term: str) -> dict[str, Floats]:
    """Records or a history, value by value, under the names of ``CURVES``.

    ``information`` (nats) and ``kept`` (percent) are those of the iterates, by ``Information``; ``loop``
    (nats) is what the loop's ``loop_term`` says, NaN where it uses no MI or that very measure.
    """
    loop = recorded["mi"]
    own = {
        "kept": 100 * recorded["kept"],
        "information": recorded["information"],
        LOOP: np.full_like(loop, np.nan) if is_measure(loop_term) else loop,
    }
    return {name: own[name] if name in own else recorded[name] for name in CURVES}


def loop_title(loop_term: str) -> str:
    """Who says the numbers of this term: a critic that learns while the attack runs, or a closed form."""
    return "critic in the loop" if learns(loop_term) else "closed form in the loop"


def start(x: Floats, total: int, output: Floats) -> Trajectory:
    """Before the first record: the picture itself and empty curves."""
    none = np.zeros(0, np.int64)
    empty = {name: np.zeros(0, np.float32) for name in CURVES}
    return Trajectory(x, total, output, np.ones(1, np.int64), x[None], output[None], none, empty)


def follow(
    records: Sequence[Step], x: Floats, row: int, total: int, output: Floats, *, every_frame: bool = False
) -> Trajectory:
    """The way so far.

    Args:
        records: of the whole run, in order.
        x: (C,H,W) the original of ``row``.
        row: position in the caller's batch.
        total: iterations of a complete run, or those of this image once it ended.
        output: (…) the model's output on x; ``outputs``: (F,…) on ``frames``.
        every_frame: all recorded pictures; otherwise just the latest one.
    """
    # All records at once, as every redraw of a running attack asks for all of them.
    ends = np.cumsum([0, *(len(record.rows) for record in records)])
    mine = np.flatnonzero(_joined(records, "rows") == row)
    if not len(mine):
        return start(x, total, output)
    owners = np.searchsorted(ends, mine, side="right") - 1
    shown = [(records[owner], at) for owner, at in zip(owners, mine - ends[owners], strict=True)]
    shown = shown if every_frame else shown[-1:]
    return Trajectory(
        x=x,
        total=total,
        output=output,
        steps=_iterations([record.step for record, _ in shown], total),
        frames=np.stack([record.x_adv[at].numpy() for record, at in shown]),
        outputs=np.stack([record.output[at].numpy() for record, at in shown]),
        curve_steps=_iterations([records[owner].step for owner in owners], total),
        curves=told({name: _joined(records, name)[mine] for name in _RECORDED}, records[0].loop_term),
        loop_term=records[0].loop_term,
    )


def complete(records: Sequence[Step], result: AttackResult, row: int, total: int) -> Trajectory:
    """The whole way of ``row`` after the run ended, with the kept iterate among the frames."""
    x = result.x[row].cpu().numpy()
    trail = follow(records, x, row, total, result.output[row].cpu().numpy(), every_frame=True)
    best = int(result.best_step[row])
    if best > 0:
        trail = _with_frame(trail, best, result, row, known=bool(records))
    trail = thin(trail)
    steps, curves = _history(result, row, trail.steps)
    # An attack that had nothing left to do for this image ended before its time.
    total = int(steps[-1]) if len(steps) else total
    return replace(
        trail, total=total, curve_steps=steps, curves=curves, best=best or None, loop_term=result.loop_term
    )


def thin(trail: Trajectory) -> Trajectory:
    """At most as many frames as a browser takes in at once, first, last and kept ones among them."""
    size = max(1, trail.x.size)
    most = int(max(12, min(MAX_FRAMES, MAX_FRAME_BYTES // size)))
    if len(trail.steps) <= most:
        return trail
    chosen = set(np.linspace(0, len(trail.steps) - 1, most).round().astype(int).tolist())
    if trail.best is not None:
        chosen |= set(np.flatnonzero(trail.steps == trail.best).tolist())
    index = np.array(sorted(chosen))
    return replace(trail, steps=trail.steps[index], frames=trail.frames[index], outputs=trail.outputs[index])


def _iterations(steps: Sequence[int], total: int) -> NDArray[np.int64]:
    """Iterations of this image; the steps of a split batch go on counting through its parts."""
    return 1 + (np.array(steps, np.int64) - 1) % total


def _joined(records: Sequence[Step], name: str) -> NDArray[Any]:
    """(N,) one value of every row of every record, in their order."""
    values = [getattr(record, name) for record in records]
    return np.asarray(torch.cat(values).numpy() if values else ())


def _with_frame(trail: Trajectory, step: int, result: AttackResult, row: int, *, known: bool) -> Trajectory:
    """With the kept iterate in its place, alone unless other frames are ``known``."""
    frame, output = (given[row].cpu().numpy()[None] for given in (result.x_adv, result.output_adv))
    if not known:
        return replace(trail, steps=np.array([step]), frames=frame, outputs=output, best=step)
    other = trail.steps != step
    steps = np.append(trail.steps[other], step)
    order = np.argsort(steps)
    frames = np.concatenate([trail.frames[other], frame])[order]
    outputs = np.concatenate([trail.outputs[other], output])[order]
    return replace(trail, steps=steps[order], frames=frames, outputs=outputs, best=step)


def _history(
    result: AttackResult, row: int, shown: NDArray[np.int64]
) -> tuple[NDArray[np.int64], dict[str, Floats]]:
    """Iterations and curves of ``row``, those that are ``shown`` as pictures among them."""
    recorded = {name: np.asarray(result.history[name])[:, row] for name in _RECORDED}
    curves = told(recorded, result.loop_term)
    reached = np.flatnonzero(np.isfinite(curves["criterion"]))
    if len(reached) > MAX_POINTS:
        even = reached[np.linspace(0, len(reached) - 1, MAX_POINTS).round().astype(int)]
        reached = np.union1d(even, np.intersect1d(reached, shown - 1))
    return reached + 1, {name: values[reached] for name, values in curves.items()}
