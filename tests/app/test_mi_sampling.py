"""The section conv against random sampling, in every state, without a browser."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest
from sweep_pages import FIGURE

from advmi_core.jobs import shared
from advmi_core.studies.sampling.study import SamplingStudy
from advmi_core.ui.mutual_information import reliability as mi_reliability
from advmi_core.ui.mutual_information import sampling as mi_sampling
from advmi_core.ui.widgets import tables

PAGE = "mutual-information"
JOB = f"{PAGE}.sampling.job"
RELIABILITY = {
    "command": "python benchmarks/reliability.py --images 64",
    "images": 64,
    "default": "patches, random folds",
    "strengths": {"itself": 2.5, "pgd": {"0.1": 2.1, "0.4": 0.9}, "unrelated image": 0.1},
    "rows": [
        {"setting": "conv", "changed": "published", "mixed": 0.16, "eps_0.1": 0.2, "eps_0.3": None,
         "icc_mixed": 0.1, "ms": 30.0},
        {"setting": "patches, random folds", "changed": "samples", "mixed": 0.987, "eps_0.1": 0.99,
         "eps_0.3": 0.95, "icc_mixed": 0.99, "ms": 7.25},
    ],
}  # fmt: skip


def draw() -> None:
    """The section alone, as the page calls it."""
    from advmi_core.ui.mutual_information import sampling as mi_sampling
    from advmi_core.ui.widgets.state import PageState

    state = PageState("mutual-information")
    mi_sampling.section(state)
    state.remember()


class Tab:
    """One visitor."""

    def __init__(self, query: dict[str, str]) -> None:
        self.app = AppTest.from_function(draw, default_timeout=60)
        self.app.query_params.update(query)
        self.app.run()

    def press(self, label: str) -> None:
        next(button for button in self.app.button if button.label == label).click().run()

    @property
    def job(self) -> Any:
        name = self.app.session_state[JOB]
        shared().touch(name)
        return shared().get(name)

    def finish(self) -> Any:
        deadline = time.monotonic() + 60
        while self.job.active:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        self.app.run()
        return self.job

    @property
    def said(self) -> str:
        app = self.app
        kinds = (app.markdown, app.caption, app.error, app.warning, app.info)
        words = [str(element.value) for kind in kinds for element in kind]
        return " ".join([*words, *(element.proto.body for element in app.get("html"))])


@pytest.fixture
def visit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Opens the section with a fresh cache, and with studies whose critics take two steps."""
    monkeypatch.setenv("ADVMI_CACHE", str(tmp_path))
    monkeypatch.setattr(tables, "folder", lambda: tmp_path)
    monkeypatch.setattr(
        mi_sampling,
        "SamplingStudy",
        lambda **given: SamplingStudy(**given, steps=2, part=5, samplings=("conv", "patches")),
    )
    opened: list[Tab] = []

    def new(**query: str) -> Tab:
        opened.append(Tab({name.replace("_", "-"): value for name, value in query.items()}))
        return opened[-1]

    yield new
    for tab in opened:
        assert not tab.app.exception, tab.app.exception
        if JOB in tab.app.session_state:
            shared().discard(tab.app.session_state[JOB])


def test_the_first_look_explains_and_computes_nothing(visit: Any) -> None:
    tab = visit()
    assert JOB not in tab.app.session_state
    for word in ("conv", "random", "patches", "overlap"):
        assert word in tab.said
    assert len(tab.app.get("plotly_chart")) == 0
    assert mi_reliability.COMMAND in tab.said
    assert tab.app.number_input(key=f"{PAGE}.study-n").value == 100


