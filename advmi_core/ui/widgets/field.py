"""One parameter as people meet it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass


@dataclass(frozen=True)
class Field:
    """One parameter as people meet it.

    Attributes:
        label: with its formula, beside the control; plain text, for it is read aloud as well.
        help: what it does.
        low, high, step: range of a number; ``slider``: worth a slider.
        marks: the values on offer, where equal steps would not do; others come by links only.
        choices: word → explanation, for parameters that are words.
        main: shown at once; the others wait under "More parameters".
    """

    label: str
    help: str = ""
    low: float = 0.0
    high: float = 1e6
    step: float = 1.0
    slider: bool = False
    marks: tuple[float, ...] = ()
    choices: dict[str, str] = dataclasses.field(default_factory=dict)
    main: bool = False
