"""The main path of every page, with the times that people notice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FIRST_CURVE = 1.0  # seconds from the click, on two quiet cores
FINISHED_UAE = 4.0
FINISHED_SUPERVISED = 3.0
LOOKS = [((1280, 800), "light"), ((1920, 1080), "dark")]
Open = Callable[..., Any]


@pytest.mark.alone
def test_first_click_on_overview_is_answered_at_once(visit: Open) -> None:
    tab, firsts = visit(), []

    def run() -> float:
        start = tab.press("Watch it happen")
        firsts.append(tab.moved() - start)
        return float(tab.finished() - start)

    tab.warm()
    tab.within(FINISHED_SUPERVISED, run)
    assert firsts[0] < FIRST_CURVE, f"first moved curve after {firsts[0]:.2f} s"


@pytest.mark.alone
def test_an_unsupervised_example_is_ready_in_time(visit: Open) -> None:
    tab = visit()
    tab.open("unsupervised")
    tab.page.wait_for_timeout(2000)
    tab.within(FINISHED_UAE, lambda: -tab.press("Start") + tab.anew())


def test_overview_fits_on_one_screen(visit: Open) -> None:
    tab = visit()
    tab.open("")
    tab.shots("overview-1-idle")
    tab.look((1280, 800), "light")
    tab.press("Watch it happen")
    tab.moved()
    tab.shot("overview-2-running")
    tab.finished()
    for size, scheme in LOOKS:
        tab.look(size, scheme)
        tab.shot("overview-3-finished")
        box = tab.page.locator(".stage").bounding_box()
        assert box["y"] + box["height"] <= size[1], "the main visual needs scrolling"
    tab.page.get_by_text("autoencoder", exact=True).click()
    tab.page.locator(".stage.four[data-state='finished']").wait_for(timeout=60_000)
    tab.shots("overview-4-unsupervised")


def test_another_image_starts_by_one_click(visit: Open) -> None:
    tab = visit()
    tab.open("")
    tab.page.get_by_role("button", name="Attack this Bag").click()
    tab.moved()
    tab.finished()
    tab.page.get_by_text("True class: Bag").wait_for()


def test_supervised_path(visit: Open) -> None:
    tab = visit()
    tab.open("supervised?steps=60")
    tab.shots("supervised-1-idle")
    tab.press("Start")
    tab.finished()
    tab.shots("supervised-2-finished")
    slider = tab.page.get_by_role("slider", name="Iteration")
    slider.fill("5")
    tab.page.get_by_text("iteration 5 / 60").wait_for()
    for _ in range(2):
        tab.page.get_by_role("button", name="One iteration back").click()
    tab.page.get_by_text("iteration 3 / 60").wait_for()
    with tab.page.expect_download() as download:
        tab.page.get_by_role("button", name="Curves · CSV").click()
    assert download.value.suggested_filename.endswith(".csv")


def test_cancel_keeps_the_partial_result(visit: Open) -> None:
    tab = visit()
    tab.open("supervised?steps=2000")
    tab.press("Start")
    tab.moved()
    tab.press("Cancel")
    tab.finished()
    tab.page.get_by_text("Partial result: cancelled after").wait_for()
    tab.shot("supervised-3-cancelled")


def test_gallery_path(visit: Open) -> None:
    tab = visit()
    tab.open("supervised?image-by=random&image-count=24&steps=40&eps=0.1")
    tab.press("Start")
    tab.finished()
    tab.page.locator(".thumbs button").nth(23).wait_for()
    tab.shots("gallery-1")
    before = tab.page.locator(".stage").get_attribute("data-key")
    tab.page.locator(".thumbs button").nth(3).click()
    tab.page.locator(f".stage:not([data-key='{before}'])").wait_for()
    tab.shots("gallery-2-clicked")


def test_unsupervised_path(visit: Open) -> None:
    tab = visit()
    tab.open("unsupervised?attack-model=ae-dense")
    tab.shots("unsupervised-1-idle")
    tab.press("Start")
    tab.finished()
    tab.shots("unsupervised-2-finished")


def test_drawing_is_attacked_under_the_models_own_answer(visit: Open) -> None:
    tab = visit()
    tab.open("supervised?steps=20")
    tab.page.get_by_text("Draw", exact=True).click()
    board = tab.page.get_by_role("img", name="Drawing area")
    board.wait_for()
    box = board.bounding_box()
    mouse = tab.page.mouse
    mouse.move(box["x"] + 60, box["y"] + 50)
    mouse.down()
    for x, y in ((60, 170), (160, 170), (160, 50), (60, 50)):
        mouse.move(box["x"] + x, box["y"] + y, steps=5)
    mouse.up()
    tab.page.get_by_text("The label is unknown").wait_for(timeout=20_000)
    tab.press("Start")
    tab.finished()
    tab.shot("supervised-4-drawn")


def test_presenter_mode_has_larger_type(visit: Open) -> None:
    tab = visit()
    tab.open("?presenter=1")
    tab.press("Watch it happen")
    tab.finished()
    tab.shot("presenter")
    large(tab)


@pytest.mark.parametrize("wait", [100, 400, 900])
def test_presenter_mode_stays_on_leaving_in_the_middle_of_a_run(visit: Open, wait: int) -> None:
    tab = visit()
    tab.open("?presenter=1")
    tab.press("Watch it happen")
    tab.page.wait_for_timeout(wait)
    tab.page.get_by_role("link", name="Supervised", exact=True).first.click()
    tab.page.get_by_role("heading", name="Supervised adversarial examples").wait_for()
    tab.page.wait_for_url("**presenter=1**", timeout=30_000)
    large(tab)


def large(tab: Any) -> None:
    size = tab.page.evaluate("parseFloat(getComputedStyle(document.documentElement).fontSize)")
    assert float(size) > 17
