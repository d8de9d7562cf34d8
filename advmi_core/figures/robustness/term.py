"""NAMID's term added to one nearly trained model (`benchmarks.namid_late`): words, table and figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import cycle
from typing import Any

from advmi_core.evaluation import Paired
from advmi_core.figures.chart import Axis, Chart, Element, Points, Rule
from advmi_core.figures.style import DASH, PALETTE, SOLID
from advmi_core.figures.text import difference, signed

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
        f"The best: {best['title']} ({budget(where)}), {difference(_pairs(best), 100)} percentage points "
        "[95\u00a0%]."
    )
    again = [
        f"{difference(_pairs(row), 100)} ({budget(study)})"
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
            "− alone, points [95 %]": difference(_pairs(row), 100, mark=True),
            "natural MI of x̃, nats": signed(row["validation"]["natural_adv"]),
            "adversarial MI of x̃, nats": signed(row["validation"]["adversarial_adv"]),
        }
        for row in study["rows"]
    ]


def forest(studies: Sequence[Study]) -> Chart:
    """Every setting's difference from the model that goes on alone, with its paired 95 % interval."""
    titles = list(dict.fromkeys(title for study in studies for title in _settings(study)))
    marks: list[Element] = []
    for study, palette in zip(studies, cycle(PALETTE), strict=False):
        rows, look = study["rows"][1:], replace(palette, title=budget(study), dash=SOLID)
        x, low, high = ([100 * row[end] for row in rows] for end in _COMPARED)
        marks.append(Points(
            style=look, x=x, x_ends=(low, high), size=9,
            y=[titles.index(row["title"]) + _aside(row["title"], study, studies) for row in rows],
            tips=[f"{row['title']}: {at:.2f}<br>{look.title}" for row, at in zip(rows, x, strict=True)],
        ))  # fmt: skip
    return Chart(
        elements=[*marks, Rule(x=0, dash=DASH)], height=_FRAME + _PER_ROW * len(titles),
        across=Axis(title="right on x̃ against going on alone, points"),
        up=Axis(ticks=tuple(enumerate(titles)), grid=False, range=(len(titles) - 0.5, -0.5)),
        size=(7.2, 1.2 + 0.42 * len(titles)),
    )  # fmt: skip


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


def _pairs(row: dict[str, Any]) -> Paired | None:
    """The row's difference; None for the model that goes on alone."""
    return Paired(0, *(row[end] for end in _COMPARED)) if "difference" in row else None
