"""The page Runs in every state, without a browser."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from links import written
from sweep_pages import Tab, kept, tiny
from typer.testing import CliRunner

from advmi_core.attacks.core.ball import UNBOUNDED
from advmi_core.cli import main as cli
from advmi_core.evaluation import compare
from advmi_core.experiments.artefact import Artefact
from advmi_core.experiments.progress import StudyRun
from advmi_core.jobs import shared
from advmi_core.studies.sweep import Cell, load
from advmi_core.ui.runs import compare as runs_compare
from advmi_core.ui.runs import page as runs
from advmi_core.ui.sweep import page as mi_vs_asr

Visit = Callable[..., Tab]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of own runs and one for shipped ones."""
    monkeypatch.setenv("ADVMI_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("ADVMI_CACHE", str(tmp_path / "nothing"))
    monkeypatch.setattr("advmi_core.studies.sweep.store.shipped_folder", lambda: tmp_path / "shipped")
    return tmp_path / "runs"


@pytest.fixture
def visit() -> Iterator[Visit]:
    """Opens the page with the query parameters of a link."""
    opened: list[Tab] = []

    def new(**query: str) -> Tab:
        opened.append(Tab("runs", query))
        return opened[-1]

    yield new
    for tab in opened:
        assert not tab.app.exception, tab.app.exception


@pytest.mark.usefixtures("here")
def test_no_runs_yet_is_explained(visit: Visit) -> None:
    tab = visit()
    assert "No runs yet" in tab.said
    assert mi_vs_asr.COMMAND in tab.said
    assert len(tab.app.dataframe) == 0


def test_all_runs_are_listed_with_what_they_are_about(visit: Visit, here: Path) -> None:
    kept(tiny(), here)
    kept(tiny("half"), here, shards=3)
    kept(tiny("given"), here.parent / "shipped")
    table = visit().app.dataframe[0].value.set_index("run")
    assert list(table.loc["tiny", ["state", "parts", "images"]]) == ["complete", "8 of 8", 8]
    assert list(table.loc["half", ["state", "parts"]]) == ["partial", "3 of 8"]
    assert table.loc["given", "when"] == "shipped"
    assert table.loc["tiny", "methods"] == "MinMax Gaussian patches (2 ε), PGD margin (2 ε)"
    assert table.loc["tiny", "data, model"] == "fashion-mnist, cnn"


def test_a_method_that_has_no_budget_says_so() -> None:
    assert runs._radii([0.1, 0.3]) == "2 ε"
    assert runs._radii([UNBOUNDED]) == "no ε"


def test_a_chosen_run_shows_its_numbers_and_files(visit: Visit, here: Path) -> None:
    folder = kept(tiny(), here)
    tab = visit(chosen=folder.name)
    shown = tab.app.table[0].value
    wanted = [f"{summary.mi.mean:.2f} ± {summary.mi.std:.2f}" for _, summary in load(folder).table()]
    assert list(shown["MI, nats"]) == wanted
    assert {"Table · CSV", "Images · NPZ", "Settings · JSON", "Figure · PDF"} <= tab.downloads


def test_choosing_by_hand_does_the_same_as_the_link(visit: Visit, here: Path) -> None:
    folder = kept(tiny(), here)
    tab = visit()
    assert not tab.has("Open")
    tab.app.multiselect(key="runs.chosen").select(folder.name).run()
    assert tab.has("Open")
    assert written(tab.app)["chosen"] == folder.name


def test_a_third_tick_replaces_the_first_one() -> None:
    assert runs.latest([], ["b"]) == ["b"]
    assert runs.latest(["b"], ["a", "b"]) == ["b", "a"]
    assert runs.latest(["c", "b"], ["a", "b", "c"]) == ["b", "a"]
    assert runs.latest(["c", "b"], ["b"]) == ["b"]


def test_open_leads_to_the_runs_figures(visit: Visit, here: Path) -> None:
    folder, _ = kept(tiny(), here), kept(tiny("newer", seed=1), here)
    tab = visit(chosen=folder.name)
    tab.press("Open")
    assert tab.app.title[0].value == "MI vs ASR"
    assert len(tab.charts) == 5
    assert written(tab.app)["run"] == folder.name


def test_a_rerun_starts_from_the_runs_grid(visit: Visit, here: Path) -> None:
    tab = visit(chosen=kept(tiny(seed=3), here).name)
    tab.press("Rerun with changes")
    app = tab.app
    assert app.title[0].value == "MI vs ASR"
    assert app.text_input(key="mi-vs-asr.grid-eps").value == "0.1, 0.4"
    assert app.number_input(key="mi-vs-asr.grid-n").value == 8
    assert app.number_input(key="mi-vs-asr.grid-seed").value == 3
    assert app.number_input(key="mi-vs-asr.grid-steps").value == 40
    assert app.session_state["mi-vs-asr.grid-methods"] == ["minmax-gaussian", "pgd"]
    assert "all methods get 40 iterations" in tab.said


def test_delete_can_be_undone(visit: Visit, here: Path) -> None:
    folder = kept(tiny(), here)
    before = (folder / "result.npz").read_bytes()
    tab = visit(chosen=folder.name)
    tab.press("Delete")
    assert not folder.exists()
    assert "No runs yet" in tab.said
    assert folder.name in tab.said
    tab.press("Undo")
    assert (folder / "result.npz").read_bytes() == before
    assert not tab.has("Undo")
    assert tab.app.multiselect(key="runs.chosen").value == [folder.name]


def test_an_undo_that_came_too_late_says_so(visit: Visit, here: Path) -> None:
    folder = kept(tiny(), here)
    tab = visit(chosen=folder.name)
    tab.press("Delete")
    shutil.rmtree(here / ".trash")
    tab.press("Undo")
    assert "cannot be restored" in tab.app.toast[0].value
    assert not tab.has("Undo")


def test_shipped_runs_stay(visit: Visit, here: Path) -> None:
    tab = visit(chosen=f"{kept(tiny(), here.parent / 'shipped').name}~shipped")
    (button,) = [button for button in tab.app.button if button.label == "Delete"]
    assert button.disabled
    assert "Delete is off: it came with AdvMI" in tab.said


@pytest.mark.fault("P1")
def test_an_own_run_and_the_shipped_one_of_the_same_settings_are_two_rows(visit: Visit, here: Path) -> None:
    """Each with its own numbers, and both can be chosen."""
    shipped, own = kept(tiny(), here.parent / "shipped"), kept(tiny(), here, shards=3)
    assert shipped.name == own.name
    tab = visit(chosen=f"{own.name},{own.name}~shipped")
    assert sorted(tab.app.dataframe[0].value["parts"]) == ["3 of 8", "8 of 8"]
    assert tab.app.multiselect(key="runs.chosen").value == [own.name, f"{own.name}~shipped"]
    _, of_own, of_shipped = (table.value for table in tab.app.table)
    assert (len(of_own), len(of_shipped)) == (3, 4)
    tab = visit(chosen=own.name)
    assert len(tab.app.table[0].value) == 3
    (button,) = [button for button in tab.app.button if button.label == "Delete"]
    assert not button.disabled


def test_two_runs_are_compared_image_by_image(visit: Visit, here: Path) -> None:
    first, second = kept(tiny(), here), kept(tiny("other", seed=1, eps=(0.4, 0.2)), here)
    tab = visit(chosen=f"{first.name},{second.name}")
    paired, of_first, of_second = (table.value for table in tab.app.table)
    assert list(paired["ε"]) == ["0.4", "0.4"]  # the only ε in both
    assert (len(of_first), len(of_second)) == (4, 4)
    cell = Cell("pgd", 0.4)
    wanted = compare(load(first).tables[cell], load(second).tables[cell])
    assert paired["MI, A − B, nats"].iloc[1] == runs_compare.difference(wanted.mi)
    assert paired["images"].iloc[1] == "6"
    assert first.name in tab.said
    assert second.name in tab.said


def test_two_shipped_runs_are_named_and_not_struck_through(visit: Visit, here: Path) -> None:
    """A pair of tildes is a line through all that stands between them."""
    names = [kept(tiny(name), here.parent / "shipped").name for name in ("one", "two")]
    said = visit(chosen=",".join(f"{name}~shipped" for name in names)).said
    assert all(f"{name}\\~shipped" in said for name in names)
    assert all(f"{name}~shipped" not in said for name in names)


def test_runs_without_a_common_cell_are_not_paired(visit: Visit, here: Path) -> None:
    names = [kept(tiny(), here).name, kept(tiny("other", eps=(0.2,)), here).name]
    tab = visit(chosen=",".join(names))
    assert "Not paired" in tab.said
    assert len(tab.app.table) == 2


@pytest.mark.parametrize("files", [{}, {"spec.json": "{"}])
def test_a_damaged_run_is_named_and_can_be_deleted(visit: Visit, here: Path, files: dict[str, str]) -> None:
    folder = here / "broken-0123"
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    tab = visit(chosen=folder.name)
    assert list(tab.app.dataframe[0].value["state"]) == ["damaged"]
    (error,) = tab.app.error
    assert "spec.json" in error.value
    tab.press("Delete")
    assert not folder.exists()


def test_a_run_that_vanishes_while_it_is_chosen_is_no_error(visit: Visit, here: Path) -> None:
    first, second = kept(tiny(), here), kept(tiny("other", seed=1), here)
    tab = visit(chosen=f"{first.name},{second.name}")
    shutil.rmtree(first)
    tab.app.run()
    assert tab.app.multiselect(key="runs.chosen").value == [second.name]
    assert tab.has("Open")


@pytest.mark.usefixtures("here")
def test_a_link_to_no_run_is_named(visit: Visit) -> None:
    (warning,) = visit(chosen="gone-123").app.warning
    assert "gone-123" in warning.value


@dataclass(frozen=True)
class Step:
    step: int
    total: int = 4


def study(root: Path, title: str = "Defence: NAMID", **spec: Any) -> StudyRun[Step, None]:
    """Four parts."""
    artefact = Artefact(root, "lesson", {"study": "defence"} | spec)
    artefact.open()
    return StudyRun(artefact, title, (Step(step) for step in range(1, 5)), lambda: None, 4)


@pytest.mark.fault("P7")
@pytest.mark.fault("L18")
@pytest.mark.usefixtures("here")
def test_studies_are_listed_with_how_far_they_came_opened_deleted_and_restored(
    visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADVMI_CACHE", str(tmp_path / "cache"))
    run = study(tmp_path / "cache" / "studies", model="cnn").announce("defence", {"alpha": 0.7})
    next(run)
    tab = visit()
    table = tab.app.dataframe[0].value.set_index("run")
    assert list(table.loc["Defence: NAMID", ["state", "parts"]]) == ["partial", "1 of 4"]
    assert table.loc["Defence: NAMID", "data, model"] == "cnn"
    with run.artefact.claim("part"):
        tab.app.run()
        assert list(tab.app.dataframe[0].value["state"]) == ["running"]
    run.drain()
    folder = run.artefact.folder
    tab = visit(chosen=folder.name)
    assert list(tab.app.dataframe[0].value["state"]) == ["complete"]
    assert not tab.has("Rerun with changes")
    tab.press("Delete")
    assert not folder.exists()
    assert "No runs yet" in tab.said
    tab.press("Undo")
    assert folder.is_dir()
    tab.press("Open")
    assert tab.app.title[0].value == "Defence"
    assert tab.app.slider(key="defence.alpha").value == 0.7


@pytest.mark.usefixtures("here")
def test_only_sweeps_are_compared(visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADVMI_CACHE", str(tmp_path / "cache"))
    folders = [study(tmp_path / "cache" / "studies", n=n).announce() for n in (1, 2)]
    for run in folders:
        run.drain()
    tab = visit(chosen=",".join(run.artefact.folder.name for run in folders))
    assert "Not compared" in tab.said


@pytest.mark.fault("P7")
@pytest.mark.usefixtures("here")
def test_studies_of_the_command_line_are_listed_and_opened_where_a_page_shows_them(
    visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADVMI_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("ADVMI_DATA", raising=False)
    (tmp_path / "else_where").mkdir()
    command = ["study", "sampling", "--n", "10", "--eps", "0.2"]
    for more in ([], ["--out", str(tmp_path / "else_where"), "--sampling", "conv", "--steps", "2"]):
        done = CliRunner().invoke(cli.app, [*command, *more])
        assert done.exit_code == 0, done.output
    tab = visit()
    assert list(tab.app.dataframe[0].value["state"]) == ["complete"] * 2
    assert list(tab.app.dataframe[0].value["run"]) == ["Sampling: 10 images, noise, ε = 0.2"] * 2
    (elsewhere,) = (path.name for path in (tmp_path / "else_where").glob("sampling-*"))
    away = visit(chosen=elsewhere)
    assert "else\\_where" in away.said
    (button,) = [button for button in away.app.button if button.label == "Open"]
    assert button.disabled
    (here,) = (path.name for path in (tmp_path / "cache" / "studies").glob("sampling-*"))
    tab = visit(chosen=here)
    tab.press("Open")
    assert tab.app.title[0].value == "Mutual information"
    assert "Already computed" in tab.said
    assert tab.app.number_input(key="mutual-information.study-n").value == 10
    tab.press("Show")
    job = tab.app.session_state["mutual-information.sampling.job"]
    while (now := shared().get(job)) is not None and now.active:
        time.sleep(0.05)
    assert now is not None
    assert now.state == "done"
    assert now.result.loaded
    shared().discard(job)
