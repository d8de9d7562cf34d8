"""Every page in every state: first look, links, running, finished, cancelled, failed, galleries, uploads."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from links import written
from PIL import Image

from advmi_core import data
from advmi_core.attacks import ATTACKS, MinMax, PublishedMinMax
from advmi_core.augmentation.strength import DEFAULTS
from advmi_core.figures import text
from advmi_core.mi.per_image.information import Information
from advmi_core.ui.attack import views
from advmi_core.ui.attack.fields import parameters

Visit = Callable[..., Any]
PAGES = ("overview", "supervised", "unsupervised")


@pytest.mark.parametrize("page", PAGES)
def test_first_look_shows_the_image_and_waits(visit: Visit, page: str) -> None:
    tab = visit(page)
    assert tab.stage["idle"]
    assert tab.stage["curves"]["step"] == []
    assert not tab.app.error
    assert not tab.app.warning


@pytest.mark.parametrize(
    ("page", "query", "named"),
    [
        ("overview", {"eps": "2"}, "eps"),
        ("overview", {"image": "many"}, "image"),
        ("supervised", {"steps": "0"}, "steps"),
        ("supervised", {"attack_name": "magic"}, "attack-name"),
        ("supervised", {"norm": "l7"}, "norm"),
        ("supervised", {"eps": "nan"}, "eps"),
        ("unsupervised", {"attack_model": "../../etc"}, "attack-model"),
        ("unsupervised", {"image_by": "telepathy"}, "image-by"),
    ],
)
def test_a_bad_link_is_named_and_the_default_used(
    visit: Visit, page: str, query: dict[str, str], named: str
) -> None:
    tab = visit(page, **query)
    assert len(tab.app.warning) == 1
    assert named in tab.app.warning[0].value
    assert "default" in tab.app.warning[0].value
    assert tab.stage["idle"]


def test_a_link_restores_parameters_and_seed(visit: Visit) -> None:
    tab = visit("supervised", eps="0.12", steps="7", seed="5", image_by="index", image_index="3")
    tab.press("Start")
    tab.finish()
    spec = tab.job.result.spec
    assert (spec["eps"], spec["steps"], spec["seed"]) == (0.12, 7, 5)
    expected = data.load("fashion-mnist", split="test").x[3]
    assert (tab.job.about.images.x[0] == expected).all()
    assert written(tab.app)["eps"] == "0.12"


def test_overview_runs_from_one_click_to_a_verdict(visit: Visit) -> None:
    tab = visit("overview")
    tab.press("Watch it happen")
    tab.finish()
    assert tab.stage["kind"] == "classification"
    assert tab.stage["curves"]["step"][-1] == 200
    assert tab.stage["best"] in tab.stage["steps"]
    assert "Success" in tab.said or "Failed" in tab.said


def test_overview_starts_again_when_the_story_changes(visit: Visit) -> None:
    tab = visit("overview")
    tab.press("Watch it happen")
    first = tab.job.id
    tab.app.button_group(key="overview.story").set_value("unsupervised").run()
    assert tab.job.id != first
    assert tab.job.about.attack.eps == 1.0
    tab.finish()
    assert tab.stage["kind"] == "reconstruction"
    assert len(tab.stage["losses"]) == len(tab.stage["steps"])


@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_every_registered_attack_has_a_form_that_runs(visit: Visit, name: str) -> None:
    few = {"queries": "8"} if name == "autoattack" else {}
    tab = visit("supervised", attack_name=name, steps="4", **few)
    tab.press("Start")
    tab.finish()
    assert tab.job.state == "done"
    assert tab.job.result.spec["attack"] == name
    assert len(tab.app.get("download_button")) >= 5


def _shown(stage: dict[str, Any], frame: int) -> torch.Tensor:
    """The iterate that the stage was sent, from its original and perturbation."""
    channels, height, width = stage["shape"]
    x = np.frombuffer(base64.b64decode(stage["x"]), np.uint8).reshape(height, width, channels) / 255
    delta = np.frombuffer(base64.b64decode(stage["delta"]), np.int8).reshape(-1, *x.shape)[frame]
    return torch.from_numpy(np.moveaxis(x + delta / 127 * stage["scale"], -1, 0)[None]).float()


@pytest.mark.parametrize(
    ("page", "query"),
    [
        ("supervised", {"steps": "30"}),
        ("supervised", {"steps": "20", "mi_weight": "-10"}),
        ("supervised", {"attack_name": "minmax", "steps": "30"}),
        ("supervised", {"attack_name": "pgd", "steps": "20"}),
        ("supervised", {"attack_name": "pgd", "steps": "20", "mi_weight": "1", "mi": "mine-conv"}),
        ("supervised", {"attack_name": "penalty", "steps": "10", "searches": "2"}),
        ("supervised", {"attack_name": "cw", "steps": "10", "searches": "2"}),
        ("supervised", {"attack_name": "ddn", "steps": "300"}),  # more than a page keeps of its records
        ("unsupervised", {"steps": "30"}),
        ("unsupervised", {"attack_name": "minmax", "steps": "10", "inner": "2"}),
        ("overview", {}),
    ],
)
def test_the_drawn_value_is_the_information_of_the_shown_iterate(
    visit: Visit, page: str, query: dict[str, str]
) -> None:
    tab = visit(page, **query)
    tab.press("Start" if page != "overview" else "Watch it happen")
    tab.finish()
    x, stage = tab.job.about.images.x, tab.stage
    information = Information(x)
    records = {record.step: record for record in tab.job.records}
    own = [frame for frame, step in enumerate(stage["steps"]) if step in records]
    assert len(own) > 5
    for frame in own:
        step = stage["steps"][frame]
        at, x_adv = stage["curves"]["step"].index(step), records[step].x_adv
        assert _shown(stage, frame).sub(x_adv).abs().max() < 0.01  # bytes of the picture, 127 levels of δ
        nats, share = information(x_adv)[0], information.kept(x_adv)[0]
        assert stage["curves"]["information"][at] == pytest.approx(float(nats), abs=1e-3)
        assert stage["curves"]["kept"][at] / 100 == pytest.approx(float(share), abs=1e-3)
    kept = stage["curves"]["step"].index(stage["best"])
    assert stage["curves"]["kept"][kept] == pytest.approx(100 * float(tab.job.result.kept[0]), abs=0.1)
    critics = [value for value in stage["curves"]["loop"] if value is not None]
    has_critic = query.get("attack_name") in ("minmax", "penalty") or query.get("mi_weight") == "1"
    assert bool(critics) == has_critic
    if has_critic:
        told = [records[step].mi[0] for step in stage["curves"]["step"] if step in records]
        assert set(critics) >= {float(f"{value:.5g}") for value in told}


def test_the_live_curve_is_the_information_of_the_latest_iterate(visit: Visit) -> None:
    tab = visit("supervised", attack_name="minmax", steps="2000")
    tab.press("Start")
    while len(tab.job.records) < 5:
        pass
    snapshot = tab.job
    stage = views.live(snapshot)
    x_adv = snapshot.records[-1].x_adv
    assert _shown(stage, -1).sub(x_adv).abs().max() < 0.01
    share = Information(snapshot.about.images.x).kept(x_adv)[0]
    assert stage["curves"]["step"][-1] == stage["steps"][-1] == snapshot.records[-1].step
    assert stage["curves"]["kept"][-1] == pytest.approx(100 * float(share), abs=0.1)
    assert stage["curves"]["loop"][-1] == pytest.approx(float(snapshot.records[-1].mi[0]), rel=1e-4)


@pytest.mark.parametrize(
    ("page", "ends", "weights"),
    [
        ("supervised", ("destroy", "keep"), (-10.0, 10.0)),
        ("unsupervised", ("keep", "destroy"), (0.0, 10.0)),  # x itself keeps all: below 0 nothing moves
    ],
)
def test_either_end_of_the_weight_does_what_its_words_say(
    visit: Visit, page: str, ends: tuple[str, str], weights: tuple[float, float]
) -> None:
    tab = visit(page, steps="100")
    slider = tab.app.select_slider(key=f"{page}.minmax-solver.mi_weight")
    assert slider.label == f"MI weight w: {ends[0]} … {ends[1]} information"
    assert slider.value == 1.0
    kept = {}
    assert [slider.options[at].replace("−", "-") for at in (0, -1)] == [f"{weight:g}" for weight in weights]
    for end, weight in zip(ends, weights, strict=True):
        tab.app.select_slider(key=f"{page}.minmax-solver.mi_weight").set_value(weight)
        tab.press("Start")
        tab.finish()
        assert tab.job.about.attack.mi_weight == weight
        assert bool(tab.job.result.success[0])
        kept[end] = float(tab.job.result.kept[0])
    assert kept["keep"] > 0.9
    assert kept["destroy"] < 0.4


def test_a_weight_between_two_marks_comes_by_a_link(visit: Visit) -> None:
    tab = visit("supervised", steps="3", mi_weight="7.5")
    assert not tab.app.warning
    tab.press("Start")
    tab.finish()
    assert tab.job.result.spec["mi_weight"] == 7.5


def test_the_form_of_minmax_has_no_critic() -> None:
    main = [parameter.name for parameter in parameters(MinMax) if parameter.field.main]
    rest = {parameter.name for parameter in parameters(MinMax)} - set(main)
    assert main == ["eps", "mi_weight", "steps", "norm", "seed"]
    assert rest == {"aim", "mi", "mi_steps", "quantize"}


def test_targeted_offers_every_class_but_the_true_one(visit: Visit) -> None:
    tab = visit("supervised", attack_aim="targeted", image_class="Bag", steps="4")
    target = tab.app.selectbox(key="supervised.fashion-mnist.attack-target")
    assert "Bag" not in target.options
    assert len(target.options) == 9
    target.set_value("Coat")
    tab.press("Start")
    tab.finish()
    assert tab.stage["target"] == 4


@pytest.mark.parametrize("page", ["supervised", "unsupervised"])
def test_the_preset_paper_is_minmax_as_published(visit: Visit, page: str) -> None:
    tab = visit(page)
    tab.app.button_group(key=f"{page}.preset").set_value("paper").run()
    assert tab.app.selectbox(key=f"{page}.attack-name").value == "minmax"
    assert tab.app.session_state[f"{page}.preset"] == "paper"
    assert written(tab.app)["attack-name"] == "minmax"
    assert tab.app.session_state[f"{page}.minmax.critic"] == "paper"


def test_a_link_to_minmax_as_published_keeps_its_meaning(visit: Visit) -> None:
    tab = visit("supervised", attack_name="minmax", steps="4", inner="2", mi_weight="3")
    tab.press("Start")
    tab.finish()
    assert tab.job.about.attack == PublishedMinMax(eps=0.3, steps=4, inner=2, mi_weight=3.0)


def test_presets_fill_the_form_and_changes_make_it_custom(visit: Visit) -> None:
    tab = visit("supervised")
    key = "supervised.preset"
    assert tab.app.session_state[key] == "interactive"
    tab.app.button_group(key=key).set_value("paper").run()
    assert tab.app.session_state["supervised.minmax.steps"] == 1000
    assert tab.app.session_state["supervised.minmax.critic"] == "paper"
    tab.app.number_input(key="supervised.minmax.steps").set_value(3)
    tab.app.button_group(key=key).set_value("interactive").run()
    tab.app.number_input(key="supervised.minmax.steps").set_value(3)
    tab.press("Start")
    assert tab.app.session_state[key] == "custom"


def test_cancel_keeps_the_partial_result(visit: Visit) -> None:
    tab = visit("supervised", steps="2000")
    tab.press("Start")
    while not tab.job.records:
        pass
    tab.app.run()
    tab.press("Cancel")
    tab.finish()
    assert tab.job.state == "cancelled"
    assert "Partial result: cancelled after" in tab.said
    assert 1 <= len(tab.stage["curves"]["step"]) < 2000


def test_a_second_start_replaces_the_first(visit: Visit) -> None:
    tab = visit("supervised", steps="2000")
    tab.press("Start")
    first = tab.job.id
    tab.app.number_input(key="supervised.minmax-solver.steps").set_value(3)
    tab.press("Start")
    assert tab.job.id != first
    tab.finish()
    assert tab.job.state == "done"


def test_what_the_core_refuses_is_one_sentence(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise ValueError("y must lie in 0…9, got labels in 3…12")

    monkeypatch.setattr("advmi_core.ui.attack.tasks.Classification", refuse)
    tab = visit("supervised")
    tab.press("Start")
    assert [error.value for error in tab.app.error] == ["y must lie in 0…9, got labels in 3…12"]
    assert tab.stage["idle"]


def test_a_run_that_breaks_is_one_sentence(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(task: object) -> None:
        raise RuntimeError("inner detail")

    monkeypatch.setattr("advmi_core.ui.attack.tasks.Task.make_run", broken)
    tab = visit("supervised")
    tab.press("Start")
    tab.finish()
    assert len(tab.app.error) == 1
    assert "RuntimeError" in tab.app.error[0].value
    assert "inner detail" not in tab.app.error[0].value


def test_an_unsupervised_search_over_c_runs_to_its_end(visit: Visit) -> None:
    tab = visit(
        "unsupervised", attack_name="penalty", attack_model="ae-dense", steps="3", searches="2", inner="2"
    )
    tab.press("Start")
    tab.finish()
    assert tab.job.state == "done"
    assert tab.job.result.spec["attack"] == "penalty"
    assert tab.stage["total"] == len(tab.job.result.history["c"]) == 6
    assert tab.app.session_state["unsupervised.preset"] == "custom"


def test_an_unsupervised_run_shows_both_losses(visit: Visit) -> None:
    tab = visit("unsupervised", attack_name="minmax", attack_model="ae-dense", steps="6", inner="2")
    assert "unsupervised.minmax.restore" not in tab.app.session_state  # a matter of supervised attacks
    tab.press("Start")
    tab.finish()
    stage, result = tab.stage, tab.job.result
    shown = stage["losses"][stage["steps"].index(stage["best"])] - stage["loss0"]
    assert shown == pytest.approx(float(result.criterion[0]), abs=2e-3)
    assert "minimised" in tab.said


def test_with_a_warm_critic_the_image_waits_at_first(visit: Visit) -> None:
    tab = visit("unsupervised", attack_name="minmax")
    tab.app.button_group(key="unsupervised.preset").set_value("warm critic").run()
    assert tab.app.session_state["unsupervised.minmax.warmup"] == DEFAULTS["mine-conv"].warmup
    tab.press("Start")
    tab.finish()
    assert tab.app.session_state["unsupervised.preset"] == "warm critic"
    stage = tab.stage
    assert stage["total"] == 100 + DEFAULTS["mine-conv"].warmup
    assert stage["best"] > DEFAULTS["mine-conv"].warmup
    assert bool(tab.job.result.success[0])


def test_a_drawn_digit_meets_an_autoencoder_of_digits(visit: Visit) -> None:
    tab = visit("unsupervised", attack_model="ae-dense@mnist", image_by="upload", steps="3", inner="1")
    assert tab.app.session_state["unsupervised.attack-model"] == "ae-dense@mnist"
    _upload(tab, _png((28, 28)))
    tab.press("Start")
    tab.finish()
    assert tab.job.state == "done", tab.job.error
    assert tab.job.about.model == "ae-dense@mnist"


def test_a_gallery_is_sorted_and_flags_failures_in_words(visit: Visit) -> None:
    tab = visit("supervised", image_by="random", image_count="12", steps="2", eps="0.01")
    tab.press("Start")
    tab.finish()
    (gallery,) = tab.parts("advmi_thumbs")
    result, items = tab.job.result, gallery["items"]
    assert len(items) == 12
    rows = [int(item["id"]) for item in items]
    won = [bool(result.success[row] and result.correct[row]) for row in rows]
    assert won == sorted(won, reverse=True)
    kept = [float(result.kept[row]) for row, success in zip(rows, won, strict=True) if success]
    assert kept == sorted(kept, reverse=True)
    assert [item["caption"] for item in items] == [text.percent(float(result.kept[row])) for row in rows]
    assert {item["badge"] for item, success in zip(items, won, strict=True) if not success} <= {
        "failed",
        "not counted",
    }
    assert all(item["badge"] for item, success in zip(items, won, strict=True) if not success)
    assert "attacked with success" in tab.said


def _upload(tab: Any, raw: bytes, name: str = "a.png") -> None:
    tab.app.get("file_uploader")[0].set_value((name, raw, "image/png")).run()


def _png(size: tuple[int, int], mode: str = "L") -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, size, 128 if mode == "L" else (200, 30, 30)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize("raw", [b"not a picture", _png((40, 40))[:60], _png((6000, 5000))])
def test_a_bad_upload_is_one_sentence_and_the_page_goes_on(visit: Visit, raw: bytes) -> None:
    tab = visit("supervised", image_by="upload", steps="3")
    _upload(tab, raw)
    assert len(tab.app.error) == 1
    tab.press("Start")
    assert any("Choose an image first" in error.value for error in tab.app.error)


def test_an_upload_is_attacked_under_the_models_own_answer(visit: Visit) -> None:
    tab = visit("supervised", image_by="upload", steps="3")
    _upload(tab, _png((90, 60), "RGB"))
    assert "The label is unknown" in tab.said
    tab.press("Start")
    tab.finish()
    assert tab.stage["truth_tag"] == "taken"
    assert tab.job.state == "done"


def test_presenter_mode_stays_in_the_link(visit: Visit) -> None:
    tab = visit("overview", presenter="1")
    assert tab.stage["large"]
    assert written(tab.app)["presenter"] == "1"


def test_the_source_of_the_images_is_shown(visit: Visit) -> None:
    assert "embedded" in visit("overview").said


def test_the_zoomed_curves_are_drawn_when_they_are_opened(visit: Visit) -> None:
    tab = visit("unsupervised", attack_model="ae-dense", steps="4")
    tab.press("Start")
    tab.finish()
    assert not tab.app.get("plotly_chart")
    tab.app.session_state["unsupervised.zooms"] = True
    tab.app.run()
    assert len(tab.app.get("plotly_chart")) == 1
