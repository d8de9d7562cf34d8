"""The page MI vs ASR in every state, without a browser."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from links import written
from streamlit.testing.v1 import AppTest
from sweep_pages import Tab, kept, tiny

from advmi_core.attacks import variants
from advmi_core.attacks.core.ball import UNBOUNDED
from advmi_core.evaluation import compare
from advmi_core.figures.sweep.series import title
from advmi_core.jobs import shared
from advmi_core.run import Run
from advmi_core.studies.sweep import PRESETS, Cell, Method, Sweep, SweepResult, SweepStep, load
from advmi_core.studies.sweep.results import Shards, assemble
from advmi_core.ui import visitors, work
from advmi_core.ui.sweep import (
    cells as sweep_cells,
)
from advmi_core.ui.sweep import (
    grid as sweep_grid,
)
from advmi_core.ui.sweep import (
    page as mi_vs_asr,
)
from advmi_core.ui.widgets.state import PageState

Visit = Callable[..., Tab]
GRID = {
    "plan": "own", "grid-methods": "pgd,pgd-ce", "grid-eps": "0.1", "grid-n": "6", "grid-steps": "3",
}  # fmt: skip


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of runs, and no shipped ones."""
    monkeypatch.setenv("ADVMI_RUNS", str(tmp_path))
    monkeypatch.setattr("advmi_core.studies.sweep.store.shipped_folder", lambda: tmp_path / "none")
    return tmp_path


@pytest.fixture
def run(here: Path) -> SweepResult:
    """A small complete run in the folder that the page reads."""
    return load(kept(tiny(), here))


@pytest.fixture
def visit() -> Iterator[Visit]:
    """Opens the page with the query parameters of a link; ends its job afterwards."""
    opened: list[Tab] = []

    def new(**query: str) -> Tab:
        opened.append(Tab("mi-vs-asr", {name.replace("_", "-"): value for name, value in query.items()}))
        return opened[-1]

    yield new
    for tab in opened:
        assert not tab.app.exception, tab.app.exception
        if tab.key("job") in tab.app.session_state:
            shared().discard(tab.app.session_state[tab.key("job")])


def of(result: SweepResult, method: str, eps: float) -> Any:
    return result.tables[Cell(method, eps)]


@pytest.mark.usefixtures("here")
def test_an_empty_page_says_how_to_fill_it(visit: Visit) -> None:
    tab = visit()
    assert "Nothing measured yet" in tab.said
    assert mi_vs_asr.COMMAND in tab.said
    assert tab.charts == []
    assert tab.has("Start")


def test_a_finished_run_shows_five_charts_table_pictures_and_files(visit: Visit, run: SweepResult) -> None:
    tab = visit()
    plane, asr, mi, histogram, distances = tab.charts
    (summary,) = [summary for cell, summary in run.table() if cell == Cell("pgd", 0.4)]
    line = next(trace for trace in plane["data"] if trace["name"] == title("pgd"))
    assert line["customdata"] == ["pgd-eps0.1", "pgd-eps0.4"]
    assert line["y"][1] == pytest.approx(100 * summary.kept.mean)
    assert line["x"][1] == pytest.approx(100 * summary.asr)
    assert len(asr["data"]) == len(mi["data"]) == 5  # a band and a line a method, and a ring
    assert {trace["name"] for trace in histogram["data"] if trace["mode"] == "lines"} == {
        f"{title(method)}, ε 0.4" for method in ("minmax-gaussian", "pgd")
    }
    over = [trace for trace in distances["data"] if trace["name"] == title("pgd")]
    assert [trace["x"][1] for trace in over] == pytest.approx([summary.l2, summary.ssim])
    assert [trace["y"][1] for trace in over] == pytest.approx([100 * summary.kept.mean] * 2)
    table = tab.app.table[0].value
    assert list(table["ε"]) == ["0.1", "0.4", "0.1", "0.4"]
    assert f"{summary.mi.mean:.2f} ± {summary.mi.std:.2f}" == table["MI, nats"].iloc[3]
    assert f"{100 * summary.kept.mean:.1f} ± {100 * summary.kept.std:.1f}" == table["kept, %"].iloc[3]
    assert tab.said.count("<figure>") == 7  # of eight images one does not count
    assert {f"Figure · {kind}" for kind in ("PNG", "SVG", "PDF")} <= tab.downloads
    assert {"Table · CSV", "Table · TEX", "Images · NPZ", "Settings · JSON"} <= tab.downloads


