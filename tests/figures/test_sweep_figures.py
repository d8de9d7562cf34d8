"""Figures and tables of a sweep: they hold what was measured, and nobody needs colour to read them."""

from __future__ import annotations

import csv
import io
import math
import re

import numpy as np
import pytest
from matplotlib.text import Text
from scipy.stats import t as student

from advmi_core.attacks import variants
from advmi_core.attacks.core.ball import UNBOUNDED
from advmi_core.evaluation import ImageTable, summarise, wilson
from advmi_core.figures.attack.print import save
from advmi_core.figures.sweep import (
    images as sweep_images,
)
from advmi_core.figures.sweep import (
    legend as sweep_legend,
)
from advmi_core.figures.sweep import (
    print as sweep_print,
)
from advmi_core.figures.sweep import (
    screen as sweep_screen,
)
from advmi_core.figures.sweep import (
    series as sweep,
)
from advmi_core.figures.sweep import (
    table as sweep_table,
)
from advmi_core.figures.sweep.series import KEPT, MI, Point
from advmi_core.studies.sweep import load, runs
from advmi_core.ui.sweep import cells as sweep_cells

NAN = math.nan


def point(method: str, eps: float, mi: list[float], failed: int = 0, wrong: int = 0) -> Point:
    """A cell with these MI values of its successes, a tenth of them kept, and images that failed or never
    counted."""
    n = len(mi) + failed + wrong
    correct = np.arange(n) < len(mi) + failed
    success = np.arange(n) < len(mi)
    values = np.concatenate([np.array(mi, np.float32), np.full(failed, 9.0), np.full(wrong, NAN)])
    known = np.where(correct, 0.25, NAN)
    columns = dict.fromkeys(("criterion", "l0", "l1", "l2", "linf", "psnr", "ssim"), known)
    table = ImageTable.from_arrays(
        {"index": np.arange(n), "correct": correct, "success": success, "mi": values, "kept": values / 10,
         "information": values, "mi_loop": values + 1, "queries": np.where(correct, 40, 0), **columns}
    )  # fmt: skip
    return Point(
        id=f"{method}-eps{eps:g}", method=method, eps=eps, summary=summarise(table), table=table, seconds=0.5
    )


def points() -> list[Point]:
    """Two methods over two ε, ε not in order, and one cell without a success."""
    return [
        point("minmax", 0.3, [1.0, 1.5, 2.0], failed=1, wrong=2),
        point("minmax", 0.1, [2.0, 2.25], failed=2, wrong=2),
        point("pgd", 0.1, [], failed=4, wrong=2),
        point("pgd", 0.3, [0.5, 0.75, 1.0, 1.25], wrong=2),
    ]


def named(figure: object, name: str) -> object:
    return next(trace for trace in figure.data if trace.name == name)  # type: ignore[attr-defined]


def test_each_method_is_one_line_through_its_eps_in_order() -> None:
    figure = sweep_screen.plane(points(), MI)
    assert [trace.name for trace in figure.data] == ["MinMax published", "PGD margin"]
    assert list(figure.data[0].customdata) == ["minmax-eps0.1", "minmax-eps0.3"]
    assert list(figure.data[0].x) == pytest.approx([50, 75])
    assert list(figure.data[0].y) == pytest.approx([2.125, 1.5])
    assert list(figure.data[1].customdata) == ["pgd-eps0.3"]  # without a success there is no MI


def test_only_one_line_says_its_eps_and_points_in_one_place_say_theirs_together() -> None:
    line = [point("pgd", eps, mi) for eps, mi in ((0.1, [3.0]), (0.2, [2.0]), (0.3, [2.01]), (0.5, [2.0]))]
    assert sweep_screen.labels(line, MI) == ["ε 0.1", "", "", "ε 0.2–0.5"]
    assert sweep_screen.labels([], MI) == []
    modes = {t.name: t.mode for t in sweep_screen.plane(points(), chosen="pgd-eps0.3").data}
    assert modes["PGD margin"] == "lines+markers+text"
    assert modes["MinMax published"] == "lines+markers"


@pytest.mark.parametrize("axis", ["plane", "asr"])
def test_error_bars_of_the_rate_are_wilsons(axis: str) -> None:
    figure = getattr(sweep_screen, axis)(points())
    line = named(figure, "MinMax published")
    bars = line.error_x if axis == "plane" else line.error_y  # type: ignore[attr-defined]
    middle = line.x if axis == "plane" else line.y  # type: ignore[attr-defined]
    for at, (won, counted) in enumerate([(2, 4), (3, 4)]):
        wanted = wilson(won, counted)
        assert middle[at] + bars.array[at] == pytest.approx(100 * wanted.high)
        assert middle[at] - bars.arrayminus[at] == pytest.approx(100 * wanted.low)


def test_the_band_of_the_rate_has_the_same_ends() -> None:
    band = named(sweep_screen.asr(points()), "MinMax published: 95 % interval")
    assert list(band.x) == [0.1, 0.3, 0.3, 0.1]  # type: ignore[attr-defined]
    ends = [wilson(2, 4).high, wilson(3, 4).high, wilson(3, 4).low, wilson(2, 4).low]
    assert list(band.y) == pytest.approx([100 * end for end in ends])  # type: ignore[attr-defined]


