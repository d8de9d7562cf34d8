"""Files of a finished run. They are made when asked for, not with every redraw."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import streamlit as st
import torch
from matplotlib.figure import Figure

from advmi_core.attacks.core.records import AttackResult
from advmi_core.figures.attack import export
from advmi_core.figures.attack import print as printed
from advmi_core.figures.attack.stage import Prediction
from advmi_core.figures.palette import default_gain
from advmi_core.figures.text import percent
from advmi_core.jobs import Snapshot
from advmi_core.ui.attack import results, views
from advmi_core.ui.attack.tasks import Task


def offer(page: str, snapshot: Snapshot, row: int) -> None:
    """A row of download buttons for the image ``row`` and for the whole run."""
    task: Task = snapshot.about
    result: AttackResult = snapshot.result
    stem = f"advmi-{task.kind}-{snapshot.id}"

    def curves() -> bytes:
        return printed.save(printed.curves(views.walked(snapshot, row)), "svg")

    files: list[tuple[str, str, Callable[[], bytes], str]] = [
        ("Pictures", f"{stem}-{row}.png", lambda: printed.save(strip(task, result, row), "png"), "image/png"),
        ("Curves", f"{stem}-{row}-curves.svg", curves, "image/svg+xml"),
        ("Curves", f"{stem}-curves.csv", lambda: export.curves_csv(result), "text/csv"),
        ("Arrays", f"{stem}.npz", lambda: export.arrays_npz(result), "application/octet-stream"),
        (
            "Settings",
            f"{stem}.json",
            lambda: export.spec_json(result.spec | results.about(task)),
            "application/json",
        ),
    ]
    if task.kind == "classification":
        files.insert(
            1,
            (
                "Prediction",
                f"{stem}-{row}-bars.svg",
                lambda: printed.save(_bars(task, result, row), "svg"),
                "image/svg+xml",
            ),
        )
    if len(task.images) > 1:
        files.insert(
            0,
            (
                "Gallery",
                f"{stem}-gallery.png",
                lambda: printed.save(_gallery(task, result), "png"),
                "image/png",
            ),
        )
    with st.container(horizontal=True, key=f"{page}.files"):
        for label, name, make, mime in files:
            kind = name.rpartition(".")[2].upper()
            st.download_button(
                f"{label} · {kind}",
                make,
                name,
                mime,
                key=f"{page}.file.{name}",
                on_click="ignore",
                icon=":material/download:",
            )


def strip(task: Task, result: AttackResult, row: int) -> Figure:
    """Original, adversarial (and reconstructions) and perturbation side by side."""
    x, x_adv = result.x[row].cpu().numpy(), result.x_adv[row].cpu().numpy()
    change = x_adv - x
    gain = default_gain(float(np.abs(change).max()))
    if task.kind == "reconstruction":
        of_x, of_adv = result.output[row].cpu().numpy(), result.output_adv[row].cpu().numpy()
        pictures = [("x", x), ("Φ(x)", of_x), ("x̃", x_adv), ("Φ(x̃)", of_adv)]
    else:
        before, after = (task.classes[int(out[row].argmax())] for out in (result.output, result.output_adv))
        pictures = [(f"x: {before}", x), (f"x̃: {after}", x_adv)]
    return printed.strip(pictures, change, gain)


def _bars(task: Task, result: AttackResult, row: int) -> Figure:
    before, after = (torch.softmax(out[row], 0).cpu().numpy() for out in (result.output, result.output_adv))
    truth = int(task.images.y[row])
    told = Prediction(before, after[None], task.classes, truth, target=task.target).told()
    names = [task.classes[label] for label in told]
    return printed.bars(names, before[told], after[told], told.index(truth))


def _gallery(task: Task, result: AttackResult) -> Figure:
    order = results.ranking(task, result)
    badges = [results.verdict_of(task, result, row).badge for row in order]
    captions = [
        f"{percent(float(result.kept[row]))} {badge}".strip()
        for row, badge in zip(order, badges, strict=True)
    ]
    return printed.gallery(result.x_adv.cpu().numpy()[order], captions)
