"""Figures are pure functions of results: what they hold is what was computed."""

from __future__ import annotations

import base64
import csv
import io
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from advmi_core.attacks.core.records import AttackResult, Step
from advmi_core.figures.attack import charts, export, pictures, stage, trajectory
from advmi_core.figures.attack import text as words
from advmi_core.figures.encode import data_url, default_gain, pixels, png
from advmi_core.figures.matplotlib_renderer import figure as printed
from advmi_core.figures.plotly_renderer import figure as on_screen
from advmi_core.figures.tabular import json_bytes
from advmi_core.figures.text import number, percent

STEPS, ROWS = 6, 2
SHAPE = (1, 4, 5)
CLEAN = np.zeros(2, np.float32)


def step(number: int, rows: tuple[int, ...] = (0, 1), total: int = STEPS) -> Step:
    n = len(rows)
    value = torch.full((n,), float(number))
    image = torch.full((n, *SHAPE), number / 10)
    output = torch.stack([3 - value, value], dim=1)
    return Step(
        number, total, torch.tensor(rows), image, output, 3 - value, 20 - value, 1 - value / 20, value,
        value / 2, 1 / value, value > 2, value > 2, "mine-conv",
    )  # fmt: skip


def result(**changes: Any) -> AttackResult:
    history = {
        name: np.arange(1, STEPS * ROWS + 1, dtype=np.float32).reshape(STEPS, ROWS)
        for name in ("criterion", "mi", "c", "gap")
    }
    history["kept"] = 1 - history["mi"] / 20
    history["information"] = 20 * history["kept"]
    values: dict[str, Any] = {
        "x": torch.zeros(ROWS, *SHAPE),
        "x_adv": torch.full((ROWS, *SHAPE), 0.25),
        "success": torch.tensor([True, False]),
        "criterion": torch.tensor([-1.0, 2.0]),
        "mi": torch.tensor([1.5, float("nan")]),
        "information": torch.tensor([16.0, 19.5]),
        "kept": torch.tensor([0.82, 0.9996]),
        "mi_loop": torch.tensor([2.5, 3.0]),
        "loop_term": "mine-conv",
        "linf": torch.tensor([0.25, 0.25]),
        "l2": torch.tensor([1.1, 1.1]),
        "queries": torch.tensor([7, 7]),
        "best_step": torch.tensor([4, 0]),
        "correct": torch.tensor([True, True]),
        "output": torch.tensor([[2.0, 1.0], [2.0, 1.0]]),
        "output_adv": torch.tensor([[1.0, 2.0], [2.0, 1.0]]),
        "history": history,
        "spec": {"attack": "minmax", "eps": 0.3},
    }
    return AttackResult(**(values | changes))


def test_a_trail_follows_one_row() -> None:
    records = [step(i) for i in range(1, 5)]
    way = trajectory.follow(records, np.zeros(SHAPE, np.float32), 1, STEPS, CLEAN, every_frame=True)
    assert way.steps.tolist() == [1, 2, 3, 4]
    assert way.curves["criterion"].tolist() == [2, 1, 0, -1]
    assert way.curves["kept"].tolist() == pytest.approx([95, 90, 85, 80])
    assert way.curves["information"].tolist() == [19, 18, 17, 16]
    assert way.curves["loop"].tolist() == [1, 2, 3, 4]
    assert way.frames[:, 0, 0, 0].tolist() == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert way.outputs.tolist() == [[2, 1], [1, 2], [0, 3], [-1, 4]]


def test_a_split_batch_counts_each_rows_own_iterations() -> None:
    records = [step(i, (0,), 2 * STEPS) for i in range(1, 7)] + [
        step(i, (1,), 2 * STEPS) for i in range(7, 13)
    ]
    way = trajectory.follow(records, np.zeros(SHAPE, np.float32), 1, STEPS, CLEAN, every_frame=True)
    assert way.curve_steps.tolist() == [1, 2, 3, 4, 5, 6]


def test_the_kept_iterate_is_among_the_frames_even_if_its_record_was_thinned_away() -> None:
    way = trajectory.complete([step(i) for i in (1, 3, 5)], result(), 0, STEPS)
    assert (way.best, way.steps.tolist()) == (4, [1, 3, 4, 5])
    assert way.frames[2].max() == pytest.approx(0.25)
    assert way.outputs.tolist() == [[2, 1], [0, 3], [1, 2], [-2, 5]]
    assert way.output.tolist() == [2, 1]
    assert way.curve_steps.tolist() == [1, 2, 3, 4, 5, 6]


