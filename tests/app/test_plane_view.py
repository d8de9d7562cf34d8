"""The view on the plane of ε and w: idle, running, finished, cancelled, restored by its link."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from links import written

from advmi_core import models
from advmi_core.attacks import MinMax
from advmi_core.objectives import Classification, Reconstruction

Visit = Callable[..., Any]


@pytest.fixture
def plane(visit: Visit) -> Callable[..., Any]:
    """Opens the view; the tab's job is then the plane's."""

    def new(page: str, **query: str) -> Any:
        tab = visit(page, view="plane", **query)
        tab.page = f"{page}.plane"
        return tab

    return new


def sent(tab: Any) -> dict[str, Any]:
    (found,) = tab.parts("advmi_plane")
    drawn: dict[str, Any] = json.loads(found)
    return drawn


@pytest.mark.parametrize("page", ["supervised", "unsupervised"])
def test_it_waits_with_the_picture_and_an_empty_plane(plane: Any, page: str) -> None:
    tab = plane(page)
    drawn = sent(tab)
    assert drawn["idle"]
    assert set(drawn["state"]) == {"unknown"}
    assert (len(drawn["eps"]), len(drawn["weights"])) == (11, 9)
    assert "0 of 0 attacks succeed" in drawn["alt"]
    assert not tab.app.error
    assert not tab.parts("advmi_stage")


def test_every_position_shows_what_one_attack_with_its_settings_finds(plane: Any) -> None:
    tab = plane("supervised", plane_steps="8", image_by="index", image_index="3")
    tab.press("Start")
    tab.finish()
    drawn, task = sent(tab), tab.job.about
    at = drawn["eps"].index(0.3) * 9 + drawn["weights"].index(-1.0)
    net = models.load("cnn", dataset="fashion-mnist")
    x, y = task.images.x, task.images.y
    alone = MinMax(eps=0.3, mi_weight=-1.0, steps=8, mi_steps=0)(Classification(net, y), x)
    delta = np.frombuffer(base64.b64decode(drawn["delta"]), np.int8).reshape(99, 28, 28)[at]
    shown = delta / 127 * drawn["scale"]
    np.testing.assert_allclose(shown, (alone.x_adv - x)[0, 0], atol=drawn["scale"] / 127)
    share = dict(drawn["numbers"][at])["Information kept"].split(" %")[0]
    assert float(share) == pytest.approx(100 * float(alone.kept[0]), abs=0.2)
    assert drawn["layers"]["kept"]["texts"][at] == f"{100 * float(alone.kept[0]):.0f} %"
    probabilities = torch.softmax(alone.output_adv[0], 0).tolist()
    np.testing.assert_allclose(drawn["probs"][at], probabilities, atol=1e-3)
    failed = [not success for success in tab.job.result.found.success.tolist()]
    assert [state == "failed" for state in drawn["state"]] == failed
    assert any(failed)


def test_an_autoencoders_plane_shows_what_is_rebuilt(plane: Any) -> None:
    tab = plane("unsupervised", plane_steps="8", attack_model="ae-dense", plane_weight="10")
    tab.press("Start")
    tab.finish()
    drawn, x = sent(tab), tab.job.about.images.x
    at = drawn["eps"].index(1.0) * 9 + drawn["weights"].index(10.0)
    objective = Reconstruction(models.load("ae-dense", dataset="fashion-mnist"))
    alone = MinMax(eps=1.0, mi_weight=10.0, steps=8, mi_steps=0)(objective, x)
    rebuilt = np.frombuffer(base64.b64decode(drawn["reconstruction"]), np.uint8).reshape(99, 28, 28)[at]
    np.testing.assert_allclose(rebuilt / 255, alone.output_adv[0, 0], atol=0.01)
    assert drawn["losses"][at] - drawn["loss0"] == pytest.approx(float(alone.criterion[0]), abs=2e-3)
    assert drawn["at"] == {"eps": 1.0, "weight": 10.0, "colour": "kept"}


def test_a_link_restores_the_view(plane: Any) -> None:
    tab = plane("supervised", plane_eps="0.1", plane_weight="-10", plane_colour="l2", plane_steps="12")
    assert sent(tab)["at"] == {"eps": 0.1, "weight": -10.0, "colour": "l2"}
    link = written(tab.app)
    assert link["view"] == "plane"
    assert (link["plane-eps"], link["plane-weight"], link["plane-steps"]) == ("0.1", "-10", "12")


def test_cancelling_keeps_what_there_is(plane: Any) -> None:
    tab = plane("supervised", plane_steps="400")
    tab.press("Start")
    while not tab.job.records:
        pass
    tab.app.run()
    assert sent(tab)["live"]
    tab.press("Cancel")
    tab.finish()
    assert tab.job.state == "cancelled"
    assert "Partial result" in tab.said
    drawn = sent(tab)
    assert (len(drawn["eps"]), len(drawn["weights"])) in {(6, 5), (11, 9)}
    assert len(drawn["numbers"]) == len(drawn["state"])


def test_other_settings_than_shown_are_named(plane: Any) -> None:
    tab = plane("supervised", plane_steps="5")
    tab.press("Start")
    tab.finish()
    tab.app.number_input(key="supervised.plane-steps").set_value(10).run()
    assert "Of other settings" in tab.said
    assert len(sent(tab)["numbers"]) == 99


def test_of_several_images_the_first_is_attacked(plane: Any) -> None:
    tab = plane("supervised", plane_steps="5", image_by="random", image_count="12")
    tab.press("Start")
    tab.finish()
    assert len(tab.job.about.images) == 1
    assert "The first of the 12 chosen images" in tab.said


def test_an_image_of_the_target_class_is_refused_in_words(plane: Any) -> None:
    several = {"image_by": "random", "image_count": "12"}
    tab = plane("supervised", plane_steps="5", **several)
    tab.press("Start")
    tab.finish()
    own = tab.job.about.classes[int(tab.job.about.images.y[0])]
    again = plane("supervised", attack_aim="targeted", attack_target=own, **several)
    again.press("Start")
    assert [box.value for box in again.app.info] == ["This image belongs to the target class already."]
    assert "supervised.plane.job" not in again.app.session_state


def test_what_the_core_refuses_is_one_sentence(plane: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise ValueError("y must lie in 0…9, got labels in 3…12")

    monkeypatch.setattr("advmi_core.ui.attack.tasks.Classification", refuse)
    tab = plane("supervised")
    tab.press("Start")
    assert [error.value for error in tab.app.error] == ["y must lie in 0…9, got labels in 3…12"]
    assert sent(tab)["idle"]


def test_going_back_to_one_attack_keeps_both(plane: Any) -> None:
    tab = plane("supervised", plane_steps="5")
    tab.press("Start")
    tab.finish()
    tab.app.button_group(key="supervised.view").set_value("attack").run()
    assert tab.stage["idle"]
    tab.app.button_group(key="supervised.view").set_value("plane").run()
    assert len(sent(tab)["numbers"]) == 99


def test_norm_and_seed_are_those_of_the_form(plane: Any) -> None:
    tab = plane("supervised", plane_steps="5", norm="l2", seed="7")
    tab.press("Start")
    tab.finish()
    assert (tab.job.about.attack.norm, tab.job.about.attack.seed) == ("l2", 7)
    drawn = sent(tab)
    assert drawn["radius"] == "radius ε, L2"
    assert drawn["eps"][-1] == 10
    tab.app.selectbox(key="supervised.minmax-solver.norm").set_value("linf").run()
    assert "Of other settings" in tab.said
    assert "L2" in tab.said


def test_a_reload_shows_the_same_plane(plane: Any) -> None:
    tab = plane("supervised", plane_steps="5")
    tab.press("Start")
    tab.finish()
    link = {name.replace("-", "_"): value for name, value in written(tab.app).items() if name != "view"}
    again = plane("supervised", **link)
    assert again.job.id == tab.job.id
    assert sent(again) == sent(tab)


@pytest.fixture
def share(visit: Visit) -> Callable[..., Any]:
    """Opens the view on what may stay; the tab's job is then its."""

    def new(**query: str) -> Any:
        tab = visit("unsupervised", view="share", **query)
        tab.page = "unsupervised.share"
        return tab

    return new