def test_a_run_shows_violins_table_and_files_and_a_repeat_is_loaded(visit: Any, tmp_path: Path) -> None:
    tab = visit(study_n="10", study_eps="0.2", study_kind="pgd")
    tab.press("Start")
    job = tab.finish()
    assert job.state == "done"
    assert (job.about.n, job.about.eps, job.about.perturbation) == (10, 0.2, "pgd")
    assert job.result.complete
    assert job.result.folder.parent == tmp_path / "studies"
    assert len(tab.app.get("plotly_chart")) == 1
    table = tab.app.table[0].value
    assert list(table["sampling"]) == ["conv", "patches"]
    line = job.result.table()[0]
    assert table["mean ± std (nats)"].iloc[0] == f"{line.mean:.2f} ± {line.std:.2f}"
    assert table["rank correlation"].iloc[0] == f"{line.rank_correlation:.2f}".replace("-", "−")
    assert table["K"].iloc[0] == "32"
    assert "Measured before" not in tab.said
    labels = {element.proto.label for element in tab.app.get("download_button")}
    assert {*FIGURE, "Values · CSV", "Values · NPZ", "Settings · JSON"} == labels

    tab.press("Start")
    again = tab.finish()
    assert again.result.loaded
    assert "Measured before, loaded" in tab.said


def test_a_cancelled_run_keeps_its_parts_and_says_so(visit: Any) -> None:
    tab = visit(study_n="400")
    tab.press("Start")
    while len(tab.job.records) < 90:
        assert tab.job.active
        time.sleep(0.01)
    shared().cancel(tab.job.id)
    job = tab.finish()
    assert job.state == "cancelled"
    assert not job.result.complete
    assert "Partial result" in tab.said
    assert len(tab.app.get("plotly_chart")) == 1


def test_what_cannot_be_done_is_one_sentence(
    visit: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "occupied").write_text("a file where a folder should be")
    tab = visit(study_n="10")
    monkeypatch.setenv("ADVMI_CACHE", str(tmp_path / "occupied"))
    tab.press("Start")
    assert tab.finish().state == "failed"
    (error,) = tab.app.error
    assert "occupied" in error.value
    assert "cannot be written" in error.value


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"study_n": "5"}, "study-n"),
        ({"study_eps": "x"}, "study-eps"),
        ({"study_kind": "blur"}, "study-kind"),
    ],
)
def test_a_bad_link_is_named(visit: Any, query: dict[str, str], named: str) -> None:
    (warning,) = visit(**query).app.warning
    assert named in warning.value


def test_the_reliability_table_is_the_benchmarks(visit: Any, tmp_path: Path) -> None:
    (tmp_path / "reliability-fashion-mnist.json").write_text(json.dumps(RELIABILITY))
    tab = visit()
    table = tab.app.table[0].value
    assert list(table["setting"]) == ["conv", "patches, random folds"]
    assert list(table["★"]) == ["", "★"]
    assert list(table["ε = 0.3"]) == ["–", "0.95"]
    assert list(table["ms per image"]) == ["30", "7.25"]
    assert RELIABILITY["command"] in tab.said
    assert "2.50; PGD 2.10 (ε=0.1), 0.90 (ε=0.4); an unrelated image 0.10" in tab.said


def test_the_reliability_tables_of_two_data_sets_are_a_click_apart(visit: Any, tmp_path: Path) -> None:
    digits = RELIABILITY | {"images": 32, "rows": RELIABILITY["rows"][:1]}
    (tmp_path / "reliability-fashion-mnist.json").write_text(json.dumps(RELIABILITY))
    (tmp_path / "reliability-mnist.json").write_text(json.dumps(digits))
    tab = visit()
    assert len(tab.app.table[0].value) == 2
    tab.app.segmented_control(key=f"{PAGE}.reliability-data").set_value("mnist").run()
    assert len(tab.app.table[0].value) == 1
    assert "32 images" in tab.said


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        json.dumps(RELIABILITY | {"rows": [{}]}),
        json.dumps(RELIABILITY | {"strengths": {}}),
        '{"rows": 3}',
    ],
)
def test_a_damaged_reliability_table_is_as_good_as_none(visit: Any, tmp_path: Path, content: str) -> None:
    (tmp_path / "reliability-fashion-mnist.json").write_text(content)
    tab = visit()
    assert mi_reliability.COMMAND in tab.said
    assert len(tab.app.table) == 0
