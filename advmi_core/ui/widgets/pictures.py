"""The image row: by class, by index, at random, uploaded, photographed or drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from html import escape

import numpy as np
import streamlit as st
import torch
from torch import Tensor

from advmi_core.data import UNLABELLED, DecodedImage, ImageSet, original
from advmi_core.figures.encode import thumbnail
from advmi_core.ui.widgets import brought
from advmi_core.ui.widgets.images import Images
from advmi_core.ui.widgets.plain import plain
from advmi_core.ui.widgets.state import Option, PageState, choice, number

WAYS = {
    "class": "Class",
    "index": "Index",
    "random": "Random",
    "upload": "Upload",
    "camera": "Camera",
    "draw": "Draw",
}
Judge = Callable[[ImageSet], tuple[Tensor, str]]
"""Images → their labels in the model's numbering, and why they are its own answers where they are."""
YOURS = ("your picture",)
PREVIEWED = 6


def options(chosen: ImageSet) -> list[Option]:
    """The image row's parameters in the URL, as far as this data set goes."""
    ways, here = _ways(chosen), _classes(chosen)
    return [
        choice("image-by", ways[0], ways),
        choice("image-class", here[0 if chosen.files else -1], here),
        number("image-number", 1, 1, max(1, len(chosen))),
        number("image-index", 0, 0, max(0, len(chosen) - 1)),
        number("image-seed", 0, 0, 2**31 - 1),
        number("image-count", 1, 1, brought.MOST),
    ]


def _ways(chosen: ImageSet) -> tuple[str, ...]:
    """Without images of the data set there are still those of one's own; a camera sees in colour."""
    coloured = chosen.x.shape[1] == 3
    ways = tuple(WAYS if len(chosen) else brought.WAYS)
    return tuple(way for way in ways if coloured or way != "camera")


def _classes(chosen: ImageSet) -> tuple[str, ...]:
    """Those classes that have an image here."""
    there = set(chosen.y.tolist())
    return tuple(name for label, name in enumerate(chosen.classes) if label in there) or chosen.classes


def choose(state: PageState, chosen: ImageSet, judge: Judge) -> Images | None:
    """Draw the image row and return what is chosen; None while there is nothing.

    Args:
        state: the page's parameters, restored with ``options``.
        chosen: the data set.
        judge: labels images for the model.

    Raises:
        ValueError: the model cannot take the images.
    """
    st.segmented_control(
        "Image",
        **state.held_pick("image-by", _ways(chosen)),
        format_func=WAYS.__getitem__,
        required=True,
        label_visibility="collapsed",
        width="stretch",
    )
    way = str(state.value("image-by"))
    if way in brought.WAYS:
        images = _foreign(state, chosen, judge, way)
    else:
        indices = _SOURCES[way](state, chosen)
        images = _own(chosen, indices, judge)
        if len(indices) == 1 and (whole := _whole(chosen, indices[0])) is not None:
            brought.show_cut(whole, images)
            return images
    if images is not None:
        _preview(images)
    return images


def _whole(chosen: ImageSet, index: int) -> DecodedImage | None:
    """The picture that an image was cut from, where there is a larger one."""
    try:
        return original(chosen, index)
    except ValueError:  # gone since it was loaded; the image itself is here
        return None


def _preview(images: Images) -> None:
    """What was chosen, small, and where it comes from."""
    shown = [
        f'<img src="{thumbnail(image)}" alt="{escape(name)}" title="{escape(name)}">'
        for image, name in zip(images.x[:PREVIEWED].numpy(), images.names, strict=False)
    ]
    more = len(images) - len(shown)
    rest = f"<span>+{more}</span>" if more > 0 else ""
    name = f"{escape(images.names[0])} · " if len(images) == 1 else ""
    st.html(
        f'<div class="preview">{"".join(shown)}{rest}</div>'
        f'<div class="where">{name}{escape(images.source)}</div>'
    )


def _own(chosen: ImageSet, indices: list[int], judge: Judge) -> Images:
    taken = chosen.take(indices)
    names = tuple(f"#{index} {chosen.classes[int(y)]}" for index, y in zip(indices, taken.y, strict=True))
    source = f"{chosen.name}, {chosen.split} split ({chosen.source})"
    labels, doubt = judge(taken)
    return Images(taken.x, labels, not doubt, names, source, doubt)


def by_index(chosen: ImageSet, index: int, judge: Judge) -> Images:
    """One image of the data set."""
    return _own(chosen, [index], judge)


def _many(state: PageState, column: st.delta_generator.DeltaGenerator) -> int:
    return int(
        column.number_input(
            "Images",
            1,
            brought.MOST,
            **state.held("image-count"),
            help="1 to 64 at once; more than one makes a gallery.",
        )
    )


def _of_class(state: PageState, chosen: ImageSet) -> list[int]:
    name, nth, many = st.columns([2, 1, 1])
    label = name.selectbox("Class", **state.held_choice("image-class", _classes(chosen)))
    own = torch.nonzero(chosen.y == chosen.classes.index(label)).flatten().tolist()
    first = int(
        nth.number_input(
            "Number", 1, len(chosen), **state.held("image-number"), help="Which image of this class."
        )
    )
    count = _many(state, many)
    first = min(first, len(own))
    return own[first - 1 : first - 1 + count]


def _at_index(state: PageState, chosen: ImageSet) -> list[int]:
    index, many = st.columns([2, 1])
    first = int(
        index.number_input(
            "Index", 0, len(chosen) - 1, **state.held("image-index"), help="Position in the test split."
        )
    )
    count = _many(state, many)
    return list(range(first, min(first + count, len(chosen))))


def _at_random(state: PageState, chosen: ImageSet) -> list[int]:
    seed, roll, many = st.columns([2, 1, 1], vertical_alignment="bottom")

    def again() -> None:
        state.set("image-seed", int(state.value("image-seed")) + 1)

    drawn = int(seed.number_input("Seed of the choice", 0, 2**31 - 1, **state.held("image-seed")))
    roll.button("Re-roll", on_click=again, key=state.key("roll"), width="stretch")
    count = _many(state, many)
    return [
        int(i)
        for i in np.random.default_rng(drawn).choice(len(chosen), min(count, len(chosen)), replace=False)
    ]


_SOURCES = {"class": _of_class, "index": _at_index, "random": _at_random}


def _foreign(state: PageState, chosen: ImageSet, judge: Judge, way: str) -> Images | None:
    found = brought.WAYS[way](state, chosen)
    if found is None:
        return None
    if isinstance(found, ImageSet):
        return _many_brought(found, judge)
    nobodys = replace(
        chosen.take([]), x=found.x, y=torch.zeros(1, dtype=torch.int64), classes=(UNLABELLED,), files=()
    )
    labels, doubt = judge(nobodys)
    return Images(found.x, labels, False, YOURS, "stays on this machine", doubt)


def _many_brought(several: ImageSet, judge: Judge) -> Images:
    """Pictures of a visitor's zip."""
    for note in several.notes:
        st.caption(f":material/info: {plain(note)}")
    names = tuple(f"#{row} {several.classes[label]}" for row, label in enumerate(several.y.tolist()))
    labels, doubt = judge(several)
    return Images(several.x, labels, not doubt, names, f"{several.name}, stays on this machine", doubt)
