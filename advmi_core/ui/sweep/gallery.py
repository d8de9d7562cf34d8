"""The images of one cell: x, x̃, the perturbation, and what was measured of each."""

from __future__ import annotations

from html import escape
from pathlib import Path

import numpy as np
import streamlit as st

from advmi_core.evaluation import ImageTable
from advmi_core.figures.sweep import images as sweep_images
from advmi_core.figures.sweep.images import Triplet
from advmi_core.figures.sweep.series import Point, title
from advmi_core.figures.text import number, percent
from advmi_core.studies.sweep import Cell, gallery


def draw(folder: Path, point: Point) -> None:
    """Pictures of the first images of a cell, or a sentence where there are none yet."""
    try:
        kept = gallery(folder, Cell(method=point.method, eps=point.eps))
    except ValueError as error:
        st.caption(str(error))
        return
    x, x_adv, index = (kept[name] for name in ("x", "x_adv", "index"))
    if not len(index):
        st.caption("No image of this cell counts: the model gets all of them wrong.")
        return
    factor = sweep_images.gain(x, x_adv)
    st.markdown(
        f"**{title(point.method)}, {point.place}** · original x | adversarial x̃ | "
        f"perturbation ×{factor} (orange brighter, blue darker)"
    )
    cards = [
        _card(triplet, int(number), point.table, factor)
        for triplet, number in zip(sweep_images.triplets(x, x_adv, factor), index, strict=True)
    ]
    st.html(f'<div class="sweep-cards">{"".join(cards)}</div>')


def _card(triplet: Triplet, image: int, table: ImageTable, factor: int) -> str:
    said = _measured(image, table)
    pictures = "".join(
        f'<img src="{source}" alt="{escape(what)} of image {image}">'
        for what, source in (
            ("original", triplet.x), ("adversarial version", triplet.x_adv),
            (f"perturbation, times {factor},", triplet.change),
        )
    )  # fmt: skip
    return f"<figure>{pictures}<figcaption>#{image} · {escape(said)}</figcaption></figure>"


def _measured(image: int, table: ImageTable) -> str:
    rows = np.flatnonzero(table.index == image)
    if not len(rows):
        return "not measured"
    row = int(rows[0])
    verdict = "success" if table.success[row] else "failed"
    kept, mi = percent(float(table.kept[row])), number(float(table.mi[row]))
    return f"{verdict} · keeps {kept} · MI {mi} nats"
