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
from advmi_core.figures import legend
from advmi_core.figures.chart import Chart, Line, Outline, Points
from advmi_core.figures.matplotlib_renderer import figure, save
from advmi_core.figures.plotly_renderer import figure as on_screen
from advmi_core.figures.sweep import charts
from advmi_core.figures.sweep import images as sweep_images
from advmi_core.figures.sweep import series as sweep
from advmi_core.figures.sweep import table as sweep_table
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


def named(chart: Chart, name: str) -> Line:
    return next(e for e in chart.elements if isinstance(e, Line) and e.style.title == name)


def rings(chart: Chart) -> list[Points]:
    return [e for e in chart.elements if isinstance(e, Points) and e.style.title == "chosen"]


def test_each_method_is_one_line_through_its_eps_in_order() -> None:
    chart = charts.plane(points(), MI)
    assert [line.style.title for line in chart.elements] == ["MinMax published", "PGD margin"]
    first, second = chart.elements
    assert list(first.ids) == ["minmax-eps0.1", "minmax-eps0.3"]
    assert list(first.x) == pytest.approx([50, 75])
    assert list(first.y) == pytest.approx([2.125, 1.5])
    assert list(second.ids) == ["pgd-eps0.3"]  # without a success there is no MI


def test_only_one_line_says_its_eps_and_points_in_one_place_say_theirs_together() -> None:
    line = [point("pgd", eps, mi) for eps, mi in ((0.1, [3.0]), (0.2, [2.0]), (0.3, [2.01]), (0.5, [2.0]))]
    assert charts.labels(line, MI) == ["ε 0.1", "", "", "ε 0.2–0.5"]
    assert charts.labels([], MI) == []
    chosen = charts.plane(points(), chosen="pgd-eps0.3")
    assert any(named(chosen, "PGD margin").labels)
    assert not any(named(chosen, "MinMax published").labels)
    modes = {trace.name: trace.mode for trace in on_screen(chosen).data}
    assert modes["PGD margin"] == "lines+markers+text"
    assert modes["MinMax published"] == "lines+markers"
    assert all(any(line.labels) for line in charts.plane(points()).elements)  # in print all do


@pytest.mark.parametrize("axis", ["plane", "asr"])
def test_error_bars_of_the_rate_are_wilsons(axis: str) -> None:
    line = named(getattr(charts, axis)(points()), "MinMax published")
    low, high = line.x_ends if axis == "plane" else line.y_ends
    for at, (won, counted) in enumerate([(2, 4), (3, 4)]):
        wanted = wilson(won, counted)
        assert (low[at], high[at]) == pytest.approx((100 * wanted.low, 100 * wanted.high))
    drawn = on_screen(getattr(charts, axis)(points())).data
    trace = next(trace for trace in drawn if trace.name == line.style.title)
    bars, middle = (trace.error_x, trace.x) if axis == "plane" else (trace.error_y, trace.y)
    assert [m + up for m, up in zip(middle, bars.array, strict=True)] == pytest.approx(list(high))
    assert [m - down for m, down in zip(middle, bars.arrayminus, strict=True)] == pytest.approx(list(low))


def test_the_band_of_the_rate_has_the_same_ends() -> None:
    band = next(t for t in on_screen(charts.asr(points())).data if t.name == "MinMax published: band")
    assert list(band.x) == [0.1, 0.3, 0.3, 0.1]
    ends = [wilson(2, 4).high, wilson(3, 4).high, wilson(3, 4).low, wilson(2, 4).low]
    assert list(band.y) == pytest.approx([100 * end for end in ends])


@pytest.mark.parametrize("axis", ["plane", "mi"])
def test_error_bars_of_mi_are_students_interval_of_the_mean(axis: str) -> None:
    line = named(getattr(charts, axis)(points(), MI), "PGD margin")
    values = np.array([0.5, 0.75, 1.0, 1.25])
    half = student.ppf(0.975, 3) * values.std(ddof=1) / 2
    low, high = line.y_ends
    assert (low[-1], high[-1]) == pytest.approx((values.mean() - half, values.mean() + half))
    assert line.y[-1] == pytest.approx(values.mean())


def test_one_success_has_a_point_without_an_interval() -> None:
    alone = point("pgd", 0.1, [1.5], failed=1)
    assert math.isnan(alone.interval(MI).low)
    (line,) = on_screen(charts.plane([alone])).data
    assert list(line.error_y.array) == [0]


def test_the_rate_is_drawn_where_nothing_succeeded() -> None:
    assert list(named(charts.asr(points()), "PGD margin").y) == [0, 100]


