"""The page Autoencoders in every state, without a browser."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from links import written
from PIL import Image
from sweep_pages import SCRIPTS, Tab, assert_unwritable_is_one_sentence

from advmi_core import paths
from advmi_core.data import CATALOG
from advmi_core.experiments.progress import PROGRESS
from advmi_core.experiments.store import Store
from advmi_core.figures.autoencoders import shipped as retraining_shipped
from advmi_core.figures.autoencoders import text as retraining_words
from advmi_core.jobs import shared
from advmi_core.studies.autoencoders import (
    ROWS,
    Retrained,
    RetrainingResult,
    RetrainingStudy,
    stored,
)
from advmi_core.ui.autoencoders import form as autoencoders_form
from advmi_core.ui.autoencoders import search as autoencoders_search
from advmi_core.ui.widgets import tables

PAGE = "autoencoders"
PUBLISHED = ("original", "mine-uae-conv", "mine-uae-patches", "l2-uae", "gaussian")
TINY = {"n": "60", "seeds": "1", "epochs": "1", "uae-steps": "1"}
Visit = Callable[..., Tab]


@pytest.fixture
def visit(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Visit]:
    """Opens the page with the query parameters of a link; ends its job afterwards."""
    monkeypatch.setitem(SCRIPTS, PAGE, "pages/measure/autoencoders.py")
    opened: list[Tab] = []

    def new(cache: Path, **query: str) -> Tab:
        monkeypatch.setenv("ADVMI_CACHE", str(cache))
        opened.append(Tab(PAGE, {name.replace("_", "-"): value for name, value in query.items()}))
        return opened[-1]

    yield new
    for tab in opened:
        assert not tab.app.exception, tab.app.exception
        if tab.key("job") in tab.app.session_state:
            shared().discard(tab.app.session_state[tab.key("job")])


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder of parts for all tests: what one has computed, the next one loads."""
    return tmp_path_factory.mktemp("cache")


