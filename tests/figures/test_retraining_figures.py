"""Figures, table and words of a retraining study: they hold what was measured and claim no more."""

from __future__ import annotations

import csv
import io
import itertools
import math
import re
from typing import Any

import numpy as np
import pytest
from scipy.stats import t as student

from advmi_core.figures.autoencoders import charts
from advmi_core.figures.autoencoders import latent as retraining_latent
from advmi_core.figures.autoencoders import series as retraining
from advmi_core.figures.autoencoders import table as retraining_table
from advmi_core.figures.autoencoders import text as retraining_words
from advmi_core.figures.autoencoders.latent import Cloud, Codes
from advmi_core.figures.chart import Bars, Chart, Grid, Points, Rule
from advmi_core.figures.matplotlib_renderer import figure as printed
from advmi_core.figures.plotly_renderer import figure as on_screen
from advmi_core.studies.autoencoders import (
    PROTOCOLS,
    ROWS,
    Retrained,
    RetrainingResult,
    RowSummary,
)

NAN = math.nan
# Mean losses by seed, per pixel; equal-steps' original is better than equal-epochs'.
LOSSES = {
    "original": {"equal-epochs": (0.0100, 0.0102, 0.0098), "equal-steps": (0.0080, 0.0082, 0.0078)},
    "mine-uae-conv": (0.0079, 0.0082, 0.00775),
    "mine-uae-patches": (0.0070, 0.0072, 0.0068),
    "l2-uae": (0.0090, 0.0092, 0.0088),
    "gaussian": (0.00785, 0.0081, 0.0078),
}  # fmt: skip
# What a new UAE keeps after the retraining, by seed.
KEPT = {
    "original": (0.20, 0.21, 0.22),
    "mine-uae-conv": (0.20, 0.22, 0.21),
    "mine-uae-patches": (0.30, 0.31, 0.32),
    "l2-uae": (0.15, 0.16, 0.17),
    "gaussian": (0.19, 0.22, 0.21),
}


def trained(losses: tuple[float, ...], row: str) -> Retrained:
    """Two images whose mean is the loss; a validation curve falling to it; UAEs of length 1, 0.75, 0.5."""
    values = np.array(losses, np.float32)
    curves = values[:, None] * np.array([4, 2, 1], np.float32)
    lengths = {} if row == "original" else {"l2": 1.0, "start_l2": 0.75, "moved_l2": 0.5, "asr_train": 0.9}
    used = 0 if row == "original" else 90
    kept = np.array(KEPT[row][: len(losses)])
    return Retrained(
        kept=kept,
        losses=values[:, None] * np.array([0.5, 1.5], np.float32),
        curves=curves,
        used=used,
        **lengths,
    )  # type: ignore[arg-type]


def result(models: tuple[str, ...] = ("ae-conv",), seeds: int = 3) -> RetrainingResult:
    cells = {}
    for model in models:
        for row in LOSSES:
            for protocol in PROTOCOLS:
                found = LOSSES[row]
                losses = found[protocol] if isinstance(found, dict) else found
                cells[model, row, protocol] = trained(losses[:seeds], row)
    return RetrainingResult({"measured": "test"}, cells, True)


def line(row: str, protocol: str = "equal-steps", seeds: int = 3) -> RowSummary:
    return next(s for s in result(seeds=seeds).table() if (s.row, s.protocol) == (row, protocol))


def named(chart: Chart, name: str) -> Any:
    return next(e for e in chart.elements if e.style.title == name)  # type: ignore[union-attr]


def half(differences: np.ndarray) -> float:
    return float(
        student.ppf(0.975, len(differences) - 1) * differences.std(ddof=1) / math.sqrt(len(differences))
    )


def test_curves_are_means_over_the_seeds_that_came_so_far() -> None:
    cells = result().cells
    part = cells["ae-conv", "l2-uae", "equal-steps"].curves
    part[1, 1:] = NAN
    part[2] = NAN
    found = {curve.row: curve for curve in retraining.curves(cells, "ae-conv", "equal-steps")}
    assert list(found) == list(LOSSES)
    assert found["original"].epoch.tolist() == [1, 2, 3]
    assert found["original"].mean == pytest.approx([32, 16, 8])
    assert found["original"].high == pytest.approx([32.8, 16.4, 8.2])
    assert found["l2-uae"].mean == pytest.approx([36.4, 18, 9])
    assert found["l2-uae"].low == pytest.approx([36, 18, 9])


