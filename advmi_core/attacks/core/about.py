"""How people meet an attack: its name, paper, formulas, presets, and what a sweep offers of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from advmi_core.fields import Field, Presets


@dataclass(frozen=True)
class Use:
    """An attack on one of the attack pages.

    Attributes:
        formula: of one step, or of the problem, in LaTeX; the page adds the criterion f.
        presets: parameters by the preset's name, the page's own defaults first; what a preset does not name
            has the attack's default.
        unused: parameters that change nothing there.
        fields: parameters that mean something else there.
    """

    formula: str = ""
    presets: Presets = field(default_factory=lambda: {"interactive": {}})
    unused: tuple[str, ...] = ()
    fields: Mapping[str, Field] = field(default_factory=dict)

    @property
    def defaults(self) -> Mapping[str, Any]:
        """Those of the form, where they are not the attack's."""
        return next(iter(self.presets.values()))


@dataclass(frozen=True)
class Variant:
    """A method of a sweep: an attack with some of its parameters.

    Attributes:
        title: for people.
        parameters: where they are not the attack's defaults.
        bounded: whether ε bounds it and the sweep's iterations are its own; an attack that seeks the shortest
            perturbation keeps its iterations and gets no ε.
    """

    title: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    bounded: bool = True


@dataclass(frozen=True)
class About:
    """What pages, figures, the command line and the documentation say of an attack.

    Attributes:
        label: its name for people; "" takes the registry's.
        paper: where it is from.
        supervised: how it meets a classifier; ``unsupervised``: an autoencoder, None where it is not offered.
        variants: methods that a sweep offers, by name; None offers the attack itself under its own name.
    """

    label: str = ""
    paper: str = ""
    supervised: Use = field(default_factory=Use)
    unsupervised: Use | None = None
    variants: Mapping[str, Variant] | None = None
