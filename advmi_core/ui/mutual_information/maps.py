"""The first layer's maps of an image and of its perturbed twin, pair by pair."""

from __future__ import annotations

from html import escape
from pathlib import Path

import streamlit as st

from advmi_core.figures.encode import Floats, thumbnail
from advmi_core.figures.text import number
from advmi_core.studies.critics.one_image import Twins

_STYLE = Path(__file__).parents[1] / "widgets" / "web" / "mi_maps.css"


def draw(twins: Twins, said: str, said_adv: str) -> None:
    """Both images with what the model says to them, and all K pairs of maps in one range of grey."""
    top = max(float(twins.maps.max()), float(twins.maps_adv.max())) or 1.0
    pairs = [
        f"<div><small>{k + 1}</small>{_picture(a / top, f'map {k + 1} of x')}"
        f"{_picture(b / top, f'map {k + 1} of x̃')}</div>"
        for k, (a, b) in enumerate(
            zip(twins.maps[:, None].numpy(), twins.maps_adv[:, None].numpy(), strict=True)
        )
    ]
    images = [
        f"<figure>{_picture(image.numpy(), name)}<figcaption>{name}: {escape(words)}</figcaption></figure>"
        for image, name, words in ((twins.x, "x", said), (twins.x_adv, "x̃", said_adv))
    ]
    st.html(_STYLE)
    st.html(
        f'<div class="mi-twins"><div>{"".join(images)}</div><div><div class="mi-maps">{"".join(pairs)}</div>'
        f'<div class="mi-scale">above: map of x, below: the same filter on x̃ · one range of grey for all '
        f"{2 * len(pairs)} maps: 0<i></i>{number(top)}</div></div></div>"
    )


def _picture(image: Floats, alt: str) -> str:
    return f'<img src="{thumbnail(image)}" alt="{alt}" title="{alt}">'
