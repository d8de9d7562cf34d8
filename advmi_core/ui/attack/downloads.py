"""Files of a finished run. They are made when asked for, not with every redraw."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from matplotlib.figure import Figure

from advmi_core.attacks.core.records import AttackResult
from advmi_core.figures.attack import charts, export, pictures
from advmi_core.figures.chart import Chart
from advmi_core.figures.encode import default_gain
from advmi_core.figures.tabular import json_bytes
from advmi_core.figures.text import percent
from advmi_core.jobs import Snapshot
from advmi_core.ui.attack import results, views
from advmi_core.ui.attack.tasks import Task
from advmi_core.ui.widgets import downloads
from advmi_core.ui.widgets.downloads import File, Make
from advmi_core.ui.widgets.state import PageState


def offer(page: str, snapshot: Snapshot, row: int) -> None:
    """A row of download buttons for the image ``row`` and for the whole run."""
    task: Task = snapshot.about
    result: AttackResult = snapshot.result
    stem = f"advmi-{task.kind}-{snapshot.id}"
    figures: dict[str, Make] = {"Pictures": partial(strip, task, result, row)}
    if task.kind == "classification":
        figures["Prediction"] = partial(_prediction, task, result, row)
    figures["Curves"] = lambda: charts.curves(views.walked(snapshot, row))
    if len(task.images) > 1:
        figures["Gallery"] = partial(_gallery, task, result)
    downloads.row(
        PageState(page), f"{stem}-{row}", figures,
        [
            File("Curves", f"{stem}-curves.csv", partial(export.curves_csv, result)),
            File("Arrays", f"{stem}.npz", partial(export.arrays_npz, result)),
            File("Settings", f"{stem}.json", lambda: json_bytes(result.spec | results.about(task))),
        ],
    )  # fmt: skip


def strip(task: Task, result: AttackResult, row: int) -> Figure:
    """Original, adversarial (and reconstructions) and perturbation side by side."""
    x, x_adv = result.x[row].cpu().numpy(), result.x_adv[row].cpu().numpy()
    change = x_adv - x
    gain = default_gain(float(np.abs(change).max()))
    if task.kind == "reconstruction":
        of_x, of_adv = result.output[row].cpu().numpy(), result.output_adv[row].cpu().numpy()
        shown = [("x", x), ("Φ(x)", of_x), ("x̃", x_adv), ("Φ(x̃)", of_adv)]
    else:
        before, after = (task.classes[int(out[row].argmax())] for out in (result.output, result.output_adv))
        shown = [(f"x: {before}", x), (f"x̃: {after}", x_adv)]
    return pictures.strip(shown, change, gain)


def _prediction(task: Task, result: AttackResult, row: int) -> Chart:
    before, after = (torch.softmax(out[row], 0).cpu().numpy() for out in (result.output, result.output_adv))
    return charts.prediction(task.classes, before, after, int(task.images.y[row]))


def _gallery(task: Task, result: AttackResult) -> Figure:
    order = results.ranking(task, result)
    badges = [results.verdict_of(task, result, row).badge for row in order]
    captions = [
        f"{percent(float(result.kept[row]))} {badge}".strip()
        for row, badge in zip(order, badges, strict=True)
    ]
    return pictures.gallery(result.x_adv.cpu().numpy()[order], captions)