def stays(tab: Any) -> dict[str, Any]:
    (found,) = tab.parts("advmi_share")
    drawn: dict[str, Any] = json.loads(found)
    return drawn


def test_what_may_stay_goes_from_all_of_it_to_the_least_that_was_reached(share: Any) -> None:
    tab = share(attack_model="ae-dense", steps="60")
    assert stays(tab)["idle"]
    tab.press("Start")
    tab.finish()
    drawn, task, found = stays(tab), tab.job.about, tab.job.result.found
    assert (task.attack.eps, task.attack.steps) == ((1.0,), 60)
    shares = drawn["shares"]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 99
    assert shares[-1] == pytest.approx(100 * float(found.kept[found.success].min()))
    assert shares[-1] < 40
    assert len(shares) > 15
    assert max(before - after for before, after in pairwise(shares)) < 15
    # Every stop is the attack with its weight alone, and its picture that attack's.
    stop = len(shares) // 2
    weight = float(dict(drawn["numbers"][stop])["MI weight w"])
    x = task.images.x
    objective = Reconstruction(models.load("ae-dense", dataset="fashion-mnist"))
    alone = MinMax(eps=1.0, mi_weight=weight, steps=60, mi_steps=0)(objective, x)
    delta = np.frombuffer(base64.b64decode(drawn["delta"]), np.int8).reshape(-1, 28, 28)
    assert len(delta) == len(shares)
    np.testing.assert_allclose(
        delta[stop] / 127 * drawn["scale"], (alone.x_adv - x)[0, 0], atol=drawn["scale"] / 127
    )
    assert shares[stop] == pytest.approx(100 * float(alone.kept[0]), abs=0.2)
    assert drawn["losses"][stop] <= drawn["loss0"] + 1e-3
    assert "does not look at" in tab.said


def test_a_reload_shows_the_same_slider_at_the_same_place(share: Any) -> None:
    tab = share(steps="20", eps="0.5", stays="60.5")
    tab.press("Start")
    tab.finish()
    assert stays(tab)["at"] == 60.5
    link = written(tab.app)
    assert link["stays"] == "60.5"
    again = share(**{name.replace("-", "_"): text for name, text in link.items() if name != "view"})
    assert again.job.id == tab.job.id
    assert stays(again) == stays(tab)
    again.app.number_input(key="unsupervised.minmax-solver.steps").set_value(10)
    again.app.slider(key="unsupervised.minmax-solver.eps").set_value(0.25)
    again.press("Start")
    again.finish()
    assert (again.job.about.attack.eps, again.job.about.attack.steps) == ((0.25,), 10)


def test_the_slider_is_said_in_words_while_the_attack_runs_and_when_it_was_cancelled(share: Any) -> None:
    tab = share(steps="2000")
    tab.press("Start")
    while len(tab.job.records) < 2:
        pass
    tab.app.run()
    assert stays(tab)["said"].startswith("Now down to")
    tab.press("Cancel")
    tab.finish()
    assert "Partial result" in tab.said
    assert stays(tab)["shares"]
