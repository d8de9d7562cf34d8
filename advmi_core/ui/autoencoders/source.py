"""Results on the page Autoencoders: an own run, as far as it is, or the table that comes with AdvMI."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from advmi_core.models import Autoencoder
from advmi_core.studies.autoencoders import RetrainingResult, RowSummary
from advmi_core.ui.autoencoders import form


@dataclass(frozen=True, eq=False)
class Uaes:
    """New images with their originals.

    Attributes:
        network: the first Φ, for which they were made.
        x, x_adv: (N,C,H,W) in [0,1].
        y: (N,) classes of the originals.
        classes: their names.
    """

    network: Autoencoder
    x: Tensor
    x_adv: Tensor
    y: Tensor
    classes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Shown:
    """A result and the name of its files.

    Attributes:
        result: complete or not, computed here or stored.
        stem: the same for the same content.
    """

    result: RetrainingResult
    stem: str

    @cached_property
    def lines(self) -> list[RowSummary]:
        """One line a training set and protocol."""
        return self.result.table()

    @property
    def measured(self) -> list[RowSummary]:
        """The lines with at least one finished training."""
        return [line for line in self.lines if line.seeds]

    @property
    def side(self) -> str:
        """What the losses were measured on."""
        return str(self.result.spec["measured"])

    def uaes(self, model: str, row: str) -> Uaes | None:
        """The new images of a row; None where they are not here, as those of a stored result."""
        made, network = self.result.made.get((model, row)), self.result.base.get(model)
        if made is None or network is None or not made.count:
            return None
        training = form.training(str(self.result.spec["dataset"]))
        return Uaes(network, made.x.cpu(), made.x_adv.cpu(), training.y[: made.count], training.classes)