def test_what_was_not_trained_has_no_curve() -> None:
    cells = {("ae-conv", "original", "equal-steps"): trained((NAN, NAN), "original")}
    assert retraining.curves(cells, "ae-conv", "equal-steps") == []
    assert on_screen(charts.curves([], "epoch")).data == ()


def test_a_band_reaches_from_the_lowest_to_the_highest_seed() -> None:
    drawn = retraining.curves(result().cells, "ae-conv", "equal-epochs")
    chart = charts.curves(drawn, "epoch")
    band = next(trace for trace in on_screen(chart).data if trace.name == "Original: band")
    assert list(band.y) == pytest.approx([40.8, 20.4, 10.2, 9.8, 19.6, 39.2])
    assert list(named(chart, "Original").y) == pytest.approx([40, 20, 10])
    alone = retraining.curves(result(seeds=1).cells, "ae-conv", "equal-epochs")
    assert len(on_screen(charts.curves(alone, "epoch")).data) == len(LOSSES)  # no bands


def reach(bar: Bars) -> float:
    """From the top of a bar to the upper end of its whisker."""
    assert bar.y_ends is not None
    return float(bar.y_ends[1][0] - bar.y[0])


def test_bars_are_losses_and_their_whiskers_the_paired_interval() -> None:
    chart = charts.bars(result().table(), "equal-steps")
    bar = named(chart, "MINE-UAE (patches)")
    assert list(bar.y) == pytest.approx([7.0], rel=1e-5)
    mine, base = LOSSES["mine-uae-patches"], LOSSES["original"]["equal-steps"]  # type: ignore[index]
    assert reach(bar) == pytest.approx(1000 * half(np.array(mine) - np.array(base)), abs=1e-3)
    uneven = 1000 * half(np.array(LOSSES["mine-uae-conv"]) - np.array(base))
    assert reach(named(chart, "MINE-UAE (paper)")) == pytest.approx(uneven, rel=1e-3)
    assert named(chart, "Original").y_ends is None
    (dashed,) = (e for e in chart.elements if isinstance(e, Rule))
    assert dashed.y == pytest.approx(8.0, rel=1e-5)
    assert bar.labels == ["−12.5 %"]
    assert chart.up.range[0] == 0  # type: ignore[index]
    assert charts.bars(result().table(), "equal-epochs").up == chart.up


def test_bars_of_one_autoencoder_do_not_overlap_and_models_stay_apart() -> None:
    chart = charts.bars(result(("ae-dense", "ae-conv")).table(), "equal-epochs")
    bars = [e for e in chart.elements if isinstance(e, Bars)]
    places = sorted((x, bar.width) for bar in bars for x in bar.x)
    assert len(places) == 10
    assert all(b - a >= width for (a, width), (b, _) in itertools.pairwise(places))
    assert [text for _, text in chart.across.ticks] == ["dense", "convolutional"]
    assert len({bar.style.hatch for bar in bars}) == 5


def test_unfinished_rows_have_no_bar() -> None:
    lines = [s for s in result().table() if s.row in ("original", "gaussian")]
    shown = charts.bars(lines, "equal-steps").elements
    assert [e.style.title for e in shown if isinstance(e, Bars)] == ["Original", "Gaussian noise"]
    assert on_screen(charts.bars([], "equal-steps")).data == ()


def test_what_a_row_costs_and_buys_is_one_point_and_only_clear_shares_are_said() -> None:
    point = named(charts.bought(result().table(), "equal-steps"), "MINE-UAE (patches)")
    assert (list(point.x), list(point.y)) == (pytest.approx([7.0]), pytest.approx([31.0]))
    assert point.x_ends[1][0] - point.x[0] == pytest.approx(0.2, rel=1e-4)
    assert point.y_ends[1][0] - point.y[0] == pytest.approx(1.0)
    said = retraining_words.bought(result().table(), "ae-conv", "equal-steps")
    assert said == (
        "A new UAE of the original autoencoder keeps 21.0 % of the information in x. Clearly different after "
        "retraining on: MINE-UAE (patches) 31.0 % (harder to fool); L2-UAE 16.0 % (easier to fool)."
    )
    row = next(r for r in retraining_table.rows(result().table()) if r["training set"] == "L2-UAE")
    assert row["a new UAE keeps, %"] == "16.0 ± 1.0"
    assert row["− original, % points [95 %]"] == "−5.0 [−5.0, −5.0] ●"
    unclear = retraining_words.bought(without("mine-uae-patches", "l2-uae"), "ae-conv", "equal-steps")
    assert unclear.endswith("of the others no clearly different share.")
    assert retraining_words.bought([], "ae-conv", "equal-steps") == ""


