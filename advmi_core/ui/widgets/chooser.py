"""Which model on whose pictures: one place at the top of every page that computes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st
from torch import Tensor

from advmi_core import data
from advmi_core.data import PHOTOGRAPHS, ImageSet
from advmi_core.models import MODELS, ModelChoice
from advmi_core.models.base import Shape
from advmi_core.ui import resources
from advmi_core.ui.widgets.plain import plain
from advmi_core.ui.widgets.state import Option, PageState, choice

MODEL, DATA = "attack-model", "attack-data"
KINDS = ("classifier", "autoencoder")
_LABELS = {"classifier": "Model", "autoencoder": "Autoencoder Φ"}
_SHORT = {"classifier": "Model", "autoencoder": "Φ"}


@dataclass(frozen=True)
class Chosen:
    """What a page computes on.

    Attributes:
        model: by which ``resources.model`` finds it.
        facts: what is known of it.
        images: cut to the model's shape; without any where this machine has none of them.
        classes: names of the model's answers.
    """

    model: str
    facts: ModelChoice
    images: ImageSet
    classes: tuple[str, ...]

    @property
    def trained_name(self) -> str:
        """The model as a study of these images names it: without them, where it was trained on them."""
        return self.model.removesuffix(f"@{self.images.name}")

    def judge(self, some: ImageSet) -> tuple[Tensor, str]:
        """Labels of images in the model's numbering, and why they are its own answers where they are."""
        return resources.labels(self.model, some)


def restore(
    state: PageState,
    told: Callable[[PageState, Sequence[Option], str], None],
    kind: str,
    default: str,
    owner: str = "",
) -> Chosen:
    """What the link, the session or the defaults say; before anything is drawn with it.

    Args:
        state: of the page.
        told: restores options and says what was no good, ``layout.restore``.
        kind: of the models on offer, one of ``KINDS``.
        default: the model without a link.
        owner: of the model's choice, where a page has several.

    Raises:
        UnreadableError: the chosen images are damaged.
    """
    known = resources.models_here(kind)
    told(state, [_named(default, known)], owner)
    name = str(state.value(MODEL))
    try:
        resources.model(name)
    except ValueError as error:
        st.error(plain(f"{name} cannot be used: {error}. {default} is shown."), icon=":material/error:")
        name = default
        state.set(MODEL, name)
    facts = known[name]
    # Every model keeps data of its own: those that it was made for, until others are chosen.
    told(state, [choice(DATA, mate(facts), _offered(facts))], name)
    images = _images(state, facts, resources.model(name).in_shape)
    return Chosen(name, facts, images, resources.classes_of(name, images))


def _images(state: PageState, facts: ModelChoice, shape: Shape) -> ImageSet:
    """The chosen images; the model's own in the place of others that are damaged."""
    name = str(state.value(DATA))
    try:
        return resources.images(name, shape)
    except resources.UnreadableError as error:
        if name == mate(facts):
            raise
        st.error(plain(f"The images cannot be read: {error}. {mate(facts)} takes their place."))
        state.set(DATA, mate(facts))
        return resources.images(mate(facts), shape)


def _named(default: str, known: dict[str, ModelChoice]) -> Option:
    """A model by its name, or by that alone which it has on the default data."""
    plain_choice = choice(MODEL, default, tuple(known))

    def read(text: str) -> str:
        whole = f"{text}@{resources.DATASET}" if text in MODELS else text
        return str(plain_choice.read(whole if whole in known else text))

    return Option(MODEL, default, read, plain_choice.fits)


def mate(facts: ModelChoice) -> str:
    """The data that a model was made for; of one's own, the first that come with it or have its size."""
    here = resources.data_here()
    made_for = PHOTOGRAPHS if facts.dataset == "imagenet" else facts.dataset
    if made_for in here or made_for in data.CATALOG:
        return made_for
    fitting = [found for found in here.values() if found.shape == facts.shape]
    own = [found for found in here.values() if found.own]
    first = next(iter((*own, *fitting)), None)
    if first is not None:
        return first.name
    return PHOTOGRAPHS if facts.shape[0] == 3 else resources.DATASET


def _offered(facts: ModelChoice) -> tuple[str, ...]:
    """The data on offer: all that are here, and the model's own although they are not."""
    here = resources.data_here()
    return tuple(here) if mate(facts) in here else (mate(facts), *here)


def draw(state: PageState, chosen: Chosen, kind: str) -> None:
    """The two boxes, and in one sentence each what does not fit."""
    known = resources.models_here(kind)
    with st.container(gap="xsmall"):  # both say themselves what they are, so that they take one line each
        st.selectbox(
            _LABELS[kind], **state.held_choice(MODEL, known), label_visibility="collapsed",
            format_func=lambda name: f"{_SHORT[kind]}: {known[name].title}",
        )  # fmt: skip
        st.selectbox(
            "Data", **state.held_choice(DATA, _offered(chosen.facts)), label_visibility="collapsed",
            format_func=lambda name: f"Data: {_title(name)}",
        )  # fmt: skip
    for sentence in (*resources.offer().complaints, *remarks(chosen)):
        st.caption(f":material/info: {plain(sentence)}")


def _title(name: str) -> str:
    found = resources.data_here().get(name)
    return found.title if found else f"{data.CATALOG[name].title} (not here)"


def remarks(chosen: Chosen) -> list[str]:
    """What to know of this model on these pictures."""
    images = chosen.images
    said = list(images.notes)
    known = resources.data_here().get(images.name)
    whole = known.sizes.get(images.split, 0) if known else 0
    if len(images) < whole and images.source != "embedded":
        said.append(f"The first {len(images):,} of {whole:,} pictures are on offer.".replace(",", " "))
    if images.name != mate(chosen.facts) and known is not None and known.shape != chosen.facts.shape:
        better = [each.title for each in resources.models_here(chosen.facts.kind).values()
                  if each.name != chosen.model and mate(each) == images.name]  # fmt: skip
        if better:
            said.append(f"Made for these pictures: {better[0]}.")
    return said