@pytest.mark.parametrize("axis", ["plane", "mi"])
def test_error_bars_of_mi_are_students_interval_of_the_mean(axis: str) -> None:
    line = named(getattr(sweep_screen, axis)(points(), MI), "PGD margin")
    values = np.array([0.5, 0.75, 1.0, 1.25])
    half = student.ppf(0.975, 3) * values.std(ddof=1) / 2
    assert line.error_y.array[-1] == pytest.approx(half)  # type: ignore[attr-defined]
    assert line.y[-1] == pytest.approx(values.mean())  # type: ignore[attr-defined]


def test_one_success_has_a_point_without_an_interval() -> None:
    alone = point("pgd", 0.1, [1.5], failed=1)
    assert math.isnan(alone.interval(MI).low)
    (line,) = sweep_screen.plane([alone]).data
    assert list(line.error_y.array) == [0]


def test_the_rate_is_drawn_where_nothing_succeeded() -> None:
    line = named(sweep_screen.asr(points()), "PGD margin")
    assert list(line.y) == [0, 100]  # type: ignore[attr-defined]


def test_an_attack_without_a_budget_is_a_level_all_the_way_across() -> None:
    shown = [*points(), point("ddn", UNBOUNDED, [1.5, 2.5], failed=1, wrong=2)]
    for figure in (sweep_screen.asr(shown), sweep_screen.mi(shown, MI)):
        line = named(figure, "DDN")
        assert list(line.x) == [0, 0.3]  # type: ignore[attr-defined]
        assert list(line.customdata) == ["ddn-eps100"] * 2  # type: ignore[attr-defined]
        assert figure.layout.xaxis.range[1] < 1
    assert list(named(sweep_screen.mi(shown, MI), "DDN").y) == [2, 2]  # type: ignore[attr-defined]
    assert sweep_screen.labels([shown[-1]], MI) == ["no ε"]
    assert sweep_table.rows(shown)[-1]["ε"] == "–"
    names = {trace.name for trace in sweep_screen.histogram([shown[0], shown[-1]], MI).data}
    assert "DDN, no ε" in names


def test_what_is_kept_stands_over_l2_and_ssim_of_the_same_images() -> None:
    figure = sweep_screen.distances(points(), KEPT, chosen="minmax-eps0.3")
    over = {trace.xaxis: trace for trace in figure.data if trace.name == "MinMax published"}
    assert set(over) == {"x", "x2"}
    for trace in over.values():
        assert list(trace.y) == pytest.approx([21.25, 15.0])
        assert list(trace.x) == [0.25, 0.25]  # every success has this L2 and this SSIM
        half = student.ppf(0.975, 2) * np.std([10, 15, 20], ddof=1) / math.sqrt(3)
        assert trace.error_y.array[1] == pytest.approx(half)
    assert [trace.xaxis for trace in figure.data if trace.name == "chosen"] == ["x", "x2"]
    (legend,) = sweep_print.distances(points()).legends
    assert [text.get_text() for text in legend.get_texts()] == ["MinMax published", "PGD margin"]


def test_only_the_chosen_point_is_ringed() -> None:
    figure = sweep_screen.plane(points(), chosen="minmax-eps0.3")
    ring, line = named(figure, "chosen"), named(figure, "MinMax published")
    assert (ring.x[0], ring.y[0]) == (line.x[1], line.y[1])  # type: ignore[attr-defined]
    assert "chosen" not in {trace.name for trace in sweep_screen.plane(points(), chosen="gone").data}


def test_the_histogram_holds_every_success_and_no_failure() -> None:
    figure = sweep_screen.histogram(points(), MI)
    outlines = [trace for trace in figure.data if trace.mode == "lines"]
    assert [round(sum(trace.y[:-1]), 6) for trace in outlines] == [100, 100, 0, 100]
    assert max(float(trace.x[-1]) for trace in outlines) == pytest.approx(2.25)  # a failed image has 9
    means = [float(trace.x[0]) for trace in figure.data if trace.mode == "markers"]
    assert means == pytest.approx([1.5, 2.125, 0.875])


@pytest.mark.parametrize("mi", [[], [1.0], [1.0, 1.0, 1.0]])
def test_a_histogram_of_nothing_or_of_one_value_can_be_drawn(mi: list[float]) -> None:
    cell = [point("pgd", 0.1, mi, failed=1)]
    assert sum(sweep.shares(cell[0], MI, sweep.bins(cell, MI))) == pytest.approx(100 if mi else 0)
    assert sweep_screen.histogram(cell).data


def test_nine_methods_differ_in_ink_dash_and_mark_and_known_ones_keep_theirs() -> None:
    looks = sweep.styles(["mine", "pgd", "other", "minmax", *"abcde"])
    for what in ("ink", "dash", "mark", "line", "marker", "pattern"):
        assert len({getattr(style, what) for style in looks.values()}) == 9, what
    assert looks["pgd"] == sweep.styles(["pgd"])["pgd"]
    assert len(sweep.styles(f"m{i}" for i in range(12))) == 12