def test_start_and_optimisation_stand_beside_the_whole() -> None:
    chart = charts.moved(result().table(), "ae-conv")
    assert [list(bars.y) for bars in chart.elements] == [[1.0] * 4, [0.75] * 4, [0.5] * 4]
    assert "Original" not in {text for _, text in chart.across.ticks}
    said = retraining_words.start_or_optimisation(result().table(), "ae-conv")
    assert (
        "MINE-UAE (paper): L2 1.00, of which the start alone has 0.75 and the optimisation moved 0.50" in said
    )
    assert "Gaussian" not in said
    assert retraining_words.start_or_optimisation([], "ae-conv") == ""


def test_a_claim_is_made_only_where_its_interval_excludes_zero() -> None:
    heading, detail = retraining_words.verdict(result().table(), "ae-conv", "equal-steps")
    assert heading == "Equal gradient steps, convolutional"
    assert detail.startswith("MINE-UAE (patches) beats Gaussian noise. Loss minus")
    conv = np.array(LOSSES["mine-uae-conv"]) - np.array(LOSSES["gaussian"])
    low, high = (1000 * (conv.mean() + sign * half(conv)) for sign in (-1, 1))
    assert low < 0 < high
    assert f"MINE-UAE (paper) {1000 * conv.mean():+.3f} [{low:+.3f}, {high:+.3f}]".replace("-", "−").replace(
        "MINE−UAE", "MINE-UAE"
    ) in detail  # fmt: skip
    assert "Clearly different from the original: MINE-UAE (patches) −12.5 %; L2-UAE +12.5 %." in detail


def without(*rows: str) -> list[RowSummary]:
    return [s for s in result().table() if s.row not in rows]


def test_the_page_says_so_where_uaes_do_not_beat_noise() -> None:
    _, detail = retraining_words.verdict(without("mine-uae-patches"), "ae-conv", "equal-steps")
    assert detail.startswith("UAEs do not beat Gaussian noise here; L2-UAE is worse. ")
    _, detail = retraining_words.verdict(without("mine-uae-patches", "l2-uae"), "ae-conv", "equal-steps")
    assert detail.startswith("UAEs do not beat Gaussian noise here. ")
    assert "no difference that the interval can tell" in detail


def test_one_seed_makes_no_claim() -> None:
    _, detail = retraining_words.verdict(result(seeds=1).table(), "ae-conv", "equal-epochs")
    assert detail.startswith("One seed, so no interval and no claim")
    assert "[" not in detail.split("seeds]")[1]
    assert "no difference" in detail


def test_nothing_measured_is_said() -> None:
    assert "Not measured yet" in retraining_words.verdict([], "ae-conv", "equal-epochs")[1]


def test_the_table_marks_intervals_without_zero() -> None:
    rows = {(r["training set"], r["protocol"]): r for r in retraining_table.rows(result().table())}
    row = rows["MINE-UAE (patches)", "equal gradient steps"]
    assert row["loss, 10⁻³"] == "7.000 ± 0.200"
    assert row["change, %"] == "−12.5"
    assert row["− original, 10⁻³ [95 %]"].endswith("●")
    assert row["mixed in"] == "90"
    assert row["ASR train, %"] == "90.0"
    assert row["ASR test, %"] == "–"
    assert not rows["MINE-UAE (paper)", "equal gradient steps"]["− Gaussian, 10⁻³ [95 %]"].endswith("●")
    assert rows["Original", "equal epochs"]["− original, 10⁻³ [95 %]"] == "–"


def test_csv_has_the_numbers_and_empty_fields_for_nothing() -> None:
    text = retraining_table.as_csv(result().table()).decode()
    lines = list(csv.DictReader(io.StringIO(text)))
    assert len(lines) == 10
    chosen = next(x for x in lines if (x["row"], x["protocol"]) == ("l2-uae", "equal-steps"))
    assert float(chosen["loss_mean"]) == pytest.approx(0.009)
    wanted = line("l2-uae").against_gaussian
    assert wanted is not None
    assert float(chosen["minus_gaussian_low"]) == pytest.approx(wanted.low, rel=1e-5)
    assert lines[0]["minus_original"] == lines[0]["asr_train"] == ""
    assert retraining_table.as_csv([]) == b""