def test_the_axis_of_an_image_that_was_done_early_ends_with_it() -> None:
    history = result().history
    for values in history.values():
        values[2:] = np.nan
    way = trajectory.complete([step(i) for i in (1, 2)], result(history=history), 1, STEPS)
    assert (way.total, way.curve_steps.tolist()) == (2, [1, 2])


def test_many_frames_are_thinned_but_first_last_and_kept_stay() -> None:
    records = [step(i, total=999) for i in range(1, 1000)]
    kept = result(best_step=torch.tensor([498, 0]))
    way = trajectory.complete(records, kept, 0, 999)
    assert len(way.steps) <= trajectory.MAX_FRAMES + 1
    assert {1, 498, 999} <= set(way.steps.tolist())


def test_the_stage_gets_back_the_pixels_it_was_given() -> None:
    rng = np.random.default_rng(0)
    x, adversarial = rng.random((2, 3, 4, 5), dtype=np.float32)
    way = replace(trajectory.start(x, 1, x), frames=adversarial[None])
    rebuilt = stage.Rebuilt(x, adversarial[None])
    sent = json.loads(json.dumps(stage.payload(way, rebuilt, key="k")))
    delta = np.frombuffer(base64.b64decode(sent["delta"]), np.int8).reshape(4, 5, 3) / 127 * sent["scale"]
    original = np.frombuffer(base64.b64decode(sent["x"]), np.uint8).reshape(4, 5, 3) / 255
    np.testing.assert_allclose(np.moveaxis(original + delta, -1, 0), adversarial, atol=0.007)
    assert sent["losses"][0] == pytest.approx(float(np.square(x - adversarial).sum()), rel=1e-4)


@pytest.mark.parametrize(("change", "gain"), [(0.0, 20), (0.05, 20), (0.1, 10), (0.3, 2), (1.0, 1), (3.0, 1)])
def test_the_default_gain_never_saturates(change: float, gain: int) -> None:
    assert default_gain(change) == gain


def test_pictures_survive_png() -> None:
    image = np.linspace(0, 1, 20, dtype=np.float32).reshape(SHAPE)
    read = np.asarray(Image.open(io.BytesIO(png(image))))
    assert (read == pixels(image)[..., 0]).all()
    assert data_url(image).startswith("data:image/png;base64,")


def test_verdicts_say_what_happened() -> None:
    classes = ("Shirt", "Coat")
    good = words.classification(result(), 0, classes, 0, target=None, known=True)
    bad = words.classification(result(), 1, classes, 0, target=1, known=True)
    wrong = result(correct=torch.tensor([False, True]))
    void = words.classification(wrong, 0, classes, 1, target=None, known=True)
    assert (good.tone, good.badge, good.title) == ("good", "", "Success: Shirt → Coat")
    assert (bad.tone, bad.badge) == ("bad", "failed")
    assert "smallest criterion" in bad.text
    assert (void.tone, void.badge) == ("note", "not counted")
    rebuilt = result(output=torch.zeros(ROWS, *SHAPE))
    assert words.reconstruction(rebuilt, 0).tone == "good"
    assert words.reconstruction(rebuilt, 1).badge == "failed"


def test_an_unsupervised_success_says_what_the_autoencoder_does_not_look_at() -> None:
    text = words.reconstruction(result(output=torch.zeros(ROWS, *SHAPE)), 0).text
    assert "x̃ keeps 82 % of the information in x" in text
    assert "At the other 18 % Φ does not look" in text


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0312, "3.12 %"), (0.98765, "98.8 %"), (0.99961, "99.96 %"), (1.0, "100 %"), (-0.01, "≤ 0 %")],
)
def test_shares_near_all_keep_a_digit_more(share: float, text: str) -> None:
    assert percent(share) == text