def look(tab: Tab, view: str, **chosen: Any) -> None:
    """Choose a view, and what it shows."""
    tab.app.segmented_control(key=tab.key("view")).set_value(view).run()
    for name, value in chosen.items():
        tab.app.segmented_control(key=tab.key(name)).set_value(value).run()


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in the place of the results that come with AdvMI."""
    monkeypatch.setattr(stored, "shipped_folder", lambda: tmp_path / "shipped")
    return tmp_path / "shipped"


@pytest.mark.usefixtures("shipped")
def test_without_a_table_the_first_look_computes_nothing_and_says_how(visit: Visit, tmp_path: Path) -> None:
    tab = visit(tmp_path)
    assert tab.key("job") not in tab.app.session_state
    assert tab.has("Start")
    assert "equal gradient steps" in tab.said
    assert retraining_shipped.COMMAND in tab.said
    assert tab.charts == []


def made_up(losses: dict[str, float], kept: dict[str, float] | None = None) -> RetrainingResult:
    """Two autoencoders, three seeds that agree within a percent, and no pictures."""
    study = RetrainingStudy(models=("ae-dense", "ae-conv"), rows=tuple(losses))
    cells = {}
    for model, row, protocol in study.cells:
        means = losses[row] * np.array([1.0, 1.005, 0.995])
        curves = (means[:, None] * np.array([3, 2, 1])).astype(np.float32)
        share = np.full(3, np.nan) if kept is None else kept[row] * np.array([1.0, 1.005, 0.995])
        cells[model, row, protocol] = Retrained(
            means[:, None], curves, kept=share, used=0 if row == ROWS[0] else 9
        )
    return RetrainingResult(study.spec(), cells, True)


def test_the_table_that_comes_with_advmi_is_shown_first(visit: Visit, tmp_path: Path, shipped: Path) -> None:
    result = made_up(dict(zip(PUBLISHED, (0.010, 0.009, 0.007, 0.011, 0.008), strict=True)))
    stored.save(result, shipped, "fashion-mnist")
    tab = visit(tmp_path)
    assert "5000 training images of fashion-mnist, 3 seeds" in tab.said
    assert "--n 5000 --model ae-dense --model ae-conv" in tab.said
    assert "Not computed yet: sparse, adversarial." in tab.said
    assert tab.said.count("MINE-UAE (patches) beats Gaussian noise. ") == 2
    assert [len(table.value) for table in tab.app.table] == [10, 20]
    assert tab.app.table[0].value["loss, 10⁻³"].iloc[0].startswith("10.000 ±")
    bars = [trace for trace in tab.charts[0]["data"] if trace["type"] == "bar"]
    assert [len(trace["x"]) for trace in bars] == [2] * 5
    look(tab, "curves", **{"shown-model": "ae-conv"})
    assert len(tab.charts) == 2
    for view in ("pictures", "start"):
        look(tab, view)
        assert tab.charts == []
    assert "Harder to fool?" not in tab.app.segmented_control(key=tab.key("view")).options


def test_another_table_shows_what_retraining_costs_and_buys(
    visit: Visit, tmp_path: Path, shipped: Path
) -> None:
    losses = {"original": 0.010, "solver-uae": 0.012, "solver-uae-x": 0.011, "gaussian": 0.013}
    stored.save(made_up(dict.fromkeys(PUBLISHED, 0.01)), shipped, "fashion-mnist")
    kept = {"original": 0.2, "solver-uae": 0.3, "solver-uae-x": 0.4, "gaussian": 0.25}
    stored.save(made_up(losses, kept), shipped, "fashion-mnist-solver-dense")
    tab = visit(tmp_path)
    tab.app.segmented_control(key=tab.key("shipped-table")).set_value("fashion-mnist-solver-dense").run()
    assert "--row original --row solver-uae" in tab.said
    look(tab, "bought", **{"shown-model": "ae-conv"})
    _, right = tab.charts
    assert {trace["name"]: trace["y"][0] for trace in right["data"]} == pytest.approx(
        {"Original": 20, "UAE by the solver": 30, "UAE by the solver, target x": 40, "Gaussian noise": 25}
    )
    assert "keeps 20.0 % of the information in x. Clearly different" in tab.said


def test_the_command_of_a_table_names_all_that_differs_from_its_defaults() -> None:
    rows = ("original", "solver-uae-x", "gaussian-loss")
    study = RetrainingStudy(
        models=("ae-dense",), rows=rows, n=300, epochs=150, noise=0.25, fooled=32, asr_images=0
    )
    assert retraining_shipped.command(study.spec()) == (
        "advmi table reconstruction --run --n 300 --model ae-dense --row original --row solver-uae-x "
        "--row gaussian-loss --epochs 150 --noise 0.25 --fooled 32 --asr-images 0"
    )
    assert retraining_shipped.command(RetrainingStudy().spec()).endswith("--run --n 5000 --noise 3")


@pytest.mark.fault("P13")
def test_the_stored_table_offers_no_view_that_would_be_empty(
    visit: Visit, tmp_path: Path, shipped: Path
) -> None:
    """Single UAEs are not stored: their views are named, with the way to get them."""
    stored.save(made_up(dict.fromkeys(ROWS, 0.01)), shipped, "fashion-mnist")
    tab = visit(tmp_path, view="latent")
    views = tab.app.segmented_control(key=tab.key("view"))
    assert views.value == "comparison"
    assert not {"Latent space", "On the manifold?"} & set(views.options)
    assert "“Latent space” and “On the manifold?”" in tab.said
    assert len(tab.charts) == 2


def tried(model: str, row: str, **changed: Any) -> dict[str, Any]:
    """One setting of the search, as its benchmark writes it."""
    setting = {
        "mi_weight": 1.0, "alpha": 0.01, "start": 0.03, "inner": 5, "warmup": 0, "steps": 40, "share": 1.0,
        "only_successful": True, "targets": "self", "noise": None, "n": 500, "seeds": 3, "model": model,
        "row": row,
    }  # fmt: skip
    numbers = {"loss": 0.014, "asr": 0.9, "used": 450, "l2": 1.0, "moved_share": 0.6, "chosen": False}
    pairs = {"minus_original": [1e-4, -2e-4, 4e-4], "minus_gaussian": [1e-4, -2e-4, 4e-4]}
    return setting | numbers | pairs | {"varied": next(iter(changed))} | changed


def test_how_the_uaes_were_chosen(visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "folder", lambda: tmp_path)
    tab = visit(tmp_path, source="search")
    assert autoencoders_search.COMMAND in tab.said
    settings = [
        tried("ae-dense", "l2-uae", mi_weight=3.0, chosen=True, minus_gaussian=[-3e-4, -4e-4, -2e-4]),
        tried("ae-dense", "l2-uae", alpha=0.01, mi_weight=3.0, minus_gaussian=[-3e-4, -4e-4, -2e-4]),
        tried("ae-dense", "l2-uae", targets="original", moved_share=0.1),
        tried("ae-dense", "l2-uae", only_successful=False, minus_gaussian=[2e-4, 1e-4, 3e-4]),
        tried("ae-conv", "mine-uae-conv", warmup=80, minus_gaussian=[]),
    ]
    (tmp_path / "uae-search.json").write_text(json.dumps({"command": "made by me", "settings": settings}))
    tab = visit(tmp_path, source="search")
    assert "1 of 3 settings clearly beats Gaussian noise" in tab.said
    assert "1 clearly does worse" in tab.said
    assert "0.10 to 0.60" in tab.said
    shown = tab.app.table[0].value
    assert list(shown["★"]) == ["★", "", "", ""]
    assert list(shown["value"]) == ["3", "0.01", "x", "no"]
    assert list(shown["− Gaussian [95 %]"].str.endswith("●")) == [True, True, False, True]
    tab.app.segmented_control(key=tab.key("search")).set_value("Convolutional, MINE-UAE (paper)").run()
    assert "None of 0 settings" in tab.said
    assert tab.app.table[0].value["− Gaussian [95 %]"].iloc[0] == "–"


def test_the_length_of_noise_was_chosen_by_its_loss(
    visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "folder", lambda: tmp_path)
    settings = [
        tried("ae-dense", "gaussian-loss", noise=1.0, loss=0.018, wanted=0.020, minus_gaussian=[]),
        tried(
            "ae-dense", "gaussian-loss", noise=3.0, loss=0.019, wanted=0.020, minus_gaussian=[], chosen=True
        ),
    ]
    (tmp_path / "uae-search.json").write_text(json.dumps({"command": "made by me", "settings": settings}))
    said = visit(tmp_path, source="search").said
    assert "Noise 3 times as long as the UAEs comes nearest to their loss" in said
    assert "19.000 against 20.000 of the solver" in said
    assert "with target x. At every length that was tried noise costs less." in said
    assert "the loss nearest to that of the solver's UAEs" in said


def test_a_damaged_search_is_as_good_as_none(
    visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "folder", lambda: tmp_path)
    for text in ("{", "[]", '{"command": "", "settings": [{"model": "ae-dense"}]}'):
        (tmp_path / "uae-search.json").write_text(text)
        assert autoencoders_search.COMMAND in visit(tmp_path, source="search").said


def test_what_uaes_do_for_learned_features(
    visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "folder", lambda: tmp_path)
    better = {"mean": 0.02, "low": 0.01, "high": 0.03}
    worse = {"mean": 0.003, "low": 0.001, "high": 0.005}
    unclear = {"mean": -1e-4, "low": -3e-4, "high": 1e-4}
    rows = [
        {"row": row, "protocol": "equal-steps", "metric": metric, "seeds": 3, "mean": 0.5, "std": None,
         "against_original": None if row == "original" else better if metric == "accuracy" else unclear,
         "against_gaussian": None if row == "gaussian" else worse if metric == "mse" else unclear}
        for metric in ("mse", "accuracy") for row in ("original", "mine-uae", "gaussian")
    ]  # fmt: skip
    spec = {"study": "representation", "n": 5000, "seeds": [0, 1, 2]}
    table = {"spec": spec, "asr": 0.9, "used": 4500, "rows": rows}
    (tmp_path / "representation-fashion-mnist.json").write_text(json.dumps(table))
    tab = visit(tmp_path, source="features")
    assert "Accuracy, %: no difference from noise that the intervals can tell" in tab.said
    assert "UAEs are clearly better than the original (equal gradient steps)." in tab.said
    assert (
        "Squared error per input, 10⁻³: UAEs are clearly worse than noise (equal gradient steps)" in tab.said
    )
    assert "4500 UAEs mixed in (success 90.0 %), 3 seeds" in tab.said
    (shown,) = tab.app.table
    assert list(shown.value["mean ± std"]) == ["500.000"] * 3 + ["50.00"] * 3
    assert shown.value["− original [95 %]"].iloc[4] == "+2.00 [+1.00, +3.00] ●"
    for command in ("--dataset mice-protein", "benchmarks.contrastive"):
        assert command in tab.said


def test_a_damaged_table_is_one_sentence(visit: Visit, tmp_path: Path, shipped: Path) -> None:
    shipped.mkdir()
    (shipped / "fashion-mnist.json").write_text("{}")
    (error,) = visit(tmp_path).app.error
    assert "fashion-mnist.json" in error.value


def test_a_small_comparison_in_all_its_views(visit: Visit, cache: Path) -> None:
    tab = visit(cache, **TINY)
    tab.press("Start")
    job = tab.finish()
    assert job.state == "done", job.error
    study = job.about
    assert (study.n, study.seeds, study.epochs, study.steps, study.models) == (60, (0,), 1, 1, ("ae-conv",))
    assert study.batch == 32
    assert job.result.complete

    table = job.result.table()
    for protocol in ("equal-epochs", "equal-steps"):
        assert retraining_words.verdict(table, "ae-conv", protocol)[1] in tab.said
    assert "no claim" in tab.said
    epochs, steps = tab.charts
    assert {trace["name"] for trace in epochs["data"] if trace["type"] == "bar"} == {
        trace["name"] for trace in steps["data"] if trace["type"] == "bar"
    }
    assert len(tab.app.table[0].value) == 2 * len(study.rows)
    assert {
        "Figure · PNG", "Figure · SVG", "Figure · PDF", "Table · CSV", "Table · TEX", "Settings · JSON"
    } == tab.downloads  # fmt: skip

    look(tab, "curves")
    assert len(tab.charts) == 2
    look(tab, "pictures", **{"shown-row": "l2-uae"})
    assert tab.said.count("x̃ rebuilt after, training image") == 16
    look(tab, "latent")
    (plane,) = tab.charts
    before = [trace for trace in plane["data"] if trace.get("hovertext", [""])[0].endswith("original")]
    assert len(before) == 10
    look(tab, "manifold")
    (scatter,) = tab.charts
    assert scatter["data"][1]["customdata"][0] == "l2-uae/0"
    assert len(scatter["data"][1]["customdata"]) == 60
    assert "its own original" in tab.said
    tab.app.number_input(key=tab.key("image")).set_value(7).run()
    assert "training image 7" in tab.said
    look(tab, "start")
    (moved,) = tab.charts
    assert len([trace for trace in moved["data"] if trace["type"] == "bar"]) == 3
    assert "the start alone has" in tab.said

    tab.press("Start")
    again = tab.finish()
    assert all(step.reused for step in again.records)
    assert "Computed before, loaded" in tab.said
    tab.app.segmented_control(key=tab.key("source")).set_value("shipped").run()
    assert "Computed before, loaded" not in tab.said


def test_while_it_runs_the_page_draws_curves_and_a_cancelled_run_keeps_them(
    visit: Visit, cache: Path
) -> None:
    tab = visit(cache, **TINY | {"epochs": "60", "n": "200"})
    tab.press("Start")
    job = tab.app.session_state[tab.key("job")]
    deadline = time.monotonic() + 60
    while (now := shared().get(job)) is None or now.so_far is None or _epochs(now.so_far) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    tab.app.run()
    assert tab.has("Cancel")
    assert "training on Original: seed 0, epoch" in tab.said
    first, _ = tab.charts
    assert len([y for y in first["data"][0]["y"] if y is not None]) >= 1
    tab.press("Cancel")
    ended = tab.finish()
    assert ended.state == "cancelled"
    assert "Partial result" in tab.said or "No training is finished yet" in tab.said


def _epochs(result: RetrainingResult) -> int:
    """Finished epochs of the training that has the most."""
    return max(int(np.isfinite(cell.curves).sum(1).max()) for cell in result.cells.values())


def test_nothing_chosen_is_one_sentence(visit: Visit, tmp_path: Path) -> None:
    tab = visit(tmp_path, models=",", **TINY)
    tab.press("Start")
    (error,) = tab.app.error
    assert error.value == "Choose at least one autoencoder."


def test_a_folder_that_cannot_be_written_is_one_sentence(visit: Visit, tmp_path: Path) -> None:
    assert_unwritable_is_one_sentence(lambda folder: visit(folder, **TINY), tmp_path)


@pytest.mark.parametrize(
    ("name", "value"), [("n", "5"), ("models", "cnn"), ("share", "101"), ("target", "x"), ("alpha", "0"),
    ("view", "x"), ("shown-row", "original"), ("image", "-1")],
)  # fmt: skip
def test_a_bad_link_is_named(visit: Visit, tmp_path: Path, name: str, value: str) -> None:
    (warning,) = visit(tmp_path, **{name: value}).app.warning
    assert f"{name}={value}" in warning.value


def test_the_form_offers_no_more_images_than_there_are() -> None:
    assert autoencoders_form.most() + 200 == len(autoencoders_form.training())


def test_another_data_set_of_this_machine(
    visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Colour pictures in the layout of CIFAR-10, a small file for each."""
    noise = np.random.default_rng(0)
    for at, name in product(range(26), CATALOG["cifar10"].classes):
        for split in ("train", "test")[: 2 if at < 2 else 1]:
            folder = tmp_path / "data" / "cifar10" / split / name
            folder.mkdir(parents=True, exist_ok=True)
            pixels = noise.integers(0, 256, (32, 32, 3), np.uint8)
            Image.fromarray(pixels).save(folder / f"{at:04d}.jpg")
    monkeypatch.setenv("ADVMI_DATA", str(tmp_path / "data"))
    autoencoders_form.training.clear()
    tab = visit(tmp_path / "cache", **TINY, data="cifar10")
    assert list(tab.app.selectbox(key=tab.key("data")).options) == ["Fashion-MNIST", "CIFAR-10"]
    tab.press("Start")
    job = tab.finish()
    assert job.state == "done", job.error
    assert job.about.dataset == "cifar10"
    assert job.result.made["ae-conv", "mine-uae-conv"].x_adv.shape == (60, 3, 32, 32)
    for view in ("pictures", "latent", "manifold"):
        look(tab, view)
    assert "training image 0" in tab.said
    assert any(name in tab.said for name in CATALOG["cifar10"].classes)


