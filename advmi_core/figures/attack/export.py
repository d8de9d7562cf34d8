"""Results as files: curves as CSV, arrays as NPZ."""

from __future__ import annotations

import io

import numpy as np

from advmi_core.attacks.core.records import AttackResult
from advmi_core.figures.attack import trajectory
from advmi_core.figures.tabular import csv_bytes

_COLUMNS = {
    "criterion": "criterion",
    "c": "c",
    "information": "information_nats",
    "kept": "kept_percent",
    "loop": "loop_nats",
    "gap": "gap",
}


def curves_csv(result: AttackResult) -> bytes:
    """One line an image and iteration; empty if unknown.

    Columns: image, iteration, criterion, c, gap; of the iterate, information_nats and kept_percent; and what
    the loop's own MI term says of it, loop_nats.
    """
    told = trajectory.told(
        {name: np.asarray(values) for name, values in result.history.items()}, result.loop_term
    )
    rows, steps = np.nonzero(np.isfinite(told["criterion"].T))
    columns = {title: told[name][steps, rows].astype(np.float64) for name, title in _COLUMNS.items()}
    return csv_bytes({"image": rows, "iteration": steps + 1, **columns}, digits=6)


def arrays_npz(result: AttackResult) -> bytes:
    """All tensors of the result and its history, as plain arrays (readable without unpickling).

    Named as in ``AttackResult``; the history's ``mi`` is ``history_mi_loop``, as it is not the measure, and
    ``loop_term`` says whose number it is.
    """
    names = (
        "x",
        "x_adv",
        "success",
        "criterion",
        "information",
        "kept",
        "mi",
        "mi_loop",
        "linf",
        "l2",
        "queries",
        "best_step",
        "correct",
        "output",
        "output_adv",
    )
    arrays = {name: getattr(result, name).cpu().numpy() for name in names}
    for name, values in result.history.items():
        arrays[f"history_{'mi_loop' if name == 'mi' else name}"] = np.asarray(values)
    arrays["loop_term"] = np.array(result.loop_term)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()
