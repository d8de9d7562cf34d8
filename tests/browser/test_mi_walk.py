"""The page Mutual information as people use it: drag, start, watch, go elsewhere meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LOOKS = [((1280, 800), "light"), ((1920, 1080), "dark")]
FIRST_CURVE = 1.0  # seconds from the click, on two quiet cores; the best of three, for a busy neighbour
HANDLES = ("centre", "distance", "width", "noise")
GRID, REACH = 64, 24
Open = Callable[..., Any]


def go(tab: Any, query: str = "") -> None:
    tab.page.goto(f"{tab.address}/mutual_information{query}")
    tab.page.get_by_role("heading", name="Mutual information").wait_for(timeout=60_000)


def handle(tab: Any, name: str) -> Any:
    return tab.page.locator(f"[data-handle='{name}']")


def values(tab: Any) -> dict[str, float]:
    return {name: float(handle(tab, name).get_attribute("aria-valuenow")) for name in HANDLES}


def information(tab: Any) -> float:
    return float(tab.page.locator("[data-information]").get_attribute("data-information"))


def entropy(p: Any) -> float:
    return float(-(p[p > 0] * np.log(p[p > 0])).sum())


def expected(dragged: dict[str, float]) -> float:
    """I(X; X+N) from the joint distribution itself, by its definition."""
    x, n = np.arange(GRID), np.arange(-REACH, REACH + 1)
    bumps = [dragged["centre"] + sign * dragged["distance"] / 2 for sign in (-1, 1)]
    px = sum(np.exp(-((x - b) ** 2) / (2 * dragged["width"] ** 2)) for b in bumps)
    width = dragged["noise"]
    pn = np.exp(-(n**2) / (2 * width**2)) if width else (n == 0).astype(float)
    joint = np.zeros((GRID, GRID + 2 * REACH))
    for i in range(GRID):
        joint[i, i : i + len(n)] = (px / px.sum())[i] * pn / pn.sum()
    return entropy(joint.sum(1)) + entropy(joint.sum(0)) - entropy(joint[joint > 0])


def test_dragging_changes_the_numbers_to_the_exact_ones(visit: Open) -> None:
    tab = visit()
    go(tab)
    noise = handle(tab, "noise")
    noise.wait_for()
    assert information(tab) == pytest.approx(expected(values(tab)), abs=1e-9)
    before, box = information(tab), noise.bounding_box()
    mouse = tab.page.mouse
    mouse.move(box["x"] + box["width"] / 2 - 5, box["y"] + box["height"] / 2)
    mouse.down()
    mouse.move(box["x"] + 60, box["y"] + 30, steps=6)
    during = information(tab)  # without waiting for any server
    mouse.up()
    assert during < before - 0.1
    assert during == pytest.approx(expected(values(tab)), abs=1e-9)
    tab.page.wait_for_url("**n-width=**", timeout=10_000)
    kept = values(tab)
    tab.page.reload()
    noise.wait_for()
    assert values(tab) == kept


def test_handles_answer_to_the_keyboard(visit: Open) -> None:
    tab = visit()
    go(tab, "?x-width=4&n-width=2")
    slider = tab.page.get_by_role("slider", name="Width of the noise N")
    slider.focus()
    slider.press("ArrowRight")
    assert values(tab)["noise"] == 2.25
    slider.press("Home")
    assert values(tab)["noise"] == 0
    share = tab.page.locator("[data-number='share']")
    assert share.inner_text() == "100 %"
    tab.page.get_by_role("slider", name="Centre of the signal X").press("End")
    now = values(tab)
    assert now["centre"] + now["distance"] / 2 == GRID - 1
    assert information(tab) == pytest.approx(expected(now), abs=1e-9)


def test_the_picture_fits_on_one_screen(visit: Open) -> None:
    tab = visit()
    go(tab)
    root = tab.page.locator(".mi")
    root.wait_for()
    for size, scheme in LOOKS:
        tab.look(size, scheme)
        for name in ("One signal", "Two classes", "No noise", "Drowned"):
            tab.page.get_by_role("button", name=name).click()
            assert information(tab) == pytest.approx(expected(values(tab)), abs=1e-9)
            tab.shot(f"mi-picture-{name.lower().replace(' ', '-')}")
        tab.page.get_by_role("button", name="shuffled").click()
        tab.shot("mi-picture-shuffled")
        box = root.bounding_box()
        assert box["y"] + box["height"] <= size[1], "the picture needs scrolling"


def test_one_image_and_its_maps(visit: Open) -> None:
    tab = visit()
    go(tab, "?section=image&twin-kind=pgd")
    tab.page.locator(".mi-maps img").nth(63).wait_for()
    tab.press("Train the critic")
    tab.page.get_by_text("Shown after critic step").wait_for(timeout=30_000)
    tab.page.locator(".js-plotly-plot").nth(1).wait_for()
    tab.shots("mi-image")


def first_point(tab: Any) -> float:
    """Seconds from Start to the first point of a curve that the browser has drawn."""
    go(tab, "?section=bounds")
    tab.page.locator(".js-plotly-plot").wait_for()
    tab.page.wait_for_timeout(1500)
    return float(-tab.press("Start") + tab.first_point())


def cancel(tab: Any) -> None:
    """Stop the race and wait until it has made room for others."""
    tab.press("Cancel")
    tab.page.get_by_text("Partial result: cancelled after").wait_for(timeout=30_000)


@pytest.mark.alone
def test_the_first_point_of_a_race_comes_at_once_and_others_stay_served(visit: Open) -> None:
    tab = visit()
    tab.warm()
    tab.within(FIRST_CURVE, lambda: first_point(tab), before=lambda: cancel(tab))

    other = visit()
    go(other)
    slider = handle(other, "noise")
    slider.focus()
    before = information(other)
    slider.press("ArrowRight")
    assert information(other) < before
    other.page.get_by_text("One image, its maps").click()
    other.page.locator(".mi-maps img").nth(63).wait_for(timeout=10_000)
    assert tab.page.get_by_role("button", name="Cancel").count() == 1, "the race ended before it was tested"

    cancel(tab)


def test_a_race_to_its_end(visit: Open) -> None:
    tab = visit()
    go(tab, "?section=bounds&race-steps=40&race-seeds=2&race-samples=300")
    tab.page.locator(".js-plotly-plot").wait_for()
    tab.shots("mi-bounds-1-idle")
    tab.press("Start")
    tab.page.get_by_text("Closest to 1 nats").wait_for(timeout=120_000)
    tab.page.get_by_test_id("stDataFrame").wait_for()
    tab.shots("mi-bounds-2-finished")


def test_the_overshoot(visit: Open) -> None:
    tab = visit()
    go(tab, "?section=overshoot&sweep-steps=60")
    tab.page.locator(".js-plotly-plot").nth(1).wait_for()
    tab.press("Start")
    tab.page.get_by_text("With 16 pairs").wait_for(timeout=120_000)
    tab.shots("mi-overshoot")
    slider = tab.page.get_by_role("slider", name="Pairs K that the critic sees")
    slider.press("ArrowRight")
    tab.page.get_by_text("K = 128 pairs, step by step").wait_for()