def test_the_comparison_is_the_paired_one(visit: Visit, run: SweepResult) -> None:
    tab = visit(cell_method="minmax-gaussian", cell_eps="0.4", cell_against="pgd")
    wanted = compare(of(run, "minmax-gaussian", 0.4), of(run, "pgd", 0.4))
    more = wanted.kept.times(100)
    assert more.low > 0
    assert f"keeps {more.mean:.2f} % points more of the information than {title('pgd')}" in tab.said
    assert f"over {more.n} images" in tab.said
    assert f"{more.low:.2f} to {more.high:.2f} % points" in tab.said
    assert f"+{wanted.mi.mean:.3f} nats" in tab.said
    tab.app.selectbox(key=tab.key("cell-method")).select("pgd").run()
    assert f"less of the information than {title('minmax-gaussian')}" in tab.said


@pytest.mark.usefixtures("here")
def test_shortest_perturbations_are_compared_at_every_budget(visit: Visit, here: Path) -> None:
    some = Sweep(
        name="some", n=8, shard=4,
        methods=(
            Method(name="pgd", attack="pgd", parameters={"steps": 5}, eps=(0.1, 0.4)),
            Method(name="ddn", attack="ddn", parameters={"steps": 5}, eps=(UNBOUNDED,)),
            Method(name="pgd-ce", attack="pgd", parameters={"steps": 5, "loss": "ce"}, eps=(0.1,)),
        ),
    )  # fmt: skip
    kept(some, here)
    tab = visit(cell_method="pgd", cell_eps="0.4")
    assert tab.app.selectbox(key=tab.key("cell-against")).value == "ddn"
    assert re.search(r"ε 0.4: .*PGD margin.* DDN", tab.said)
    tab.app.selectbox(key=tab.key("cell-against")).select("pgd-ce").run()
    assert "PGD cross-entropy was not measured at ε 0.4." in tab.said
    tab.app.selectbox(key=tab.key("cell-method")).select("ddn").run()
    assert "DDN, no ε" in tab.said
    assert list(tab.app.table[0].value["ε"]) == ["0.1", "0.4", "–", "0.1"]


def test_the_charts_show_the_measure_that_is_chosen(visit: Visit, run: SweepResult) -> None:
    (summary,) = [summary for cell, summary in run.table() if cell == Cell("pgd", 0.4)]
    tab = visit(measure="mi", view="mi")
    (chart,) = tab.charts
    line = next(trace for trace in chart["data"] if trace["name"] == title("pgd"))
    assert line["y"][1] == pytest.approx(summary.mi.mean)
    assert "InfoNCE" in chart["layout"]["yaxis"]["title"]["text"]


def test_pictures_say_success_kept_and_mi_of_every_image(visit: Visit, run: SweepResult) -> None:
    said = visit(cell_method="pgd", cell_eps="0.4").said
    table = of(run, "pgd", 0.4)
    table = table.take(table.correct)
    assert not table.success.all()
    for index, success, share, mi in zip(table.index, table.success, table.kept, table.mi, strict=True):
        card = re.search(rf"#{index} · (\w+) · keeps (\S+) % · MI (\S+) nats", said)
        assert card is not None
        assert card[1] == ("success" if success else "failed")
        assert float(card[2]) == pytest.approx(100 * float(share), abs=6e-2)
        assert float(card[3]) == pytest.approx(float(mi), abs=6e-3)
    assert re.search(r"perturbation ×\d", said)


def test_a_click_on_a_point_looks_at_its_cell(run: SweepResult, monkeypatch: pytest.MonkeyPatch) -> None:
    points = sweep_cells.points(run)
    session: dict[str, Any] = {}
    monkeypatch.setattr(st, "session_state", session)
    state = PageState("page")
    assert sweep_cells.chosen(state, points).id == "minmax-gaussian-eps0.4"
    for customdata in ("pgd-eps0.1", ["pgd-eps0.1"]):
        session["chart"] = {"selection": {"points": [{"customdata": customdata}]}}
        sweep_cells.click(state, "chart", points)
        assert sweep_cells.chosen(state, points).id == "pgd-eps0.1"
    for nothing in ({"selection": {"points": []}}, {"selection": {"points": [{"customdata": "gone"}]}}):
        session["chart"] = nothing
        sweep_cells.click(state, "chart", points)
        assert sweep_cells.chosen(state, points).id == "pgd-eps0.1"


def test_a_widget_that_was_not_drawn_for_a_while_falls_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(st, "session_state", {"page.known": "b", "page.odd": None})
    state = PageState("page")
    assert [sweep_cells.valid(state, name, ["a", "b"], "a") for name in ("known", "odd", "gone")] == [
        "b", "a", "a",
    ]  # fmt: skip


