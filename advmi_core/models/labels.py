"""Labels of images in a classifier's own numbering, whatever names and order the data set has."""

from __future__ import annotations

import torch
from torch import Tensor

from advmi_core.data import UNLABELLED, ImageSet
from advmi_core.memory import in_parts
from advmi_core.models.base import Classifier, Network
from advmi_core.models.metrics import at_once, evaluating


def labels_for(network: Network, images: ImageSet) -> tuple[Tensor, str]:
    """(N,) int64 labels that the network's answers are judged by; a sentence where they are not the data's.

    A class of the data is the network's class of the same name. Where a class has no such counterpart, or
    nobody knows the labels, the network's own answers are taken: an attack is then on what it says now. A
    network whose classes nobody named has the data's, if it has as many.

    Raises:
        ValueError: the network cannot take the images.
    """
    if not isinstance(network, Classifier) or images.classes == network.class_names:
        return images.y, ""
    if images.classes == (UNLABELLED,):
        return _answers(network, images), (
            f"Nobody knows the labels of {images.name}: {network.name}'s own answers are taken for true."
        )
    if not network.class_names:
        if len(images.classes) == network.classes:
            return images.y, ""
        return _answers(network, images), (
            f"{network.name} has {network.classes} classes without names, {images.name} has "
            f"{len(images.classes)}: its own answers are taken for true."
        )
    numbers = {name.casefold(): number for number, name in reversed(list(enumerate(network.class_names)))}
    foreign = [name for name in images.classes if name.casefold() not in numbers]
    if foreign:
        named = ", ".join(foreign[:3]) + (" …" if len(foreign) > 3 else "")
        return _answers(network, images), (
            f"{network.name} knows no class {named}: its own answers are taken for true."
        )
    table = torch.tensor([numbers[name.casefold()] for name in images.classes])
    return table[images.y], ""


def _answers(network: Classifier, images: ImageSet) -> Tensor:
    device = next(iter(network.parameters()), torch.empty(0)).device

    def answer(rows: slice) -> Tensor:
        found: Tensor = network(images.x[rows].to(device))
        return found.argmax(1).cpu()

    with evaluating(network), torch.no_grad():
        try:
            return torch.cat(in_parts(answer, len(images), at_once(images.x), device))
        except (RuntimeError, ValueError, AssertionError) as error:
            raise ValueError(
                f"{network.name} cannot take the images {tuple(images.x.shape[1:])} of {images.name}: {error}"
            ) from error
