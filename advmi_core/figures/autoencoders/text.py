"""A retraining study in words: no more than its intervals allow."""

from __future__ import annotations

import math
from collections.abc import Sequence

from advmi_core.evaluation import Paired
from advmi_core.figures.autoencoders.series import (
    PROTOCOL_TITLES,
    SCALE,
    of_model,
    select,
    title,
)
from advmi_core.figures.text import difference, signed
from advmi_core.studies.autoencoders import ROWS, RowSummary
from advmi_core.studies.autoencoders.records import NOISES, ORIGINAL

UAES = tuple(row for row in ROWS if row not in (ORIGINAL, *NOISES))
_NOTHING = "no difference that the interval can tell"


def verdict(lines: Sequence[RowSummary], model: str, protocol: str) -> tuple[str, str]:
    """Heading and text for one autoencoder under one protocol: do UAEs beat Gaussian noise, and the original?

    Args:
        lines: of a table.
        model, protocol: names.
    """
    mine = [line for line in select(lines, protocol, [model]) if line.row in UAES]
    where = PROTOCOL_TITLES[protocol]
    against = {line.row: line.against_gaussian for line in mine if line.against_gaussian is not None}
    if not against:
        return where, "Not measured yet: UAEs and Gaussian noise are compared once both are trained."
    said = "; ".join(f"{title(row)} {difference(pairs, SCALE, 3)}" for row, pairs in against.items())
    detail = f"Loss minus that of noise, 10⁻³ [95 % over the seeds]: {said}. {_original(mine)}"
    return f"{where}, {of_model(model)}", f"{_headline(against)}. {detail}"


def _headline(against: dict[str, Paired]) -> str:
    if all(not math.isfinite(pairs.low) for pairs in against.values()):
        return "One seed, so no interval and no claim"
    better = [title(row) for row, pairs in against.items() if pairs.high < 0]
    worse = [title(row) for row, pairs in against.items() if pairs.low > 0]
    if better:
        return f"{' and '.join(better)} {'beats' if len(better) == 1 else 'beat'} Gaussian noise"
    text = "UAEs do not beat Gaussian noise here"
    return f"{text}; {' and '.join(worse)} {'is' if len(worse) == 1 else 'are'} worse" if worse else text


def _original(mine: Sequence[RowSummary]) -> str:
    """Which rows differ from the training without augmentation."""
    known = [line for line in mine if line.against_original is not None]
    clear = [line for line in known if line.against_original and line.against_original.sign]
    if not clear:
        return f"Against the original: {_NOTHING}."
    said = "; ".join(f"{title(line.row)} {signed(line.change, 1)} %" for line in clear)
    return f"Clearly different from the original: {said}."


def bought(lines: Sequence[RowSummary], model: str, protocol: str) -> str:
    """What a retrained autoencoder is better at: how much a new UAE must leave; "" where it was not measured.

    Arguments as of :func:`verdict`.
    """
    mine = [line for line in select(lines, protocol, [model]) if math.isfinite(line.kept)]
    base = next((line for line in mine if line.row == ORIGINAL), None)
    if base is None:
        return ""
    text = f"A new UAE of the original autoencoder keeps {100 * base.kept:.1f} % of the information in x"
    clear = [line for line in mine if line.kept_against_original and line.kept_against_original.sign]
    if not clear:
        return f"{text}; of the others no clearly different share."
    words = {True: "harder to fool", False: "easier to fool"}
    said = "; ".join(
        f"{title(line.row)} {100 * line.kept:.1f} % ({words[line.kept > base.kept]})" for line in clear
    )
    return f"{text}. Clearly different after retraining on: {said}."


def start_or_optimisation(lines: Sequence[RowSummary], model: str) -> str:
    """How much of each kind of UAE is its random start, in one sentence; "" where nothing is known."""
    seen: dict[str, RowSummary] = {}
    for line in lines:
        if line.model == model and line.row in UAES and math.isfinite(line.l2) and line.l2 > 0:
            seen.setdefault(line.row, line)
    parts = [
        f"{title(row)}: L2 {line.l2:.2f}, of which the start alone has {line.start_l2:.2f} "
        f"and the optimisation moved {line.moved_l2:.2f}"
        for row, line in seen.items()
    ]
    return "; ".join(parts) + "." if parts else ""
