"""The page Mutual information in every section and state, without a browser."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from links import written
from streamlit.testing.v1 import AppTest

from advmi_core.jobs import shared

APP = Path(__file__).resolve().parents[2] / "app.py"
PAGE = "mutual-information"
COMPUTED = ("bounds", "overshoot", "image")


class Tab:
    """One visitor of the page."""

    def __init__(self, query: dict[str, str]) -> None:
        self.app = AppTest.from_file(str(APP), default_timeout=60)
        self.app.query_params.update(query)
        self.app.switch_page("pages/measure/mutual_information.py")
        self.app.run()

    def press(self, label: str) -> None:
        next(button for button in self.app.button if button.label == label).click().run()

    def widget(self, kind: str, name: str) -> Any:
        return getattr(self.app, kind)(key=f"{PAGE}.{name}")

    def has_job(self, section: str) -> bool:
        return f"{PAGE}.{section}.job" in self.app.session_state

    def job(self, section: str) -> Any:
        name = self.app.session_state[f"{PAGE}.{section}.job"]
        shared().touch(name)
        return shared().get(name)

    def finish(self, section: str, seconds: float = 60) -> Any:
        """Wait for the section's job, as the polling fragment would, and draw its end."""
        deadline = time.monotonic() + seconds
        while self.job(section).active:
            assert time.monotonic() < deadline, f"still {self.job(section).state} after {seconds} s"
            time.sleep(0.05)
        self.app.run()
        return self.job(section)

    @property
    def said(self) -> str:
        app = self.app
        kinds = (app.title, app.markdown, app.caption, app.error, app.warning, app.info)
        words = [str(element.value) for kind in kinds for element in kind]
        return " ".join([*words, *(element.proto.body for element in app.get("html"))])

    @property
    def charts(self) -> list[Any]:
        """The plotly figures on the page, as they are sent."""
        return [json.loads(element.proto.spec) for element in self.app.get("plotly_chart")]

    @property
    def pictures(self) -> list[Any]:
        """What the drag-and-see part was sent."""
        protos = [element.proto for element in self.app.get("bidi_component")]
        return [proto for proto in protos if proto.component_name == "advmi_mi_picture"]


@pytest.fixture
def visit() -> Iterator[Callable[..., Tab]]:
    """Opens the page with the query parameters of a link; ends its jobs afterwards."""
    opened: list[Tab] = []

    def new(**query: str) -> Tab:
        opened.append(Tab({name.replace("_", "-"): value for name, value in query.items()}))
        return opened[-1]

    yield new
    for tab in opened:
        assert not tab.app.exception, tab.app.exception
        for section in filter(tab.has_job, COMPUTED):
            shared().discard(tab.app.session_state[f"{PAGE}.{section}.job"])


Visit = Callable[..., Tab]


def test_the_first_look_is_the_picture(visit: Visit) -> None:
    tab = visit()
    assert len(tab.pictures) == 1
    assert not tab.app.error
    assert not tab.app.warning
    assert "how much of X" in tab.said.replace("\n", " ")


def test_a_link_restores_what_was_dragged(visit: Visit) -> None:
    tab = visit(x_width="5.5", n_width="0")
    assert '"width": 5.5' in tab.pictures[0].json
    assert '"noise": 0.0' in tab.pictures[0].json
    assert written(tab.app)["x-width"] == "5.5"


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"section": "magic"}, "section"),
        ({"n_width": "-1"}, "n-width"),
        ({"section": "bounds", "race_task": "magic"}, "race-task"),
        ({"section": "bounds", "race_dv": "maybe"}, "race-dv"),
        ({"section": "overshoot", "sweep_k": "17"}, "sweep-k"),
        ({"section": "image", "twin_kind": "rot13"}, "twin-kind"),
        ({"section": "image", "twin_eps": "7"}, "twin-eps"),
    ],
)
def test_a_bad_link_is_named_and_the_default_used(visit: Visit, query: dict[str, str], named: str) -> None:
    tab = visit(**query)
    assert len(tab.app.warning) == 1
    assert named in tab.app.warning[0].value
    assert "default" in tab.app.warning[0].value


