"""The first images of a row: x and x̃, and what the autoencoder makes of them before and after retraining."""

from __future__ import annotations

from html import escape

import numpy as np
import streamlit as st

from advmi_core.experiments.artefact import Floats
from advmi_core.figures.autoencoders.series import SCALE, of_model, title
from advmi_core.figures.encode import data_url
from advmi_core.ui.autoencoders.source import Shown
from advmi_core.ui.widgets import callout
from advmi_core.ui.widgets.state import PageState

_FIELDS = ("x", "x_adv", "before", "before_adv", "after", "after_adv")
_NAMES = ("x", "x rebuilt before", "x rebuilt after", "x̃", "x̃ rebuilt before", "x̃ rebuilt after")


def draw(state: PageState, shown: Shown, model: str) -> None:
    """Pictures of the row that is looked at, or a sentence where there are none yet."""
    row = str(state.value("shown-row"))
    found = shown.result.examples(model, row)
    if found is None:
        callout.box("note", "No pictures of this row", "They appear when its first training is finished.")
        return
    st.markdown(
        f"**{title(row)}, {of_model(model)}** · above: x, rebuilt before and after retraining · below: x̃, "
        "rebuilt before and after · numbers: squared error per pixel, 10⁻³"
    )
    cards = [
        _card(at, [x, before, after, x_adv, before_adv, after_adv])
        for at, (x, x_adv, before, before_adv, after, after_adv) in enumerate(
            zip(*(getattr(found, name) for name in _FIELDS), strict=True)
        )
    ]
    st.html(f'<div class="uae-cards">{"".join(cards)}</div>')


def _card(image: int, pictures: list[Floats]) -> str:
    x, before, after, x_adv, before_adv, after_adv = pictures
    tags = "".join(
        f'<img src="{data_url(picture)}" alt="{escape(name)}, training image {image}">'
        for name, picture in zip(_NAMES, pictures, strict=True)
    )
    errors = [_error(x, before), _error(x, after), _error(x_adv, before_adv), _error(x_adv, after_adv)]
    said = f"x {errors[0]} → {errors[1]} · x̃ {errors[2]} → {errors[3]}"
    return f"<figure>{tags}<figcaption>#{image}: {said}</figcaption></figure>"


def _error(a: Floats, b: Floats) -> str:
    return f"{SCALE * float(np.square(a.astype(np.float64) - b).mean()):.1f}"
