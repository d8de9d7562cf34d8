"""The page Defence as people use it: set the sliders, start, watch, look at it from all sides, attack."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SMALL = "images=200&epochs=2&pgd-steps=1&test-images=20"
FIRST_CURVE = 10.0  # seconds from the click, also on busy cores; about three on quiet ones
VIEWS = {
    "Attacks: standard MI": "defence-4-radar",
    "Natural + adversarial (Eq. 3)": "defence-5-split",
    "Estimators: Eq. 4 and Eq. 5": "defence-6-equations",
}
Open = Callable[..., Any]


def go(tab: Any, query: str = "") -> None:
    tab.page.goto(f"{tab.address}/defence?{query}")
    tab.page.get_by_role("heading", name="Defence").wait_for(timeout=60_000)
    tab.page.get_by_role("button", name="Start").first.wait_for()
    tab.page.get_by_text("Nothing trained yet").wait_for()


def test_a_small_lesson_from_start_to_attack(visit: Open) -> None:
    tab = visit()
    # A seed that nobody has trained with, so that nothing is loaded from disk.
    go(tab, f"{SMALL}&seed={random.SystemRandom().randrange(1, 10**6)}")
    tab.shots("defence-1-idle")
    tab.look((1280, 800), "light")
    start = tab.press("Start")
    tab.page.locator(".js-plotly-plot path.js-line").first.wait_for(state="attached", timeout=60_000)
    assert time.perf_counter() - start < FIRST_CURVE
    tab.page.get_by_text("Training the defence NAMID").wait_for(timeout=60_000)
    tab.shot("defence-2-running")
    tab.page.get_by_text("NAMID against Standard").wait_for(timeout=120_000)
    tab.page.locator(".js-plotly-plot").nth(3).wait_for()
    tab.shots("defence-3-training")
    for view, name in VIEWS.items():
        tab.look((1280, 800), "light")
        tab.page.get_by_text(view, exact=True).first.click()
        tab.page.wait_for_url(f"**view={name.rpartition('-')[2]}**", timeout=20_000)
        tab.shots(name)
    with tab.page.expect_download() as download:
        tab.page.get_by_role("button", name="Curves · CSV").click()
    assert download.value.suggested_filename == "advmi-defence-namid-curves.csv"
    tab.press("Attack this model")
    tab.page.get_by_role("heading", name="Supervised adversarial examples").wait_for(timeout=20_000)
    tab.page.locator("input[value^='Model: NAMID (cnn']").wait_for()
    tab.look((1280, 800), "light")
    tab.shot("defence-7-supervised")
    tab.press("Start")
    tab.finished()