def test_an_attack_without_a_budget_is_a_level_all_the_way_across() -> None:
    shown = [*points(), point("ddn", UNBOUNDED, [1.5, 2.5], failed=1, wrong=2)]
    for chart in (charts.asr(shown), charts.mi(shown, MI)):
        line = named(chart, "DDN")
        assert list(line.x) == [0, 0.3]
        assert list(line.ids) == ["ddn-eps100"] * 2
        assert chart.across.range[1] < 1
    assert list(named(charts.mi(shown, MI), "DDN").y) == [2, 2]
    assert charts.labels([shown[-1]], MI) == ["no ε"]
    assert sweep_table.rows(shown)[-1]["ε"] == "–"
    assert "DDN, no ε" in {e.style.title for e in charts.histogram([shown[0], shown[-1]], MI).elements}


def test_what_is_kept_stands_over_l2_and_ssim_of_the_same_images() -> None:
    grid = charts.distances(points(), KEPT, chosen="minmax-eps0.3")
    for chart in grid.charts:
        line = named(chart, "MinMax published")
        assert list(line.y) == pytest.approx([21.25, 15.0])
        assert list(line.x) == [0.25, 0.25]  # every success has this L2 and this SSIM
        half = student.ppf(0.975, 2) * np.std([10, 15, 20], ddof=1) / math.sqrt(3)
        assert line.y_ends[1][1] - 15 == pytest.approx(half)
        assert len(rings(chart)) == 1
    assert {trace.xaxis for trace in on_screen(grid).data} == {"x", "x2"}
    (legend,) = figure(charts.distances(points())).legends
    assert [text.get_text() for text in legend.get_texts()] == ["MinMax published", "PGD margin"]


def test_only_the_chosen_point_is_ringed() -> None:
    chart = charts.plane(points(), chosen="minmax-eps0.3")
    (ring,), line = rings(chart), named(chart, "MinMax published")
    assert (ring.x[0], ring.y[0]) == (line.x[1], line.y[1])
    assert not rings(charts.plane(points(), chosen="gone"))


def test_the_histogram_holds_every_success_and_no_failure() -> None:
    chart = charts.histogram(points(), MI)
    outlines = [e for e in chart.elements if isinstance(e, Outline)]
    assert [round(float(e.heights.sum()), 6) for e in outlines] == [100, 100, 0, 100]
    assert max(float(e.edges[-1]) for e in outlines) == pytest.approx(2.25)  # a failed image has 9
    means = [float(e.x[0]) for e in chart.elements if isinstance(e, Points)]
    assert means == pytest.approx([1.5, 2.125, 0.875])


@pytest.mark.parametrize("mi", [[], [1.0], [1.0, 1.0, 1.0]])
def test_a_histogram_of_nothing_or_of_one_value_can_be_drawn(mi: list[float]) -> None:
    cell = [point("pgd", 0.1, mi, failed=1)]
    assert sum(sweep.shares(cell[0], MI, sweep.bins(cell, MI))) == pytest.approx(100 if mi else 0)
    assert on_screen(charts.histogram(cell)).data


def test_nine_methods_differ_in_ink_dash_and_mark_and_known_ones_keep_theirs() -> None:
    looks = sweep.styles(["mine", "pgd", "other", "minmax", *"abcde"])
    for what in ("ink", "dash", "mark"):
        assert len({getattr(style, what) for style in looks.values()}) == 9, what
    assert looks["pgd"] == sweep.styles(["pgd"])["pgd"]
    assert len(sweep.styles(f"m{i}" for i in range(12))) == 12


def test_the_legend_names_every_method_once_and_escapes_it() -> None:
    cells = [point("minmax", 0.1, [1.0]), point("minmax", 0.2, [1.0]), point("a<b", 0.1, [1.0])]
    text = legend.html([charts.plane(cells), charts.asr(cells)])
    assert text.count("<img") == 2
    assert "MinMax published" in text
    assert "a&lt;b" in text
    assert legend.html([]) == ""
    every = [point(method, 0.1, [1.0]) for method in variants()]
    assert legend.html([charts.plane(every)]).count("<img") == len(variants())


@pytest.mark.parametrize("name", list(charts.CHARTS))
def test_figures_of_nothing_can_be_drawn(name: str) -> None:
    empty = charts.CHARTS[name]([], MI, "")
    assert save(empty, "png").startswith(b"\x89PNG")
    assert not on_screen(empty).data


def test_a_printed_line_has_the_same_numbers_as_on_the_screen() -> None:
    (axis,) = figure(charts.plane(points())).axes
    drawn, (shown, _) = axis.lines[0], on_screen(charts.plane(points())).data
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
    shipped = [info for info in runs() if info.shipped and info.kind == "talk"]
    made = figure(charts.plane(sweep_cells.points(load(shipped[0].folder))))
    (axis,) = made.axes
    made.draw_without_rendering()
    said = [text for text in axis.texts if text.get_text()]
    assert len(said) >= 8
    boxes = [Text.get_window_extent(text) for text in said]  # an annotation's own also holds its point
    assert not any(a.overlaps(b) for at, a in enumerate(boxes) for b in boxes[:at])
    for box in boxes:
        assert axis.bbox.contains(box.x0, box.y0)
        assert axis.bbox.contains(box.x1, box.y1)
