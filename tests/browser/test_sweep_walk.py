"""The pages MI vs ASR and Runs as people use them: look, click a point, measure, delete, undo."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from advmi_core.studies.sweep import runs

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LOOKS = [((1280, 800), "light"), ((1920, 1080), "dark")]
OWN = "?plan=own&grid-methods=pgd&grid-eps=0.1&grid-n=96&grid-steps=5"
# Where a chart draws a point of its first trace with markers, in pixels of the page.
PLACE = """(chart, point) => {
    const { xaxis, yaxis } = chart._fullLayout, box = chart.getBoundingClientRect();
    const { x, y } = chart._fullData.find(trace => trace.mode?.includes("markers"));
    return [
        box.x + xaxis._offset + xaxis.d2p(x.at(point)), box.y + yaxis._offset + yaxis.d2p(y.at(point)),
    ];
}"""
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
Open = Callable[..., Any]


def shipped_run() -> str:
    """Without a run in the link the page shows the newest one, which another walk may have measured."""
    return next(info.key for info in runs() if info.shipped and info.complete)


def charts(tab: Any, query: str = "") -> Any:
    """The page with its first chart drawn; all its charts."""
    tab.page.goto(f"{tab.address}/mi_vs_asr{query}")
    tab.page.locator(".js-plotly-plot .main-svg").first.wait_for(timeout=60_000)
    return tab.page.locator(".js-plotly-plot")


def test_the_shipped_sweep_fills_the_page(visit: Open) -> None:
    tab = visit()
    charts(tab, f"?run={shipped_run()}").nth(3).wait_for()
    tab.page.get_by_text("shipped").first.wait_for()
    for size, scheme in LOOKS:
        tab.look(size, scheme)
        tab.shot("mi-vs-asr")
        assert tab.page.evaluate(TOO_WIDE) <= 0


def test_a_click_on_a_point_shows_its_images(visit: Open) -> None:
    tab = visit()
    chart = charts(tab, f"?run={shipped_run()}&view=mi&cell-eps=0.1").first
    for point, eps in ((0, "0.05"), (-1, "0.5")):
        tab.page.mouse.click(*chart.evaluate(PLACE, point))
        tab.page.wait_for_url(f"**cell-eps={eps}**", timeout=15_000)
        tab.page.get_by_text(f", ε {eps}", exact=False).first.wait_for(timeout=15_000)


def test_an_own_grid_is_measured_kept_deleted_and_brought_back(visit: Open) -> None:
    tab = visit()
    page = tab.page
    charts(tab, OWN)
    tab.press("Start")
    page.get_by_text("96 images · 2 of 2 shards").wait_for(timeout=60_000)
    run = page.evaluate("new URLSearchParams(location.search).get('run')")
    page.goto(f"{tab.address}/runs?chosen={run}")
    tab.press("Delete")
    page.get_by_text(f"{run} lies in the trash for a day").wait_for(timeout=20_000)
    other = visit()
    other.page.goto(f"{tab.address}/mi_vs_asr?run={run}")
    other.page.get_by_text("This run is gone").wait_for(timeout=20_000)
    page.locator("[class*='st-key-runs-table']").first.hover()
    tools = page.get_by_test_id("stElementToolbarButtonContainer").first.bounding_box()
    undo = page.get_by_role("button", name="Undo").bounding_box()
    assert undo["x"] + undo["width"] < tools["x"]  # a table's tools lie over what is above its right end
    tab.press("Undo")
    page.get_by_text("lies in the trash").wait_for(state="hidden", timeout=20_000)
    tab.shot("runs")
    other.page.reload()
    other.page.get_by_text("96 images · 2 of 2 shards").wait_for(timeout=20_000)