def test_only_the_chosen_section_is_drawn_and_the_choice_stays_in_the_link(visit: Visit) -> None:
    tab = visit()
    tab.widget("button_group", "section").set_value("image").run()
    assert tab.pictures == []
    assert written(tab.app)["section"] == "image"


def test_values_survive_a_visit_to_another_section(visit: Visit) -> None:
    tab = visit(section="image")
    tab.widget("slider", "twin-eps").set_value(0.4).run()
    tab.widget("button_group", "section").set_value("picture").run()
    assert "twin-eps" not in written(tab.app)
    tab.widget("button_group", "section").set_value("image").run()
    assert tab.widget("slider", "twin-eps").value == 0.4


@pytest.mark.parametrize("kind", ["gaussian", "pgd"])
def test_one_image_shows_all_maps_before_anything_is_trained(visit: Visit, kind: str) -> None:
    tab = visit(section="image", twin_kind=kind)
    assert not tab.has_job("image")
    assert tab.said.count('alt="map ') == 64
    assert "one range of grey for all 64 maps" in tab.said
    assert tab.charts == []


def test_training_the_critic_shows_scores_and_admits_optimism(visit: Visit) -> None:
    tab = visit(section="image", twin_steps="60")
    tab.press("Train the critic")
    job = tab.finish("image")
    assert job.state == "done"
    assert job.result.step == 60
    assert len(tab.charts) == 2
    assert "optimistic" in tab.said
    assert "From patches" in tab.said
    assert f"{math.log(32):.3g}" in tab.said


def test_walking_back_shows_an_earlier_value(visit: Visit) -> None:
    tab = visit(section="image", twin_steps="60")
    tab.press("Train the critic")
    tab.finish("image")
    last = tab.said
    next(iter(tab.app.select_slider)).set_value(0).run()
    assert tab.said != last


def test_after_the_first_training_a_change_trains_anew(visit: Visit) -> None:
    tab = visit(section="image", twin_steps="20")
    tab.widget("slider", "twin-eps").set_value(0.2).run()
    assert not tab.has_job("image")
    tab.press("Train the critic")
    first = tab.finish("image").id
    tab.widget("slider", "twin-eps").set_value(0.3).run()
    assert tab.finish("image").id != first
    second = tab.job("image").id
    tab.app.run()
    assert tab.job("image").id == second


def test_without_an_image_the_section_asks_for_one(visit: Visit) -> None:
    tab = visit(section="image", image_by="upload")
    assert [info.value for info in tab.app.info] == ["Choose an image first."]


SMALL_RACE = {"section": "bounds", "race_steps": "20", "race_samples": "164", "race_seeds": "2"}


def curves(chart: Any) -> list[str]:
    return [trace["name"] for trace in chart["data"] if trace["mode"] == "lines+markers"]


def test_a_race_starts_from_the_empty_picture_with_the_truth(visit: Visit) -> None:
    tab = visit(section="bounds", race_mi="2.5")
    (chart,) = tab.charts
    assert [(rule["y0"], rule["y1"]) for rule in chart["layout"]["shapes"]] == [(2.5, 2.5)]
    assert "not seen" in tab.said


def test_a_race_ends_with_a_table_and_words(visit: Visit) -> None:
    tab = visit(**SMALL_RACE, race_nwj="0")
    tab.press("Start")
    job = tab.finish("bounds")
    assert job.state == "done"
    assert job.about.bounds == ("dv", "infonce", "smile", "mine")
    assert job.result.values.shape == (4, 2)
    assert curves(tab.charts[0]) == ["DV", "InfoNCE", "SMILE", "MINE"]
    table = next(iter(tab.app.dataframe)).value
    assert table["Bound"].tolist() == ["DV", "InfoNCE", "SMILE", "MINE"]
    assert table["Error, nats"].tolist() == pytest.approx((job.result.mean - 1.0).tolist())
    assert "Closest to 1 nats" in tab.said


def test_the_warnings_of_a_race_are_shown_in_words(visit: Visit) -> None:
    tab = visit(section="bounds", race_steps="20", race_samples="64", race_seeds="1")
    tab.press("Start")
    warnings = tab.finish("bounds").result.warnings
    assert any(warnings)
    for texts in warnings:
        assert all(text in tab.said for text in texts)


def test_a_cancelled_race_keeps_its_curves(visit: Visit) -> None:
    tab = visit(section="bounds", race_steps="5000", race_samples="164")
    tab.press("Start")
    while len(tab.job("bounds").records) < 6:
        time.sleep(0.02)
    tab.app.run()
    assert len(tab.charts) == 1
    tab.press("Cancel")
    assert tab.finish("bounds").state == "cancelled"
    assert "Partial result: cancelled after" in tab.said
    assert len(tab.app.dataframe) == 1


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({f"race_{name}": "0" for name in ("dv", "infonce", "nwj", "smile", "mine")}, "at least one"),
        ({"race_task": "spiral"}, "dim"),
        ({"race_task": "noisy-channel", "race_mi": "5"}, "mi"),
    ],
)
def test_an_impossible_race_is_one_sentence(visit: Visit, query: dict[str, str], named: str) -> None:
    tab = visit(section="bounds", **query)
    tab.press("Start")
    assert len(tab.app.error) == 1
    assert named in tab.app.error[0].value
    assert not tab.has_job("bounds")


def test_presets_fill_the_form(visit: Visit) -> None:
    tab = visit(section="bounds")
    tab.widget("button_group", "preset").set_value("high").run()
    assert tab.widget("number_input", "race-dim").value == 20
    assert tab.widget("number_input", "race-samples").value == 10_000
    tab.widget("button_group", "section").set_value("overshoot").run()
    assert tab.app.session_state[f"{PAGE}.preset"] == "usual"
    tab.widget("button_group", "preset").set_value("independent").run()
    assert tab.widget("slider", "sweep-mi").value == 0


def test_the_overshoot_is_trained_and_the_slider_walks_through_it(visit: Visit) -> None:
    tab = visit(section="overshoot", sweep_steps="79", sweep_k="32")
    assert len(tab.charts) == 2
    tab.press("Start")
    job = tab.finish("overshoot")
    assert job.about.ks[0] == 32
    assert job.result.ks == (16, 32, 64, 128, 256, 512, 1024, 2048)
    inside = next(trace for trace in tab.charts[1]["data"] if trace["name"] == "in sample")
    assert inside["x"] == list(job.result.ks)
    assert "With 16 pairs" in tab.said
    for k in (32, 512):
        tab.widget("select_slider", "sweep-k").set_value(str(k)).run()
        course = tab.charts[0]
        last = [record for record in job.records if record.k == k][-1]
        drawn = next(trace for trace in course["data"] if trace.get("name") == "in sample")
        assert drawn["hovertext"][-1] == f"{float(last.train.mean()):.3g} nats"
    assert tab.job("overshoot").id == job.id


def test_a_cancelled_overshoot_keeps_the_k_that_are_done(visit: Visit) -> None:
    tab = visit(section="overshoot", sweep_steps="20")
    tab.press("Start")
    while not any(record.k == 16 for record in tab.job("overshoot").records):
        time.sleep(0.01)
    tab.app.run()
    if tab.job("overshoot").active:
        tab.press("Cancel")
    job = tab.finish("overshoot")
    assert 64 in job.result.ks
    assert ("Partial result" in tab.said) == (job.state == "cancelled")


def test_every_section_has_its_words_and_no_error(visit: Visit) -> None:
    tab = visit()
    for section in ("picture", "bounds", "overshoot", "image", "sampling"):
        tab.widget("button_group", "section").set_value(section).run()
        assert not tab.app.error
        assert not tab.app.exception
        assert len(tab.said) > 300