@pytest.mark.parametrize(
    ("attack", "mi", "told"),
    [
        ("minmax", "mine-conv", True),
        ("penalty", "information", True),
        ("minmax", "l2", False),
        ("minmax-solver", "mine-conv", False),
        ("pgd", "mine-conv", False),
        ("minmax-solver", None, False),
    ],
)
def test_mutual_information_is_wanted_only_where_the_rule_says_so(
    attack: str, mi: str | None, told: bool
) -> None:
    spec = {"attack": attack} | ({} if mi is None else {"mi": mi})
    unknown = torch.full((ROWS,), float("nan"))
    good, bad = (
        words.reconstruction(result(spec=spec, output=torch.zeros(ROWS, *SHAPE), kept=unknown), row)
        for row in (0, 1)
    )
    assert ("I > 0" in good.text) is told
    assert ("I > 0" in bad.title) is told


def test_readouts_carry_units_and_admit_what_is_unknown() -> None:
    shown = {item.label: item.value for item in words.readouts(result(), 1)}
    assert shown["Information kept"] == "99.96 % · 19.5 nats"
    assert shown["MI by InfoNCE"] == "– nats"
    assert shown["Critic in the loop"] == "3 nats"
    assert shown["Kept iteration"] == "–"
    assert shown["Criterion f"] == "2"


@pytest.mark.parametrize(
    ("value", "text"),
    [(-0.1234, "−0.123"), (0.0, "0"), (1234.5, "1234"), (1e-5, "1.0e−05"), (float("nan"), "–")],
)
def test_numbers_as_people_read_them(value: float, text: str) -> None:
    assert number(value) == text


def test_the_csv_holds_every_iteration_of_every_image() -> None:
    cut = result()
    cut.history["criterion"][4:, 1] = np.nan
    rows = list(csv.DictReader(io.StringIO(export.curves_csv(cut).decode())))
    assert len(rows) == 6 + 4
    assert rows[0] == {
        "image": "0", "iteration": "1", "criterion": "1", "c": "1", "information_nats": "19",
        "kept_percent": "95", "loop_nats": "1", "gap": "1",
    }  # fmt: skip


def test_the_npz_opens_without_unpickling() -> None:
    with np.load(io.BytesIO(export.arrays_npz(result())), allow_pickle=False) as arrays:
        assert str(arrays["loop_term"]) == "mine-conv"
        assert arrays["x_adv"].shape == (ROWS, *SHAPE)
        assert arrays["kept"].shape == arrays["information"].shape == (ROWS,)
        for name in ("history_kept", "history_information", "history_mi_loop"):
            assert arrays[name].shape == (STEPS, ROWS)
        assert "history_mi" not in arrays


def test_the_spec_is_json() -> None:
    assert json.loads(json_bytes(result().spec)) == {"attack": "minmax", "eps": 0.3}


def test_the_screen_figure_says_which_curves_an_attack_does_not_use() -> None:
    way = trajectory.complete([step(i) for i in range(1, 7)], result(), 0, STEPS)
    way.curves["c"][:] = np.nan
    figure = on_screen(charts.curves(way))
    assert len(figure.data) == 5  # with the critic in the loop
    (note,) = [note for note in figure.layout.annotations if "not used" in note.text]
    assert note.xref == "x2 domain"  # in the chart of c
    assert figure.layout.xaxis3.matches == "x"


def test_the_critic_in_the_loop_is_a_second_thin_line_named_so() -> None:
    way = trajectory.complete([step(i) for i in range(1, 7)], result(), 0, STEPS)
    kept, critic = (
        next(line for line in on_screen(charts.curves(way)).data if line.name == name)
        for name in ("Information kept", "critic in the loop, nats")
    )
    assert list(kept.y) == pytest.approx((100 * result().history["kept"][:, 0]).tolist())
    assert kept.hovertext[0] == f"95 %, {result().history['information'][0, 0]:g} nats (iteration 1)"
    assert list(critic.y) == result().history["mi"][:, 0].tolist()
    assert critic.line.width < kept.line.width
    assert critic.yaxis != kept.yaxis
    (legend,) = printed(charts.curves(way)).legends
    assert [text.get_text() for text in legend.get_texts()] == ["critic in the loop, nats"]


