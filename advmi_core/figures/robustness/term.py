"""NAMID's term added to one nearly trained model (`benchmarks.namid_late`): words, table and figure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import Any

import plotly.graph_objects as go

from advmi_core.figures.defence.screen import BASE, empty_figure
from advmi_core.figures.defence.text import signed
from advmi_core.figures.style import Style

Study = dict[str, Any]
CAPTION = (
    "λ = 0.1 and estimators by Eq. 5 where nothing else is said; MI on the validation images, by the "
    "estimators that the row was trained with. ● marks an interval without 0. Intervals are over images: "
    "what chance does in a training is not in them (compare the seeds). No correction for the number of "
    "comparisons. Made by `python -m benchmarks.namid_late --trained DIR --out DIR`, in a folder that "
    "`advmi train-defences --out DIR` filled with that budget."
)
"""What stands below the tables."""
SPEC = {"standard", "after", "held", "attack", "estimators"}
_COMPARED = ("difference", "low", "high")
_ROW = {"name", "title", "clean", "robust", "validation"}
_LOOKS = (
    ("#d55e00", "circle"), ("#2f8fcb", "square"), ("#009e73", "diamond"), ("#b3689a", "star"),
    ("#7d838c", "triangle-up"), ("#a67c00", "x"),
)  # fmt: skip
_APART, _SPREAD = 0.24, 0.6  # two studies of a setting, and all of them, in distances between two settings
_PER_ROW, _FRAME = 44, 60


def fits(study: Study) -> bool:
    """Whether a study has all that is shown here."""
    alone, *others = study["rows"] or [{}]
    told = all(row.keys() >= _ROW for row in study["rows"])
    compared = all(row.keys() >= set(_COMPARED) for row in others)
    return study["spec"].keys() >= SPEC and told and compared and "difference" not in alone and bool(others)


def budget(study: Study) -> str:
    """How its models and estimators were trained."""
    standard, estimators = study["spec"]["standard"], study["spec"]["estimators"]
    return (
        f"{standard['epochs']} epochs, batches of {standard['batch']}, "
        f"estimators of {estimators['units']} units, seed {standard['seed']}"
    )


def measured(study: Study) -> str:
    """What its models share, and what they were measured on."""
    spec = study["spec"]
    return (
        f"{spec['after']} epochs are shared; x̃ by {spec['attack']}, on {spec['held']:,} training images that "
        "no training saw"
    )


def said(studies: Sequence[Study]) -> tuple[str, str, str]:
    """Tone, heading and text: what the intervals of all trials (a setting in a study) allow to say."""
    pairs = [(study, row) for study in studies for row in study["rows"][1:]]
    rows = [row for _, row in pairs]
    better, worse = sum(row["low"] > 0 for row in rows), sum(row["high"] < 0 for row in rows)
    heading = (
        f"Of {len(rows)} trials of NAMID's term {better or 'none'} clearly {_makes(better)} a model more "
        f"robust, {worse or 'none'} less"
    )
    where, best = max(pairs, key=lambda pair: pair[1]["difference"])
    text = (
        "One Standard AT is trained for the larger part of its epochs; from there it goes on alone, and with "
        "the term: same weights, images and noise, so that the difference is the term's. "
        f"The best: {best['title']} ({budget(where)}), {_difference(best)} percentage points [95\u00a0%]."
    )
    again = [
        f"{_difference(row)} ({budget(study)})"
        for study, row in pairs
        if row is not best and row["title"] == best["title"]
    ]
    text += f" The same setting otherwise: {'; '.join(again)}." if again else ""
    return ("bad" if worse > better else "good" if better > worse else "note"), heading, text


def table(study: Study) -> list[dict[str, str]]:
    """A line a setting, the model that goes on alone first; ● marks an interval that leaves 0 out."""
    return [
        {
            "the last epochs": row["title"],
            "right on x, %": f"{100 * row['clean']:.2f}",
            "right on x̃, %": f"{100 * row['robust']:.2f}",
            "− alone, points [95 %]": _marked(row) if "difference" in row else "–",
            "natural MI of x̃, nats": signed(row["validation"]["natural_adv"]),
            "adversarial MI of x̃, nats": signed(row["validation"]["adversarial_adv"]),
        }
        for row in study["rows"]
    ]


def looks(studies: Sequence[Study]) -> list[Style]:
    """The look of every study, in their order."""
    found = zip(studies, cycle(_LOOKS), strict=False)
    return [Style(budget(study), ink, "solid", mark, "-", "o", "") for study, (ink, mark) in found]


def forest(studies: Sequence[Study]) -> go.Figure:
    """Every setting's difference from the model that goes on alone, with its paired 95 % interval."""
    titles = list(dict.fromkeys(title for study in studies for title in _settings(study)))
    figure = empty_figure(_FRAME + _PER_ROW * len(titles), "right on x̃ against going on alone, points", "")
    for study, look in zip(studies, looks(studies), strict=True):
        rows = study["rows"][1:]
        figure.add_scatter(
            x=[100 * row["difference"] for row in rows],
            y=[titles.index(row["title"]) + _aside(row["title"], study, studies) for row in rows],
            error_x={
                "type": "data", "symmetric": False, "color": look.ink, "thickness": 1.6, "width": 4,
                "array": [100 * (row["high"] - row["difference"]) for row in rows],
                "arrayminus": [100 * (row["difference"] - row["low"]) for row in rows],
            },
            mode="markers", name=look.title, customdata=[[row["title"], look.title] for row in rows],
            marker={"symbol": look.mark, "size": 9, "color": look.ink},
            hovertemplate="%{customdata[0]}: %{x:.2f}<br>%{customdata[1]}",
        )  # fmt: skip
    figure.add_vline(x=0, line={"color": BASE, "dash": "dash", "width": 1.4})
    figure.update_layout(margin={"l": 190})
    figure.update_yaxes(
        tickvals=list(range(len(titles))), ticktext=titles, showgrid=False, range=[len(titles) - 0.5, -0.5]
    )
    return figure


def _settings(study: Study) -> list[str]:
    return [row["title"] for row in study["rows"][1:]]


def _aside(title: str, study: Study, studies: Sequence[Study]) -> float:
    """Where a study's mark stands beside its setting's middle: at it, if it is the only one there."""
    sharing = [each for each in studies if title in _settings(each)]
    place = next(at for at, each in enumerate(sharing) if each is study)
    apart = min(_APART, _SPREAD / max(1, len(sharing) - 1))
    return apart * (place - (len(sharing) - 1) / 2)


def _makes(count: int) -> str:
    return "make" if count > 1 else "makes"


def _difference(row: dict[str, Any]) -> str:
    mean, low, high = (signed(100 * row[end]) for end in _COMPARED)
    return f"{mean} [{low}, {high}]"


def _marked(row: dict[str, Any]) -> str:
    return _difference(row) + (" ●" if row["low"] > 0 or row["high"] < 0 else "")