def test_latex_is_balanced_and_escaped() -> None:
    text = retraining_table.as_latex(result(("ae-dense", "ae-conv")).table()).decode()
    body = [row for row in text.splitlines() if row.endswith(r"\\")]
    assert len(body) == 1 + 20
    columns = re.search(r"\\begin\{tabular\}\{(\w+)\}", text)
    assert columns is not None
    for row in body:
        bare = re.sub(r"\\[a-z]+\{\}|\\[&%$#_{}]", "", row)
        assert bare.count("&") == len(columns[1]) - 1
        assert bare.count("$") % 2 == 0
        assert bare.count("{") == bare.count("}")
    assert text.isascii()


def test_rows_differ_in_ink_dash_mark_and_hatch() -> None:
    assert list(retraining.LOOKS) == list(ROWS)
    for what in ("ink", "dash", "mark", "hatch"):
        assert len({getattr(style, what) for style in retraining.LOOKS.values()}) == len(ROWS), what
    assert set(retraining.PROTOCOL_TITLES) == set(PROTOCOLS)


def some_codes() -> Codes:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(6, 2))
    return Codes(x, x + 1, np.array([0, 1, 2, 0, 1, 2]), ("a", "b", "c", "d"), np.array([0.5, 0.25]))


def test_codes_are_joined_to_their_own_uae() -> None:
    drawn = some_codes()
    chart = retraining_latent.codes(drawn, "l2-uae")
    lines = named(chart, "b")
    assert [list(lines.x[at : at + 2]) for at in (0, 3)] == [[x, x + 1] for x in drawn.x[[1, 4], 0]]
    assert math.isnan(lines.x[2])
    marks = {e.style.mark for e in chart.elements if type(e) is Points}
    assert len(marks) == 6
    assert "50 % of the variance" in chart.across.title
    shown = on_screen(chart)
    assert [trace.name for trace in shown.data if trace.showlegend] == ["a", "b", "c"]
    assert {trace.legendgroup for trace in shown.data} == {"a", "b", "c"}  # a click hides all of a class


def some_clouds() -> list[Cloud]:
    index = np.arange(4)
    return [Cloud(row, index, index + 1.0, index / 1000) for row in ("original", "gaussian")]


def test_a_point_of_the_manifold_view_names_its_image_and_the_chosen_one_is_ringed() -> None:
    chart = retraining_latent.manifold(some_clouds(), 2)
    points = chart.elements[1]
    assert isinstance(points, Points)
    assert list(points.ids) == [f"gaussian/{i}" for i in range(4)]
    assert list(points.y) == pytest.approx([0, 1, 2, 3])
    ring = named(chart, "chosen")
    assert (ring.x[0], ring.y[0]) == (3.0, 2.0)
    assert len(retraining_latent.manifold(some_clouds(), 9).elements) == 2


def test_a_printed_bar_has_the_same_height_and_whiskers_as_on_the_screen() -> None:
    both = [charts.bars(result().table(), name) for name in PROTOCOLS]
    axis = printed(Grid(charts=both, columns=2, share_up=True)).axes[1]
    heights = sorted(patch.get_height() for patch in axis.patches)  # type: ignore[attr-defined]
    bars = [trace for trace in on_screen(both[1]).data if trace.type == "bar"]
    assert heights == pytest.approx(sorted(bar.y[0] for bar in bars))
    tops = [bar.y[0] + bar.error_y.array[0] for bar in bars if bar.error_y.array is not None]
    drawn = [path.vertices[:, 1].max() for lines in axis.collections[:4] for path in lines.get_paths()]
    assert sorted(drawn) == pytest.approx(sorted(tops))


@pytest.mark.fault("P12")
@pytest.mark.parametrize("ends", [(11.0, 14.0), (3.001, 3.002), (0.5, 300.0), (7.0, 7.0), (1e-3, 2e-3)])
def test_an_axis_of_losses_has_ticks_whatever_its_ends_are(ends: tuple[float, float]) -> None:
    values = np.array(ends)
    curve = retraining.Curve("original", np.array([1.0, 2.0]), values, values, values)
    axis = on_screen(charts.curves([curve], "epoch")).layout.yaxis
    low, high = (10**end for end in axis.range)
    inside = [tick for tick in axis.tickvals if low <= tick <= high]
    assert 3 <= len(inside) <= 20
    assert low < ends[0] <= ends[1] < high
    assert len(set(axis.ticktext)) == len(axis.ticktext)