def test_one_chart_can_fill_the_page(visit: Visit, run: SweepResult) -> None:
    tab = visit(view="asr")
    (chart,) = tab.charts
    assert chart["layout"]["yaxis"]["title"]["text"].startswith("attack success rate")
    assert chart["layout"]["height"] > 400


def test_a_deleted_folder_empties_the_page_with_an_explanation(visit: Visit, run: SweepResult) -> None:
    tab = visit()
    assert run.folder is not None
    shutil.rmtree(run.folder)
    tab.app.run()
    assert tab.charts == []
    assert len(tab.app.table) == 0
    assert "This run is gone" in tab.said
    assert "press Start" in tab.said


def test_a_damaged_run_is_one_sentence(visit: Visit, run: SweepResult) -> None:
    assert run.folder is not None
    (run.folder / "spec.json").write_text("{")
    tab = visit(run=run.folder.name)
    (error,) = tab.app.error
    assert "spec.json" in error.value
    assert tab.charts == []


def test_start_measures_the_grid_and_shows_what_its_folder_holds(visit: Visit, here: Path) -> None:
    tab = visit(**GRID)
    tab.press("Start")
    assert tab.finish().state == "done"
    (folder,) = [path for path in here.iterdir() if not path.name.startswith(".")]
    result = load(folder)
    assert result.complete
    assert [cell.id for cell in result.tables] == ["pgd-eps0.1", "pgd-ce-eps0.1"]
    assert written(tab.app)["run"] == folder.name
    assert len(tab.charts) == 5
    assert len(tab.app.table[0].value) == 2
    job = tab.app.session_state[tab.key("job")]
    tab.press("Start")  # measured already: nothing is computed
    assert tab.app.session_state[tab.key("job")] == job
    assert "Already measured" in tab.said


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("change", "named"),
    [({"grid-eps": "0.1, two"}, "ε"), ({"grid-eps": "0"}, "ε"), ({"grid-methods": ""}, "method")],
)
def test_a_bad_grid_is_one_sentence(visit: Visit, change: dict[str, str], named: str) -> None:
    tab = visit(**{**GRID, "grid-eps": "0.1"})
    if "grid-eps" in change:
        tab.app.text_input(key=tab.key("grid-eps")).input(change["grid-eps"])
    else:
        tab.app.get("button_group")[-1].set_value([])
    tab.press("Start")
    (error,) = tab.app.error
    assert named in error.value
    assert tab.key("job") not in tab.app.session_state


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    "query",
    [{"run": "../../etc"}, {"plan": "magic"}, {"grid_eps": "5"}, {"grid_methods": "pgd,x"}, {"view": "x"}],
)
def test_a_bad_link_is_named(visit: Visit, query: dict[str, str]) -> None:
    (warning,) = visit(**query).app.warning
    assert next(iter(query)).replace("_", "-") in warning.value


class Paused:
    """Stands for a sweep's computation that stops after some shards until it is let go or closed."""

    def __init__(self, result: SweepResult, shards: int) -> None:
        self.go, self.result, self.shards = threading.Event(), result, shards

    def run(self, sweep: Sweep, directory: Path, **how: Any) -> Run[SweepStep, SweepResult]:
        seen: Shards = {cell: {} for cell in sweep.cells}

        def steps() -> Iterator[SweepStep]:
            for step, cell in enumerate(sweep.cells[: self.shards], start=1):
                table = self.result.tables[cell]
                seen[cell][0] = table.take(table.index < 4), 2.0
                yield SweepStep(step, 8, cell, 0, 2.0, reused=False, left=12.0)
            while not self.go.wait(0.02):
                yield SweepStep(self.shards, 8, cell, 0, 2.0, reused=True, left=12.0)

        return Run(steps(), lambda: assemble(sweep, self.result.spec, seen, self.result.folder), 8)


@pytest.fixture
def paused(
    here: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Paused]:
    """Preset smoke is the small sweep, and stops after three shards of eight."""
    halting = Paused(load(kept(tiny(), tmp_path_factory.mktemp("measured"))), shards=3)
    monkeypatch.setitem(PRESETS, "smoke", tiny())
    monkeypatch.setattr(Sweep, "run", lambda self, *given, **how: halting.run(self, *given, **how))
    yield halting
    halting.go.set()


def test_a_running_sweep_is_drawn_and_found_from_another_tab(visit: Visit, paused: Paused) -> None:
    tab = visit(plan="smoke")
    tab.press("Start")
    while len(shared().get(tab.app.session_state[tab.key("job")]).records) < 4:
        pass
    tab.app.run()
    assert "of 8" in tab.said
    assert "left" in tab.said
    assert len(tab.charts) == 5
    assert len(tab.app.table[0].value) == 3
    other = visit(run=written(tab.app)["run"])
    assert other.app.session_state[other.key("job")] == tab.app.session_state[tab.key("job")]
    assert len(other.charts) == 5

    other.press("Cancel")
    assert other.finish().state == "cancelled"
    assert not other.has("Cancel")
    assert not tab.app.run().exception


