"""Latent space of a run: the plane of the codes, and UAEs beside the training images."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np
import streamlit as st

from advmi_core.figures.autoencoders import latent as retraining_latent
from advmi_core.figures.autoencoders.latent import Cloud, Codes
from advmi_core.figures.autoencoders.series import SCALE, title
from advmi_core.figures.encode import data_url
from advmi_core.figures.text import number
from advmi_core.studies.autoencoders import latent
from advmi_core.studies.autoencoders.latent import Nearest
from advmi_core.ui.autoencoders.source import Shown, Uaes
from advmi_core.ui.widgets import callout, charts
from advmi_core.ui.widgets.state import Option, PageState
from advmi_core.ui.widgets.state import number as numeric

MOST = 500  # images that are looked at: a picture of more says no more
_JOINED = 150  # pairs in the plane
_NEIGHBOURS = 6
_ABSENT = "It needs the UAEs of a run of your own: press Start."


def options() -> list[Option]:
    """What is looked at, in the URL."""
    return [numeric("image", 0, 0, MOST - 1)]


def codes(state: PageState, shown: Shown, model: str) -> None:
    """The plane of the codes."""
    row = str(state.value("shown-row"))
    drawn = plane(shown, model, row)
    if drawn is None:
        callout.box("note", "The latent space is not here", _ABSENT)
        return
    apart = np.linalg.norm(drawn.x_adv - drawn.x, axis=1).mean()
    spread = np.linalg.norm(drawn.x - drawn.x.mean(0), axis=1).mean()
    alt = f"Codes of {len(drawn.y)} originals and of their {title(row)} in a plane"
    charts.draw(state, "codes", retraining_latent.codes(drawn, row), alt)
    st.caption(
        f"Codes of the first {len(drawn.y)} training images under the first Φ, in the plane in which they "
        f"vary most. Filled: original; open, joined to it: {title(row)}. In this plane a UAE lies "
        f"{number(float(apart))} from its original on average, an original {number(float(spread))} from the "
        "middle of all. A click on a class hides it, a double click shows it alone."
    )


def plane(shown: Shown, model: str, row: str) -> Codes | None:
    """Codes of the first images and their UAEs in the plane of the originals; None without UAEs."""
    found = shown.uaes(model, row)
    return None if found is None else _plane(f"{shown.stem}/{model}/{row}/{len(found.x)}", found)


@st.cache_resource(max_entries=24, show_spinner=False)
def _plane(key: str, _found: Uaes) -> Codes:
    before = latent.codes(_found.network, _found.x[:MOST])
    axes = latent.plane(before)
    after = latent.codes(_found.network, _found.x_adv[:_JOINED])
    return Codes(
        axes.of(before[:_JOINED]), axes.of(after), _found.y[:_JOINED].numpy(),
        _found.classes, axes.share,
    )  # fmt: skip


def manifold(state: PageState, shown: Shown, model: str) -> None:
    """Loss against distance, and the nearest training images of one UAE."""
    row = str(state.value("shown-row"))
    found = shown.uaes(model, row)
    if found is None:
        callout.box("note", "There is nothing to look at yet", _ABSENT)
        return
    drawn = clouds(shown, model, row) or []
    before, after = drawn[0], drawn[-1]
    callout.box(
        "note", "Nearest other training image",
        f"An original has it at {np.median(before.distance):.2f} (median L2), a UAE at "
        f"{np.median(after.distance):.2f}; losses {SCALE * np.median(before.loss):.2f} and "
        f"{SCALE * np.median(after.loss):.2f} (10⁻³).",
    )  # fmt: skip
    left, right = st.columns([1.7, 1], gap="medium")
    most = len(after.index) - 1
    state.set("image", min(int(state.value("image")), most))
    with right:
        image = int(st.number_input("UAE of training image", 0, most, **state.held("image")))
        _neighbours(found, image, row)
    with left:
        charts.draw(
            state, "manifold", retraining_latent.manifold(drawn, image),
            f"Loss against distance to the nearest other training image, originals and {title(row)}",
            selection_mode="points", on_select=lambda: click(state, state.key("chart-manifold")),
        )  # fmt: skip
    st.caption(
        "A UAE's own original is left out on both sides, so that points of both kinds mean the same: how "
        "far is the nearest other image? UAEs that lie like originals are on the manifold as far "
        "as this can tell. Click a point to see its neighbours."
    )


def click(state: PageState, chart: str) -> None:
    """Callback of the scatter: look at the image whose point was clicked."""
    event: Any = st.session_state.get(chart)
    for point in event["selection"]["points"] if event else []:
        name = point.get("customdata")
        name = name[0] if isinstance(name, list) else name
        if name:
            state.set("image", int(str(name).rpartition("/")[2]))


def clouds(shown: Shown, model: str, row: str) -> list[Cloud] | None:
    """Originals and UAEs with their losses and distances; None without UAEs."""
    found = shown.uaes(model, row)
    return None if found is None else _clouds(f"{shown.stem}/{model}/{row}/{len(found.x)}", row, found)


@st.cache_resource(max_entries=24, show_spinner=False)
def _clouds(key: str, row: str, _found: Uaes) -> list[Cloud]:
    index = np.arange(min(MOST, len(_found.x)))
    return [
        Cloud(
            name, index, latent.nearest(x[index], _found.x, without=index).distance[:, 0],
            latent.losses(_found.network, x[index]),
        )
        for name, x in (("original", _found.x), (row, _found.x_adv))
    ]  # fmt: skip


def _neighbours(found: Uaes, image: int, row: str) -> None:
    near = latent.nearest(found.x_adv[image : image + 1], found.x, min(_NEIGHBOURS, len(found.x)))
    tiles = [_tile(found.x_adv[image].numpy(), f"x̃ ({title(row)})", "x̃")]
    for index, distance in _pairs(near):
        name = found.classes[int(found.y[index])]
        own = " · its own original" if index == image else ""
        tiles.append(
            _tile(found.x[index].numpy(), f"{name}, L2 {distance:.2f}{own}", f"training image {index}")
        )
    st.html(f'<div class="uae-tiles">{"".join(tiles)}</div>')


def _pairs(near: Nearest) -> list[tuple[int, float]]:
    return list(zip(near.index[0].tolist(), near.distance[0].tolist(), strict=True))


def _tile(image: Any, caption: str, alt: str) -> str:
    return (
        f'<figure><img src="{data_url(image)}" alt="{escape(alt)}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )
