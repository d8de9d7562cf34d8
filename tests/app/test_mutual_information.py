"""The page Mutual information in every section and state, without a browser."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
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
    def charts(self) -> int:
        return len(self.app.get("plotly_chart"))

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
    assert tab.app.query_params["x-width"] == "5.5"


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"section": "magic"}, "section"),
        ({"n_width": "-1"}, "n-width"),
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
    assert tab.app.query_params["section"] == "image"


def test_values_survive_a_visit_to_another_section(visit: Visit) -> None:
    tab = visit(section="image")
    tab.widget("slider", "twin-eps").set_value(0.4).run()
    tab.widget("button_group", "section").set_value("picture").run()
    assert "twin-eps" not in tab.app.query_params
    tab.widget("button_group", "section").set_value("image").run()
    assert tab.widget("slider", "twin-eps").value == 0.4


@pytest.mark.parametrize("kind", ["gaussian", "pgd"])
def test_one_image_shows_all_maps_before_anything_is_trained(visit: Visit, kind: str) -> None:
    tab = visit(section="image", twin_kind=kind)
    assert not tab.has_job("image")
    assert tab.said.count('alt="map ') == 64
    assert "one range of grey for all 64 maps" in tab.said
    assert tab.charts == 0


def test_training_the_critic_shows_scores_and_admits_optimism(visit: Visit) -> None:
    tab = visit(section="image", twin_steps="60")
    tab.press("Train the critic")
    job = tab.finish("image")
    assert job.state == "done"
    assert job.result.step == 60
    assert tab.charts == 2
    assert "optimistic" in tab.said
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
