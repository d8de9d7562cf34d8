"""The page Defence in every state, without a browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from sweep_pages import FIGURE, SCRIPTS, Tab, assert_unwritable_is_one_sentence

from advmi_core import paths
from advmi_core.attacks import FWA, PGD, Attack
from advmi_core.jobs import shared
from advmi_core.studies.defence import attacks as lesson_attacks
from advmi_core.studies.robustness import RobustnessResult, stored

PAGE = "defence"
TINY = {"images": "100", "epochs": "2", "pgd-steps": "1", "test-images": "10"}
Visit = Callable[..., Tab]


def few(eps: float, seed: int) -> dict[str, Attack]:
    """Two of the five attacks, shorter: what the page does with them is the same."""
    return {
        "PGD-10": PGD(eps=eps, seed=seed, steps=2, loss="ce", mi_steps=0),
        "FWA-10": FWA(eps=eps, seed=seed, steps=2, mi_steps=0),
    }


@pytest.fixture
def visit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Visit]:
    """Opens the page with the query parameters of a link; ends its job afterwards."""
    monkeypatch.setitem(SCRIPTS, PAGE, "pages/defend/defence.py")
    monkeypatch.setattr(lesson_attacks, "attacks", few)
    monkeypatch.setattr(stored, "shipped_folder", lambda: tmp_path / "shipped")
    monkeypatch.delenv("ADVMI_DATA", raising=False)
    opened: list[Tab] = []

    def new(cache: Path, **query: str) -> Tab:
        monkeypatch.setenv("ADVMI_CACHE", str(cache))
        opened.append(Tab(PAGE, query))
        return opened[-1]

    yield new
    for tab in opened:
        assert not tab.app.exception, tab.app.exception
        if tab.key("job") in tab.app.session_state:
            shared().discard(tab.app.session_state[tab.key("job")])


def test_the_first_look_computes_nothing_and_says_what_is_done(visit: Visit, tmp_path: Path) -> None:
    tab = visit(tmp_path)
    assert tab.key("job") not in tab.app.session_state
    assert tab.has("Start")
    assert "Nothing trained yet" in tab.said
    assert "adversarial MI" in tab.said
    assert tab.charts == []
    assert "No full table here yet" in tab.said
    assert "advmi table whitebox --run --trained DIR" in tab.said
    loss = tab.app.selectbox(key=tab.key("loss"))
    assert loss.options == ["Standard", "WMIM", "NAMID", "TRADES", "NAMID_T", "MART", "NAMID_M"]


def ship(folder: Path, kind: str = "whitebox", **rates: float) -> None:
    """A stored table in which a row is right on exactly this share of the images."""
    rows, seeds, images = list(rates), [0, 1], {"None": 400, "PGD-40": 400, "PGD-100": 400}
    training = {"spec": {"alpha": 0.3, "penalty": 0.1}, "images": 12000}
    spec = {
        "study": "robustness", "kind": kind, "dataset": "fashion-mnist", "model": "resnet18-w8", "rows": rows,
        "seeds": seeds, "eps": 0.1, "norm": "linf", "attacks": {name: [] for name in images},
        "images": images, "trained": {f"{row}/{seed}": training for row in rows for seed in seeds},
        "surrogate": None, "batch": 250,
    }  # fmt: skip
    right = {
        (row, seed, attack): np.arange(count) < rate * count
        for row, rate in rates.items()
        for seed in seeds
        for attack, count in images.items()
    }
    stored.save(RobustnessResult(spec, right), folder / "shipped")


def test_full_tables_are_shown_until_something_is_trained(visit: Visit, tmp_path: Path) -> None:
    ship(tmp_path, standard=0.5, namid=0.6, trades=0.7)
    ship(tmp_path, "ablation", standard=0.5, namid=0.5)
    tab = visit(tmp_path, **TINY)
    assert "NAMID more robust than the baseline" in tab.said
    assert "NAMID − Standard: +10.00" in tab.said
    assert "NAMID: α = 0.3, λ = 0.1" in tab.said
    assert "Not measured so far: WMIM, NAMID_T, MART, NAMID_M; AA, FWA-40, TI-DIM." in tab.said
    measured, published, differences = (element.value for element in tab.app.table)
    assert list(measured.columns) == [
        "trained by", "None, % of 400", "PGD-40, % of 400"
    ]  # fmt: skip
    assert measured["PGD-40, % of 400"].tolist() == ["50.00 ± 0.00", "60.00 ± 0.00", "70.00 ± 0.00"]
    assert all("published, CIFAR-10" in name for name in published.columns[1:])
    assert published.iloc[0, 2] == "42.38"
    assert len(differences) == 3
    assert [len(chart["data"]) for chart in tab.charts] == [3, 1, 3]  # accuracies, differences, guards
    assert tab.downloads == {*FIGURE, "Table · CSV", "Table · TEX", "Settings · JSON"}

    tab.app.segmented_control(key=tab.key("table")).set_value("ablation-linf").run()
    assert "NAMID no clear difference" in tab.said
    tab.press("Start")
    tab.finish()
    assert "NAMID against Standard" in tab.said
    tab.app.segmented_control(key=tab.key("source")).set_value("tables").run()
    assert "NAMID no clear difference" in tab.said


def test_what_the_term_does_to_one_model_is_shown_from_the_shipped_studies(
    visit: Visit, tmp_path: Path
) -> None:
    ship(tmp_path, standard=0.5)
    tab = visit(tmp_path, table="term")
    shipped = sorted((paths.assets() / "studies").glob("namid-late*.json"))
    assert len(tab.app.table) == len(shipped) > 0
    assert "clearly make a model more robust" in tab.said
    assert [len(chart["data"]) for chart in tab.charts] == [len(shipped)]
    assert tab.downloads == FIGURE


def test_a_damaged_table_is_one_sentence(visit: Visit, tmp_path: Path) -> None:
    ship(tmp_path, standard=0.5)
    (tmp_path / "shipped" / "whitebox-fashion-mnist-linf.npz").write_bytes(b"")
    (error,) = visit(tmp_path).app.error
    assert "missing or damaged" in error.value


def test_a_lesson_from_start_to_attack(visit: Visit, tmp_path: Path) -> None:
    tab = visit(tmp_path, **TINY)
    tab.press("Start")
    assert tab.finish().state == "done"
    assert "NAMID against Standard, x̃ of 10 test images under PGD-10" in tab.said
    assert "natural MI" in tab.said
    assert "adversarial MI" in tab.said
    assert len(tab.charts) == 4
    assert tab.downloads == {*FIGURE, "Curves · CSV", "Attacks · CSV", "Settings · JSON"}
    for view, charts, words in (
        ("radar", 2, "The centre is"), ("split", 2, "Eq. 3 as measured"), ("equations", 1, "Eq. 6"),
    ):  # fmt: skip
        tab.app.segmented_control(key=tab.key("view")).set_value(view).run()
        if view != "equations" or words in tab.said:  # ten images may hold none that is right and then wrong
            assert len(tab.charts) == charts
            assert words in tab.said
        else:
            assert "Not measured yet" in tab.said

    tab.press("Start")
    again = tab.finish()
    assert "Computed before, loaded" in tab.said
    weights = again.result.weights["defence"]

    tab.press("Attack this model")
    assert tab.app.title[0].value == "Supervised adversarial examples"
    model = tab.app.selectbox(key="supervised.attack-model")
    assert model.value == f"{weights.parent.name}/cnn"
    assert model.options[0] == "CNN, clothes (Fashion-MNIST)"
    assert any(option.startswith("NAMID (cnn, ε 0.1, α ") for option in model.options)
    tab.app.switch_page("pages/attack/supervised.py").run()  # a browser's tab is there by now
    tab.app.number_input(key="supervised.minmax-solver.steps").set_value(5)
    tab.press("Start")
    job = tab.app.session_state["supervised.job"]
    assert shared().get(job).about.model == model.value  # type: ignore[union-attr]
    shared().discard(job)


def test_cancelled_it_shows_what_it_has(visit: Visit, tmp_path: Path) -> None:
    tab = visit(tmp_path, **TINY | {"images": "400", "epochs": "50"})
    tab.press("Start")
    tab.wait(lambda now: any(step.training.finished for step in now.records))
    tab.app.run()
    assert tab.has("Cancel")
    assert "1 of 4 · Training Standard, epoch" in tab.said
    loss, accuracy, *_ = tab.charts
    assert len(loss["data"][0]["y"]) >= 2
    assert len(accuracy["data"][0]["y"]) >= 1
    tab.press("Cancel")
    assert tab.finish().state == "cancelled"
    assert "Partial result" in tab.said
    assert len(tab.charts) == 4
    assert not tab.has("Attack this model")


def test_a_folder_that_cannot_be_written_is_one_sentence(visit: Visit, tmp_path: Path) -> None:
    assert_unwritable_is_one_sentence(lambda folder: visit(folder, **TINY), tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [("loss", "best"), ("alpha", "11"), ("penalty", "-1"), ("eps", "0.5"), ("images", "5"),
     ("model", "vgg19"), ("view", "x")],
)  # fmt: skip
def test_a_bad_link_is_named(visit: Visit, tmp_path: Path, name: str, value: str) -> None:
    (warning,) = visit(tmp_path, **{name: value}).app.warning
    assert f"{name}={value}" in warning.value