def test_a_loop_that_has_the_measure_itself_has_no_critic() -> None:
    same = result(loop_term="information")
    way = trajectory.complete([], same, 0, STEPS)
    assert np.isnan(way.curves["loop"]).all()
    assert len(on_screen(charts.curves(way)).data) == len(charts.SERIES)
    assert not printed(charts.curves(way)).legends
    assert not [item for item in words.readouts(same, 0) if "ritic" in item.label]
    assert {row["loop_nats"] for row in csv.DictReader(io.StringIO(export.curves_csv(same).decode()))} == {""}


def test_a_closed_form_in_the_loop_is_not_called_a_critic_even_where_it_has_the_measures_values() -> None:
    history = result().history
    history["mi"] = history["information"]
    closed = result(history=history, mi_loop=result().information, loop_term="gaussian-patches")
    way = trajectory.complete([], closed, 0, STEPS)
    assert way.curves["loop"].tolist() == history["mi"][:, 0].tolist()
    assert "closed form in the loop, nats" in {line.name for line in on_screen(charts.curves(way)).data}
    (legend,) = printed(charts.curves(way)).legends
    assert [text.get_text() for text in legend.get_texts()] == ["closed form in the loop, nats"]
    labels = {item.label: item.value for item in words.readouts(closed, 0)}
    assert labels["Closed form in the loop"] == "16 nats"
    live = trajectory.follow([step(1)], np.zeros(SHAPE, np.float32), 0, STEPS, CLEAN)
    assert trajectory.loop_title(live.loop_term) == "critic in the loop"


def test_the_printed_curves_say_which_an_attack_does_not_use_and_no_others() -> None:
    way = trajectory.complete([step(i) for i in range(1, 7)], result(), 0, STEPS)
    way.curves["c"][:] = np.nan
    said = [[text.get_text() for text in axis.texts] for axis in printed(charts.curves(way)).axes[:4]]
    assert ["not used by this attack" in words for words in said] == [False, True, False, False]


def test_every_picture_on_the_stage_has_its_point_on_the_curves() -> None:
    history = {name: np.ones((999, ROWS), np.float32) for name in result().history}
    records = [step(i, total=999) for i in range(1, 1000, 7)]
    way = trajectory.complete(records, result(history=history, best_step=torch.tensor([500, 0])), 0, 999)
    assert set(way.steps.tolist()) <= set(way.curve_steps.tolist())


@pytest.mark.fault("P12")
def test_titles_of_the_zoomed_curves_fit_beside_one_another() -> None:
    """A name beside its axis must not be longer than the axis; above it, it has the panel's width."""
    way = trajectory.complete([step(i) for i in range(1, 7)], result(), 0, STEPS)
    figure = on_screen(charts.curves(way))
    inside = figure.layout.height - figure.layout.margin.t - figure.layout.margin.b
    for at in ("", "2", "3", "4"):
        axis = figure.layout[f"yaxis{at}"]
        low, high = axis.domain
        assert 8 * len(axis.title.text) < (high - low) * inside  # 14 pixels high, about 8 wide
        assert "<br>" not in axis.title.text
    assert {f"<b>{style.title}</b>" for style, _ in charts.SERIES.values()} <= {
        note.text for note in figure.layout.annotations
    }


@pytest.mark.fault("P12")
@pytest.mark.parametrize("caption", ["x", "x̃: a class with a long name, after two hundred iterations"])
def test_pictures_stand_in_line_below_captions_that_fit(caption: str) -> None:
    shown = [("x: Ankle boot", np.zeros(SHAPE, np.float32)), (caption, np.ones(SHAPE, np.float32))]
    strip = pictures.strip(shown, np.full(SHAPE, 0.1, np.float32), 10)
    many = pictures.gallery(np.zeros((9, *SHAPE), np.float32), [caption] * 9)
    for figure, panels in ((strip, strip.axes[:3]), (many, many.axes)):
        figure.draw_without_rendering()
        boxes = [panel.get_window_extent() for panel in panels]
        assert len({(round(box.width, 3), round(box.height, 3)) for box in boxes}) == 1
        paper, titles = figure.bbox, [panel.title.get_window_extent() for panel in panels]
        for title in titles:
            assert paper.x0 <= title.x0
            assert title.x1 <= paper.x1
            assert title.y1 <= paper.y1
        assert not any(a.overlaps(b) for at, a in enumerate(titles) for b in [*titles[:at], *boxes])
    assert len({round(box.get_window_extent().y0, 3) for box in strip.axes[:3]}) == 1
