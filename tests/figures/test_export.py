"""Every figure of every page is a PNG, an SVG and a PDF: they open, hold no date and are made alike again."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable
from functools import cache
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from advmi_core.defenses import DefenseStep, Epoch, EstimatorStep
from advmi_core.defenses.records import LossTerms
from advmi_core.figures.attack import charts as attack_charts
from advmi_core.figures.attack import pictures, trajectory
from advmi_core.figures.autoencoders import latent
from advmi_core.figures.chart import Axis, Bars, Chart, Drawing, Grid, Line, charts_of
from advmi_core.figures.defence import charts as defence_charts
from advmi_core.figures.matplotlib_renderer import KINDS, figure, save
from advmi_core.figures.mutual_information import bounds, overshoot, scores, violins
from advmi_core.figures.plotly_renderer import figure as on_screen
from advmi_core.figures.robustness import term
from advmi_core.figures.style import PALETTE, Style, looks
from advmi_core.figures.sweep.charts import CHARTS
from advmi_core.figures.sweep.series import KEPT
from advmi_core.mi.local.estimators import InformationSplit
from advmi_core.studies import sweep
from advmi_core.studies.autoencoders import stored as retraining
from advmi_core.studies.critics.live import RaceStep
from advmi_core.studies.critics.one_image import Scores
from advmi_core.studies.critics.overshoot import SampleSizeResult, SampleSizeStep
from advmi_core.studies.defence import DefenceStudy, DefenceStudyResult, DefenceStudyStep, Measured
from advmi_core.studies.defence.records import ATTACKS, DEFENCE, STANDARD
from advmi_core.studies.robustness import stored as tables
from advmi_core.studies.sampling.results import StudyResult
from advmi_core.ui.autoencoders import files as retraining_files
from advmi_core.ui.autoencoders.source import Shown
from advmi_core.ui.defence import files as defence_files
from advmi_core.ui.defence import tables as defence_tables
from advmi_core.ui.defence import term as term_page
from advmi_core.ui.sweep import cells

Figures = dict[str, Drawing | Figure]


@cache
def sweep_figures() -> Figures:
    (shipped,) = (info for info in sweep.runs() if info.shipped and info.name == "talk")
    points = cells.points(sweep.load(shipped.folder))
    return {name: draw(points, KEPT, "") for name, draw in CHARTS.items()}


@cache
def autoencoder_figures() -> Figures:
    made: Figures = {}
    for name in retraining.available():
        shown = Shown(retraining.load(name), name)
        model = shown.result.spec["models"][0]
        figures = retraining_files.figures(shown, model, "solver-uae")
        made |= {f"{name}: {title}": draw() for title, draw in figures.items()}
    codes = np.random.default_rng(0).normal(size=(6, 2))
    plane = latent.Codes(codes, codes + 1, np.arange(6) % 3, ("a", "b", "c"), np.array([0.5, 0.25]))
    index = np.arange(4)
    cloud = latent.Cloud("gaussian", index, index + 1.0, index / 1000)
    return made | {"codes": latent.codes(plane, "l2-uae"), "manifold": latent.manifold([cloud], 2)}


def defence_result() -> DefenceStudyResult:
    flat, right = torch.linspace(-0.1, 0.1, 40), torch.arange(40) < 30
    mi = InformationSplit(flat + 1, flat + 0.5, flat - 0.3, flat + 0.2)
    one = Measured(right, right & (torch.arange(40) < 20), flat + 1.5, flat + 1.2, mi, mi)
    steps = []
    for stage in (STANDARD, DEFENCE):
        for number in (1, 2):
            parts = LossTerms(2 / number, 1.0, math.nan, 0.1, 0.5, 0.4)
            epoch = Epoch(number, parts, 0.8, 0.5, 1.0, 0.5, -0.3, 0.2)
            training = DefenseStep(number, 2, number, 2, 0.1, parts, epoch)
            steps.append(DefenceStudyStep(1, 2, stage, training=training))
        steps += [
            DefenceStudyStep(2, 2, ATTACKS, model=stage, attack=name, measured=one)
            for name in ("PGD-10", "AA")
        ]
    return DefenceStudyResult(DefenceStudy(measured=40), steps)


@cache
def defence_figures() -> Figures:
    made: Figures = {title: draw() for title, draw in defence_files.figures(defence_result()).items()}
    learnt = [EstimatorStep("first", at, 9, 0.5, 0.2, 1.0, None) for at in range(1, 9)]
    return made | {"estimators": defence_charts.estimating(learnt)}


@cache
def robustness_figures() -> Figures:
    made: Figures = {"term": term.forest(term_page.studies())}
    for kind in ("whitebox", "blackbox"):
        result = tables.load(kind, "fashion-mnist", "linf")
        figures = defence_tables._figures(result, result.table())
        made |= {f"{kind}: {title}": chart for title, (_, chart) in figures.items()}
    return made


@cache
def information_figures() -> Figures:
    race = [RaceStep(at, 2, np.array([at, at]), np.zeros((2, 2)), np.full((2, 2), 0.1 * at)) for at in (1, 2)]
    course = [SampleSizeStep(at, 9, 16, at, np.array([4.0, 5.0]), np.array([0.1, -900.0])) for at in (1, 9)]
    sizes = SampleSizeResult(1.0, (16, 64), np.array([[180.0], [1.2]]), np.array([[-700.0], [0.9]]))
    draw = np.random.default_rng(0)
    moment = Scores(
        5, 9, 1.0, draw.normal(3, 1, 32).astype(np.float32), draw.normal(0, 2, 99).astype(np.float32)
    )
    values = {
        "conv": draw.normal(2, 1, (2, 9)).astype(np.float32),
        "patches": np.full((2, 9), np.nan, np.float32),
    }
    study = StudyResult({}, (0, 1), values, {"conv": 2, "patches": 0}, dict.fromkeys(values, math.nan))
    return {
        "race": bounds.race(race, ("dv", "nwj"), 1.0, 2),
        "course": overshoot.course(course, 16, 1.0, 9),
        "by K": overshoot.by_k(sizes, (16, 64), 64),
        "scores": scores.histograms(moment),
        "growth": scores.growth([moment], 5),
        "violins": violins.violins(study),
    }


@cache
def attack_figures() -> Figures:
    image = np.zeros((1, 4, 5), np.float32)
    trail = trajectory.start(image, 9, np.zeros(2, np.float32))
    half = np.full(2, 0.5, np.float32)
    return {
        "curves": attack_charts.curves(trail),
        "prediction": attack_charts.prediction(("Shirt", "Coat"), half, half, 0),
        "strip": pictures.strip([("x", image), ("x̃", image)], image, 4),
        "gallery": pictures.gallery(np.stack([image] * 3), ["a", "b", "c"]),
    }


PAGES: dict[str, tuple[Callable[[], Figures], int]] = {
    "sweep": (sweep_figures, 5),
    "autoencoders": (autoencoder_figures, 8),
    "defence": (defence_figures, 5),
    "robustness": (robustness_figures, 6),
    "mutual information": (information_figures, 6),
    "attack": (attack_figures, 4),
}


@pytest.mark.parametrize("page", PAGES)
def test_every_figure_opens_in_every_format_without_a_date(page: str) -> None:
    make, least = PAGES[page]
    figures = make()
    assert len(figures) >= least
    for name, drawing in figures.items():
        with Image.open(io.BytesIO(save(drawing, "png"))) as picture:
            assert min(picture.size) > 200, name
            grey = np.asarray(picture.convert("L"))
            assert grey.min() < 128 < grey.max(), name  # something is drawn
        vector, pages = save(drawing, "svg"), save(drawing, "pdf")
        assert ElementTree.fromstring(vector).tag.endswith("svg"), name
        assert pages.startswith(b"%PDF-"), name
        assert pages.rstrip().endswith(b"%%EOF"), name
        for raw in (vector, pages):
            assert not re.search(rb"<dc:date>|CreationDate|ModDate", raw), name


@pytest.mark.parametrize("kind", KINDS)
def test_a_figure_that_is_made_again_is_the_same_file(kind: str) -> None:
    files = [
        [save(drawing, kind) for drawing in information_figures.__wrapped__().values()] for _ in range(2)
    ]  # type: ignore[arg-type]
    assert files[0] == files[1]


@pytest.mark.parametrize("page", [page for page in PAGES if page != "attack"])
def test_every_chart_can_be_drawn_on_the_screen(page: str) -> None:
    for name, drawing in PAGES[page][0]().items():
        assert isinstance(drawing, Chart | Grid)
        for chart in charts_of(drawing):
            shown = on_screen(chart)
            assert shown.data, name
            assert shown.layout.paper_bgcolor == "rgba(0,0,0,0)", name  # readable on a dark page


def ticks(axis: Axes) -> list[Text]:
    """The texts of the ticks along the lower edge that are in sight."""
    low, high = sorted(axis.get_xlim())
    return [
        text for at, text in zip(axis.get_xticks(), axis.get_xticklabels(), strict=False) if low <= at <= high
    ]


@pytest.mark.parametrize("page", PAGES)
def test_nothing_written_in_print_is_cut_off_and_ticks_stay_apart(page: str) -> None:
    for name, drawing in PAGES[page][0]().items():
        made = drawing if isinstance(drawing, Figure) else figure(drawing)
        made.draw_without_rendering()
        paper, axes = made.bbox.padded(1), [axis for axis in made.axes if axis.axison]
        words = [
            word for axis in axes for word in (axis.title, axis.xaxis.label, axis.yaxis.label, *ticks(axis))
        ]
        boxes = {word.get_text(): word.get_window_extent() for word in words if word.get_text()}
        boxes |= {f"legend {at}": legend.get_window_extent() for at, legend in enumerate(made.legends)}
        for text, box in boxes.items():
            assert paper.contains(box.x0, box.y0), (name, text)
            assert paper.contains(box.x1, box.y1), (name, text)
        for axis in (axis for axis in axes if axis.name != "polar"):
            found = [text.get_window_extent() for text in ticks(axis)]
            assert not any(a.overlaps(b) for at, a in enumerate(found) for b in found[:at]), name


def test_unknown_names_get_a_look_that_no_other_has() -> None:
    known = {"a": Style("A", PALETTE[1].ink)}
    found = looks(["x", "a", "y"], known, str.upper)
    assert [look.title for look in found.values()] == ["X", "A", "Y"]
    assert len({look.ink for look in found.values()}) == 3
    assert found == looks(["x", "a", "y"], known, str.upper)
    assert len(looks(map(str, range(30)), known)) == 30


def test_both_renderers_show_the_same_numbers() -> None:
    x, y = [1.0, 2.0, 4.0], [3.0, 1.0, 2.0]
    line = Line(
        style=PALETTE[0], x=x, y=y, y_ends=([2.0, math.nan, 1.0], [5.0, math.nan, 2.0]), tips="{x}: {y}"
    )
    bars = Bars(style=PALETTE[1], x=x, y=y, width=0.5)
    chart = Chart(elements=[bars, line], across=Axis(title="a"), up=Axis(title="b", range=(0, 6)))
    screen, (axis,) = on_screen(chart), figure(chart).axes
    shown = next(trace for trace in screen.data if trace.type == "scatter")
    assert list(shown.y) == y == list(axis.lines[0].get_ydata())
    assert list(shown.error_y.array) == [2, 0, 0]
    assert list(shown.error_y.arrayminus) == [1, 0, 1]
    whiskers = axis.collections[0].get_segments()
    assert [tuple(part[:, 1]) for part in whiskers] == [(2, 5), (1, 1), (1, 2)]
    assert list(shown.hovertext) == ["1.0: 3.0", "2.0: 1.0", "4.0: 2.0"]
    assert [bar.get_height() for bar in axis.patches] == y
    assert (screen.layout.xaxis.title.text, axis.get_xlabel()) == ("a", "a")
    assert tuple(screen.layout.yaxis.range) == axis.get_ylim() == (0, 6)
