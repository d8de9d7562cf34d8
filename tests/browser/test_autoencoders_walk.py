"""The page Autoencoders as people use it: start, watch, cancel, start again, look at it from all sides."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FIRST_CURVE = 3.0  # seconds from the click, on two quiet cores
SMALL = "n=60&seeds=2&epochs=2&uae-steps=2"
VIEWS = {
    "Curves": "autoencoders-3-curves",
    "Reconstructions": "autoencoders-4-pictures",
    "Latent space": "autoencoders-5-latent",
    "On the manifold?": "autoencoders-6-manifold",
    "Start or optimisation?": "autoencoders-7-start",
}
Open = Callable[..., Any]


def go(tab: Any, query: str = "") -> None:
    tab.page.goto(f"{tab.address}/autoencoders?{query}")
    tab.page.get_by_role("heading", name="Autoencoders").wait_for(timeout=60_000)
    tab.page.get_by_role("button", name="Start").first.wait_for()
    tab.page.get_by_text("How UAEs are made").wait_for()


def unseen() -> str:
    """A step size that nobody has computed with, so that nothing is loaded from disk."""
    return f"alpha={0.01 + random.SystemRandom().randrange(1, 10**6) * 1e-9:.9f}"


def first_curve(tab: Any) -> float:
    """Seconds from Start to the first point of a curve that the browser has drawn."""
    go(tab, unseen())
    tab.page.wait_for_timeout(1500)
    return float(-tab.press("Start") + tab.first_point())


def cancel(tab: Any) -> None:
    """Stop the study and wait until it has kept what it has."""
    tab.press("Cancel")
    tab.page.get_by_text("Partial result").wait_for(timeout=60_000)


@pytest.mark.alone
def test_the_first_curve_comes_within_three_seconds_and_cancel_keeps_it(visit: Open) -> None:
    tab = visit()
    tab.warm()
    tab.within(FIRST_CURVE, lambda: first_curve(tab), before=lambda: cancel(tab))
    tab.shot("autoencoders-1-running")
    cancel(tab)


def test_a_small_comparison_from_all_sides(visit: Open) -> None:
    tab = visit()
    go(tab, SMALL)
    tab.press("Start")
    tab.page.get_by_text("60 training images, 2 seeds").wait_for(timeout=120_000)
    tab.page.locator(".js-plotly-plot").nth(1).wait_for()
    tab.shots("autoencoders-2-comparison")
    for view, name in VIEWS.items():
        tab.look((1280, 800), "light")
        tab.page.get_by_text(view, exact=True).first.click()
        tab.page.wait_for_url(f"**view={name.rpartition('-')[2]}**", timeout=20_000)
        tab.shots(name)
    tab.page.get_by_text("Comparison", exact=True).first.click()
    with tab.page.expect_download() as download:
        tab.page.get_by_role("button", name="Table · CSV").click()
    assert download.value.suggested_filename.endswith(".csv")