def test_a_data_set_that_is_not_here_is_not_offered(
    visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ADVMI_DATA", raising=False)
    tab = visit(tmp_path, data="cifar10")
    assert list(tab.app.selectbox(key=tab.key("data")).options) == ["Fashion-MNIST"]
    assert tab.app.selectbox(key=tab.key("data")).value == "fashion-mnist"


@pytest.mark.fault("P7")
@pytest.mark.fault("L18")
@pytest.mark.usefixtures("shipped")
def test_a_reload_finds_the_training_again(visit: Visit, tmp_path: Path) -> None:
    """Running or ended, by its settings; a process that knows no job looks at the disk."""
    tab = visit(tmp_path, **TINY)
    tab.press("Start")
    link = written(tab.app)
    job = tab.app.session_state[tab.key("job")]
    again = visit(tmp_path, **link)
    assert again.app.session_state[again.key("job")] == job
    assert tab.wait(lambda now: not now.active).state == "done"
    ended = visit(tmp_path, **link)
    assert ended.app.session_state[ended.key("job")] == job
    assert "Your run" in ended.said

    shared().discard(job)
    (info,) = Store(paths.studies()).studies()
    assert (info.kind, info.complete, info.page) == ("retraining", True, PAGE)
    later = visit(tmp_path, **link)
    assert "Already computed" in later.said
    later.press("Show")
    assert all(step.reused for step in later.finish().records)

    shared().discard(later.app.session_state[later.key("job")])
    path = info.folder / PROGRESS
    path.write_text(json.dumps(json.loads(path.read_text()) | {"complete": False, "done": 3, "total": 9}))
    killed = visit(tmp_path, **link)
    assert "Interrupted" in killed.said
    assert "3 of 9 parts" in killed.said
    assert killed.has("Go on")
