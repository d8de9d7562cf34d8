"""The plane of ε and w as the browser draws it: coloured cells, and what is said of every position."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from plotly.colors import sample_colorscale

from advmi_core.attacks.core.records import AttackResult
from advmi_core.figures.attack.trajectory import Trajectory
from advmi_core.figures.style import NEGATIVE, POSITIVE
from advmi_core.figures.text import information, number
from advmi_core.studies.plane import Plane, PlaneResult, PlaneStep

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Layer:
    """What the plane may be coloured by.

    Attributes:
        title: with its unit.
        colours: plotly's scale, alike for the colour-blind, from the least to the largest value.
        percent: from 0 to 1, said in percent; else from 0 to the largest there is.
    """

    title: str
    colours: Any
    percent: bool


LAYERS = {
    "kept": Layer("Information kept", "Cividis", True),
    "success": Layer("Success", [POSITIVE, NEGATIVE], True),
    "l2": Layer("Length L2 of δ", "Cividis", False),
}
_TICKS = 32  # of the colour bar
_MOST = 3_000_000  # characters of all pictures that a browser is sent
_RADII = {"linf": "radius ε, L∞", "l2": "radius ε, L2"}


def moment(plane: Plane, step: PlaneStep) -> dict[str, Any]:
    """A running plane."""
    return _drawn(plane, step.success, {"kept": step.kept, "success": step.success, "l2": step.l2})


def complete(result: PlaneResult) -> dict[str, Any]:
    """A finished plane, with the numbers of every position; one that was not reached is empty."""
    found = result.found
    reached = (found.best_step > 0).cpu().numpy()

    def layer(values: Any) -> Floats:
        filled = np.where(reached, np.asarray(values.cpu(), np.float32), np.nan)
        return filled.reshape(result.plane.shape).astype(np.float32)

    success = layer(found.success)
    layers = {"kept": layer(found.kept), "success": success, "l2": layer(found.l2)}
    rows = [numbers(found, row) if reached[row] else [] for row in range(len(reached))]
    return {**_drawn(result.plane, success, layers), "numbers": rows}


def thinned(trail: Trajectory) -> Trajectory:
    """Every position's pictures with so many pixels as a browser can be sent at once, evenly chosen."""
    height, width = trail.x.shape[-2:]
    rebuilt = trail.outputs.ndim == trail.frames.ndim
    characters = 4 / 3 * (2 if rebuilt else 1) * (1 + len(trail.frames)) * trail.x.size
    part = min(1.0, (_MOST / characters) ** 0.5)
    rows, columns = (_even(side, max(1, int(part * side))) for side in (height, width))
    seen = np.ix_(rows, columns)

    def less(pictures: Floats) -> Floats:
        return np.ascontiguousarray(pictures[..., seen[0], seen[1]])

    smaller = replace(trail, x=less(trail.x), frames=less(trail.frames))
    return replace(smaller, output=less(trail.output), outputs=less(trail.outputs)) if rebuilt else smaller


def _even(side: int, count: int) -> NDArray[np.int64]:
    """So many of ``side`` positions, each in the middle of its part."""
    return ((np.arange(count) + 0.5) * side / count).astype(np.int64)


def _drawn(plane: Plane, success: Floats, layers: dict[str, Floats]) -> dict[str, Any]:
    return {
        "eps": [float(eps) for eps in plane.eps],
        "radius": _RADII[plane.norm],
        "weights": [float(weight) for weight in plane.weights],
        # A cross, so that failing is never told by colour alone.
        "state": [_state(value) for value in success.ravel().tolist()],
        "layers": {name: _coloured(LAYERS[name], values) for name, values in layers.items()},
        "alt": alt(plane, success, layers["kept"]),
    }


def _state(success: float) -> str:
    return "unknown" if np.isnan(success) else "success" if success else "failed"


def _coloured(layer: Layer, values: Floats) -> dict[str, Any]:
    """Colours ("" where unknown) and texts of E·W values, and the colour bar with its ends."""
    known = values[np.isfinite(values)]
    top = 1.0 if layer.percent else float(known.max(initial=0)) or 1.0
    parts = (values / top).ravel().tolist()
    bar = sample_colorscale(layer.colours, np.linspace(0, 1, _TICKS).tolist())
    ends = ["no", "yes"] if layer is LAYERS["success"] else [_said(layer, 0.0), _said(layer, top)]
    return {
        "title": layer.title,
        "colours": ["" if np.isnan(part) else _colour(layer, part) for part in parts],
        "texts": [_said(layer, value) for value in values.ravel().tolist()],
        "bar": bar,
        "ends": ends,
    }


def _colour(layer: Layer, part: float) -> str:
    colour: str = sample_colorscale(layer.colours, [min(1.0, max(0.0, part))])[0]
    return colour


def _said(layer: Layer, value: float) -> str:
    if np.isnan(value):
        return "–"
    if layer is LAYERS["success"]:
        return "yes" if value else "no"
    return f"{100 * value:.0f} %" if layer.percent else number(value)


def numbers(found: AttackResult, row: int) -> list[list[str]]:
    """Names and values of one position."""
    kept = float(found.kept[row])
    share = "–" if np.isnan(kept) else f"{100 * kept:.1f} %"
    return [
        ["Information kept", f"{share} · {information(float(found.information[row]))}"],
        ["Criterion f", number(float(found.criterion[row]))],
        ["L2 of δ", number(float(found.l2[row]))],
        ["L∞ of δ", number(float(found.linf[row]))],
    ]


def alt(plane: Plane, success: Floats, kept: Floats) -> str:
    """The plane in one sentence, for those who do not see it."""
    eps, weights = plane.shape
    known = np.isfinite(success)
    text = (
        f"Plane of {eps} radii ε from {number(plane.eps[0])} to {number(plane.eps[-1])} and {weights} "
        f"weights w from {number(plane.weights[0])} to {number(plane.weights[-1])}: "
        f"{int(np.nansum(success))} of {int(known.sum())} attacks succeed"
    )
    least = _least(kept)
    return text + (f"; {least}." if least else ".")


def _least(kept: Floats) -> str:
    values = kept[np.isfinite(kept)]
    if not len(values):
        return ""
    return f"information kept from {100 * values.min():.0f} to {100 * values.max():.0f} %"


def table(result: PlaneResult) -> str:
    """All positions as CSV, one a line."""
    found, lines = result.found, ["eps,mi_weight,success,information_nats,kept,criterion,l2,linf"]
    columns: Sequence[Any] = (
        found.success.int(), found.information, found.kept, found.criterion, found.l2, found.linf,
    )  # fmt: skip
    for row, (eps, weight) in enumerate(result.plane.positions):
        values = ",".join(f"{float(column[row]):.6g}" for column in columns)
        lines.append(f"{eps:g},{weight:g},{values}")
    return "\n".join(lines) + "\n"