@pytest.mark.usefixtures("paused")
def test_who_started_a_sweep_owns_it_after_a_reload_and_nobody_who_only_looks_on_does(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    draws, here = ["ann"], {"ann", "bob"}
    for module in (visitors, work):
        monkeypatch.setattr(module, "this_visitor", lambda: draws[0])
        monkeypatch.setattr(module, "is_here", lambda visitor: visitor in here)
    tab = visit(plan="smoke")
    tab.press("Start")
    job = tab.app.session_state[tab.key("job")]
    draws[0] = "bob"
    other = visit(run=written(tab.app)["run"])
    assert next(button for button in other.app.button if button.label == "Cancel").disabled
    here.discard("ann")  # her page reloads, and his is drawn before hers is back
    other.app.run()
    draws[0] = "ann again"
    here.add("ann again")
    again = visit(**written(tab.app))
    assert shared().get(job).owner == "ann again"
    draws[0] = "bob"
    other.app.run()
    assert next(button for button in other.app.button if button.label == "Cancel").disabled
    draws[0] = "ann again"
    again.press("Cancel")
    assert again.finish().state == "cancelled"


def test_a_sweep_goes_on_without_a_page(
    visit: Visit, paused: Paused, monkeypatch: pytest.MonkeyPatch
) -> None:
    tab = visit(plan="smoke")
    tab.press("Start")
    manager, job = shared(), tab.app.session_state[tab.key("job")]
    monkeypatch.setattr(manager, "_idle_limit", -1.0)  # nobody ever looked at it
    assert manager.get(job).active
    paused.go.set()
    assert tab.finish().state == "done"


def test_a_failed_job_says_why(visit: Visit, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*given: Any, **how: Any) -> Any:
        raise ValueError("the disk is full")

    monkeypatch.setattr(Sweep, "run", fail)
    tab = visit(plan="smoke")
    tab.press("Start")
    assert tab.finish().state == "failed"
    assert "the disk is full" in tab.app.error[0].value


def test_an_interrupted_run_is_partial_and_goes_on(visit: Visit, here: Path) -> None:
    folder = kept(tiny(), here, shards=5)
    tab = visit()
    assert "Partial run" in tab.said
    assert "5 of 8 shards" in tab.said
    assert len(tab.charts) == 5
    tab.press("Go on")
    job = tab.finish()
    assert job.state == "done"
    assert sum(step.reused for step in job.records) == 5
    assert "Partial run" not in tab.said
    assert load(folder).complete


@pytest.fixture
def shipped(here: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a complete run that came with AdvMI: what preset smoke describes."""
    folder = tmp_path_factory.mktemp("shipped")
    monkeypatch.setattr("advmi_core.studies.sweep.store.shipped_folder", lambda: folder)
    monkeypatch.setitem(PRESETS, "smoke", tiny())
    return kept(tiny(), folder)


@pytest.mark.fault("P1")
def test_start_shows_a_shipped_result_at_once(visit: Visit, here: Path, shipped: Path) -> None:
    tab = visit(plan="smoke")
    tab.press("Start")
    assert tab.key("job") not in tab.app.session_state
    assert "Already measured" in tab.said
    assert "8 of 8 shards" in tab.said
    assert tab.app.selectbox(key=tab.key("run")).options == [mi_vs_asr.label(f"{shipped.name}~shipped")]
    assert not (here / shipped.name).exists()


@pytest.mark.fault("P1")
def test_a_partial_run_never_shadows_the_shipped_one(visit: Visit, here: Path, shipped: Path) -> None:
    kept(tiny(), here, shards=2)
    tab = visit(plan="smoke")
    assert "8 of 8 shards" in tab.said
    tab.press("Start")
    assert "Already measured" in tab.said
    assert "8 of 8 shards" in tab.said
    assert len(set(tab.app.selectbox(key=tab.key("run")).options)) == 2
    tab.app.selectbox(key=tab.key("run")).select(shipped.name).run()
    assert "2 of 8 shards are measured" in tab.said
    assert len(tab.app.table[0].value) == 2


@pytest.mark.fault("P1")
def test_progress_cancel_and_numbers_belong_to_the_run_that_is_measured_again(
    visit: Visit, here: Path, shipped: Path, paused: Paused
) -> None:
    tab = visit(plan="smoke")
    tab.press("Start")
    tab.press("Measure again")
    while len(shared().get(tab.app.session_state[tab.key("job")]).records) < 4:
        pass
    tab.app.run()
    assert tab.app.session_state[tab.key("run")] == shipped.name
    assert tab.has("Cancel")
    assert "of 8" in tab.said
    assert len(tab.app.table[0].value) == 3
    joined = visit()  # opens at the finished result, and is told what is measured now
    assert "8 of 8 shards" in joined.said
    assert "Shard 3 of 8" in joined.said
    assert not joined.has("Cancel")
    joined.press("Show")
    assert joined.has("Cancel")
    assert len(joined.app.table[0].value) == 3


@pytest.mark.fault("P1")
def test_measuring_an_own_result_again_keeps_it_in_the_trash(
    visit: Visit, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = Sweep(name="small", n=4, methods=(Method(name="pgd", attack="pgd", parameters={"steps": 2}),))
    monkeypatch.setitem(PRESETS, "smoke", small)
    folder = kept(small, here)
    tab = visit(plan="smoke")
    tab.press("Start")
    assert "Already measured" in tab.said
    tab.press("Measure again")
    assert not any(step.reused for step in tab.finish().records)
    assert load(folder).complete
    assert len(list((here / ".trash").glob(f"*/{folder.name}"))) == 1


@pytest.mark.fault("P6")
def test_absent_data_are_one_sentence_with_the_way_to_get_them(
    visit: Visit, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADVMI_DATA", str(here / "none"))
    monkeypatch.setenv("ADVMI_CACHE", str(here / "cache"))
    tab = visit(**GRID, grid_victim="mnist/cnn")
    assert "mnist/cnn (data not here)" in tab.app.selectbox(key=tab.key("grid-victim")).options
    tab.press("Start")
    (error,) = tab.app.error
    assert error.value.startswith("mnist (split test) was not found.")
    assert "advmi data get mnist" in error.value
    assert "\n" not in error.value


@pytest.mark.fault("P6")
def test_a_job_without_its_data_says_so_in_one_sentence(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def page() -> None:
        from advmi_core import data
        from advmi_core.ui import work

        def make():  # a script of its own, without the imports of this file
            data.load("mnist", split="train")
            raise AssertionError("the data are here")

        if work.current("here") is None:
            work.submit("here", make, label="absent", about=None, rows=1)
        work.follow("here", work.ended_with_nothing)

    monkeypatch.setenv("ADVMI_DATA", str(here / "none"))
    monkeypatch.setenv("ADVMI_CACHE", str(here / "cache"))
    app = AppTest.from_function(page, default_timeout=30).run()
    for _ in range(50):
        if app.error:
            break
        app.run()
    (error,) = app.error
    assert error.value.startswith("mnist (split train) was not found.")
    assert "advmi data get mnist" in error.value
    assert "\n" not in error.value
    assert str(here / "none") in app.code[0].value


def test_a_composed_grid_is_read_back_unchanged() -> None:
    values = {
        "plan": "own", "grid-methods": list(variants()), "grid-eps": "0.05, 0.3", "grid-n": 70,
        "grid-steps": 15, "grid-victim": "fashion-mnist/cnn", "grid-seed": 4,
    }  # fmt: skip
    assert sweep_grid.read_back(sweep_grid.sweep(values)) == (values, [])


@pytest.mark.parametrize(("name", "missing"), [("talk", ["every method gets every ε"]), ("smoke", [])])
def test_presets_fit_into_the_chooser(name: str, missing: list[str]) -> None:
    """But for the penalty method of the talk, which is measured at one ε."""
    values, lost = sweep_grid.read_back(PRESETS[name])
    assert lost == missing
    assert {m.name for m in sweep_grid.sweep(values).methods} == {m.name for m in PRESETS[name].methods}
    assert sweep_grid.sweep({"plan": name}) is PRESETS[name]


def test_what_the_chooser_cannot_hold_is_named() -> None:
    odd = Method(name="odd", attack="minmax", parameters={"mi_weight": 3.0})
    fast = Method(name="pgd", attack="pgd", parameters={"steps": 10}, eps=(0.1, 0.2))
    slow = Method(name="pgd-ce", attack="pgd", parameters={"steps": 20, "loss": "ce"}, eps=(0.2,))
    values, lost = sweep_grid.read_back(Sweep(methods=(odd, fast, slow)))
    assert values["grid-methods"] == ["pgd", "pgd-ce"]
    assert [word in " ".join(lost) for word in ("odd", "every ε", "20 iterations")] == [True] * 3