def test_the_legend_names_every_method_once_and_escapes_it() -> None:
    text = sweep_legend.html(["minmax", "a<b"])
    assert text.count("<img") == 2
    assert "MinMax published" in text
    assert "a&lt;b" in text
    assert sweep_legend.html([]) == ""
    for style in sweep.styles(variants()).values():
        assert style.mark in sweep_legend.MARKS


@pytest.mark.parametrize("name", list(sweep_print.FIGURES))
@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_printed_figures_become_files(name: str, kind: str) -> None:
    raw = save(sweep_print.FIGURES[name](points(), KEPT), kind)  # type: ignore[arg-type]
    assert raw[:4] in (b"\x89PNG", b"<?xm", b"%PDF")
    assert save(sweep_print.FIGURES[name]([], MI), kind)  # type: ignore[arg-type]


def test_a_printed_line_has_the_same_numbers_as_on_the_screen() -> None:
    (axis,) = sweep_print.plane(points()).axes
    drawn, (shown, _) = axis.containers[0].lines[0], sweep_screen.plane(points()).data
    assert drawn.get_xdata() == pytest.approx(list(shown.x))
    assert drawn.get_ydata() == pytest.approx(list(shown.y))


def test_the_table_says_what_counts_and_how_sure_it_is() -> None:
    row = sweep_table.rows(points())[0]
    assert row["counted"] == "4 of 6"
    wanted = wilson(3, 4)
    assert row["ASR, % [95 %]"] == f"75.0 [{100 * wanted.low:.1f}, {100 * wanted.high:.1f}]"
    assert row["MI, nats"] == f"1.50 ± {np.std([1, 1.5, 2]):.2f}"
    assert row["kept, %"] == f"15.0 ± {np.std([10, 15, 20]):.1f}"
    assert row["kept, nats"] == "1.50"
    assert sweep_table.rows(points())[2]["MI, nats"] == "–"


def test_csv_has_one_line_a_cell_and_empty_fields_for_nothing() -> None:
    lines = list(csv.DictReader(io.StringIO(sweep_table.as_csv(points()).decode())))
    assert [line["method"] for line in lines] == ["minmax", "minmax", "pgd", "pgd"]
    assert float(lines[0]["asr_low"]) == pytest.approx(wilson(3, 4).low, rel=1e-6)
    assert float(lines[3]["kept_high"]) == pytest.approx(points()[3].interval(KEPT).high / 100, rel=1e-6)
    assert float(lines[0]["mi_loop_mean"]) == pytest.approx(2.5)
    assert float(lines[3]["mi_high"]) == pytest.approx(points()[3].interval(MI).high, rel=1e-6)
    assert lines[2]["mi_mean"] == ""
    assert sweep_table.as_csv([]) == b""


def test_latex_is_balanced_and_escaped() -> None:
    text = sweep_table.as_latex([*points(), point("50%_of & \\b{a}$ #1~^", 0.1, [1.0])]).decode()
    assert text.count("\\begin{tabular}") == text.count("\\end{tabular}") == 1
    body = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert len(body) == 1 + 5
    columns = re.search(r"\\begin\{tabular\}\{(\w+)\}", text)
    assert columns is not None
    for line in body:
        bare = re.sub(r"\\[a-z]+\{\}|\\[&%$#_{}]", "", line)  # what is escaped or a command stands for itself
        assert bare.count("&") == len(columns[1]) - 1
        assert not re.search(r"[#%_~^]", bare), bare
        assert bare.count("$") % 2 == 0
        assert bare.count("{") == bare.count("}") == 0
    for rule in ("toprule", "midrule", "bottomrule"):
        assert text.count(f"\\{rule}") == 1
    assert text.isascii()


def test_pictures_of_a_cell_show_the_change_with_one_gain() -> None:
    x = np.full((2, 1, 4, 4), 0.5, np.float32)
    x_adv = x.copy()
    x_adv[0, 0, 0, 0] += 0.2
    assert sweep_images.gain(x, x_adv) == 4
    first, second = sweep_images.triplets(x, x_adv, 4)
    assert first.x == second.x == second.x_adv != first.x_adv
    assert first.change != second.change
    assert first.change.startswith("data:image/png;base64,")


@pytest.mark.fault("P12")
def test_no_two_labels_of_the_printed_plane_overlap() -> None:
    """The run that comes with AdvMI: three methods whose points lie close together."""
    shipped = [info for info in runs() if info.shipped and info.name == "talk"]
    figure = sweep_print.plane(sweep_cells.points(load(shipped[0].folder)))
    (axis,) = figure.axes
    figure.draw_without_rendering()
    said = [text for text in axis.texts if text.get_text()]
    assert len(said) >= 8
    boxes = [Text.get_window_extent(text) for text in said]  # an annotation's own also holds its point
    assert not any(a.overlaps(b) for at, a in enumerate(boxes) for b in boxes[:at])
    for box in boxes:
        assert axis.bbox.contains(box.x0, box.y0)
        assert axis.bbox.contains(box.x1, box.y1)
