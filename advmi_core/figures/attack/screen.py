"""plotly figures for the screen: zoom and read every value."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from advmi_core.figures.attack.trajectory import Trajectory, loop_title
from advmi_core.figures.palette import LOOP, SERIES

_HOVER = {"kept": "%{y:.4g} %, %{customdata:.4g} nats"}


def curves(trail: Trajectory) -> go.Figure:
    """Criterion, dual variable, information kept and proximal gap; zooming one zooms all."""
    figure = go.Figure()
    layout: dict[str, Any] = {
        "hovermode": "x",
        "showlegend": False,
        "height": 460,
        "margin": {"l": 60, "r": 20, "t": 30, "b": 50},
    }
    notes = []
    for index, series in enumerate(SERIES):
        axis = "" if index == 0 else str(index + 1)
        column, row = index % 2, index // 2
        left, bottom = 0.56 * column, 0.58 * (1 - row)
        values = trail.curves[series.name]
        figure.add_scatter(
            x=trail.curve_steps,
            y=values,
            xaxis=f"x{axis}",
            yaxis=f"y{axis}",
            mode="lines",
            name=series.title,
            line={"color": series.ink, "dash": series.dash, "width": 2},
            hovertemplate=_HOVER.get(series.name, "%{y:.4g}") + "<extra>iteration %{x}</extra>",
            customdata=trail.curves["information"] if series.name == "kept" else None,
        )
        layout[f"xaxis{axis}"] = {
            "domain": [left, left + 0.44],
            "anchor": f"y{axis}",
            "title": "iteration" if row else "",
            "matches": "x" if axis else None,
            "range": [1, max(2, trail.total)],
        }
        layout[f"yaxis{axis}"] = {
            "domain": [bottom, bottom + 0.42],
            "anchor": f"x{axis}",
            "title": {"text": series.unit, "standoff": 8},
        }
        # Above its panel: beside it, four names would be longer than the panels are high.
        notes.append(_note(f"<b>{series.title}</b>", left, bottom + 0.42, "left", "bottom"))
        if not np.isfinite(values).any():
            notes.append(_note("not used by this attack", left + 0.22, bottom + 0.21, "center", "middle"))
            layout[f"yaxis{axis}"]["showticklabels"] = False
        if series.name == "kept" and np.isfinite(trail.curves[LOOP.name]).any():
            _loop(figure, layout, trail, axis)
            key = f"- - {loop_title(trail.loop_term)}, {LOOP.unit}"
            notes.append(_note(key, left + 0.44, bottom + 0.42, "right", "bottom"))
    layout["annotations"] = notes
    if trail.best:
        for index in range(len(SERIES)):
            axis = "" if index == 0 else str(index + 1)
            figure.add_shape(
                type="line",
                xref=f"x{axis}",
                yref=f"y{axis} domain",
                x0=trail.best,
                x1=trail.best,
                y0=0,
                y1=1,
                line={"dash": "dot", "width": 1, "color": "#888888"},
            )
    figure.update_layout(layout)
    return figure


def _loop(figure: go.Figure, layout: dict[str, Any], trail: Trajectory, axis: str) -> None:
    """What the loop's own term says, thin and on an axis of its own, over the information kept."""
    own, title = len(SERIES) + 1, loop_title(trail.loop_term)
    figure.add_scatter(
        x=trail.curve_steps, y=trail.curves[LOOP.name], xaxis=f"x{axis}", yaxis=f"y{own}",
        mode="lines", name=title,
        line={"color": LOOP.ink, "dash": LOOP.dash, "width": 1},
        hovertemplate=f"%{{y:.4g}} nats, {title}<extra>iteration %{{x}}</extra>",
    )  # fmt: skip
    layout[f"yaxis{own}"] = {
        "overlaying": f"y{axis}", "anchor": f"x{axis}", "side": "right", "showgrid": False,
    }  # fmt: skip


def _note(text: str, x: float, y: float, side: str, foot: str) -> dict[str, Any]:
    """Words at a place of the whole figure."""
    return {
        "text": text, "x": x, "y": y, "xref": "paper", "yref": "paper", "xanchor": side, "yanchor": foot,
        "showarrow": False,
    }  # fmt: skip
