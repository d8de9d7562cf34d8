"""Fields in a real browser: a click that overtakes their drawing, values between two marks, Back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Open = Callable[..., Any]
AT_ONCE = """(() => {
  const look = setInterval(() => {
    const start = [...document.querySelectorAll("button")].find((each) => /Start$/.test(each.textContent));
    if (start) { clearInterval(look); start.click(); window.advmiClicked = true; }
  }, 5);
})()"""
NUMBERS = """() => Object.fromEntries([...document.querySelectorAll("input[type=number]")]
  .map((each) => [each.getAttribute("aria-label"), each.value]))"""
EXPECTED = {
    "defence": {"Images": "1200", "Epochs": "5", "PGD steps": "4", "Test images": "100"},
    "autoencoders": {"Images n": "180", "Seeds": "2", "Epochs": "6", "Iterations": "20"},
    "unsupervised": {"Iterations": "200", "Critic steps of the final MI": "100", "Seed": "0"},
    "supervised": {"Iterations": "200", "Critic steps of the final MI": "100", "Seed": "0"},
}  # fmt: skip


@pytest.mark.fault("S2")
@pytest.mark.fault("P3")
@pytest.mark.parametrize("page", list(EXPECTED))
@pytest.mark.parametrize("slower", [1, 6])
def test_a_click_before_the_fields_are_drawn_changes_nothing(visit: Open, page: str, slower: int) -> None:
    tab = visit()
    cpu = tab.context.new_cdp_session(tab.page)
    # Slow is the drawing, which begins when the page has its connection: not the loading of the program.
    tab.page.on("websocket", lambda _: cpu.send("Emulation.setCPUThrottlingRate", {"rate": slower}))
    tab.page.add_init_script(AT_ONCE)
    tab.page.goto(f"{tab.address}/{page}")
    tab.page.wait_for_function("window.advmiClicked", timeout=60_000)
    tab.page.locator("input[type=number]").last.wait_for(state="attached", timeout=60_000)
    cpu.send("Emulation.setCPUThrottlingRate", {"rate": 1})  # what could overtake the fields has done so
    tab.page.wait_for_url("**job=**", timeout=60_000)  # the answer to the click
    tab.page.wait_for_timeout(1000)
    shown = tab.page.evaluate(NUMBERS)
    assert {name: shown.get(name) for name in EXPECTED[page]} == EXPECTED[page]


@pytest.mark.fault("S2")
@pytest.mark.fault("S3")
def test_what_is_computed_is_what_the_link_says(visit: Open) -> None:
    tab = visit()
    tab.page.add_init_script(AT_ONCE)
    tab.page.goto(f"{tab.address}/supervised?attack-name=pgd&eps=8/255&steps=5")
    tab.finished()
    first = _spec(tab)
    assert first["eps"] == 8 / 255
    job = tab.page.locator(".stage").get_attribute("data-key")
    tab.press("Start")
    tab.page.locator(f".stage[data-state='finished']:not([data-key='{job}'])").wait_for(timeout=60_000)
    assert _spec(tab) == first


def _spec(tab: Any) -> dict[str, Any]:
    button = tab.page.get_by_role("button", name="Settings · JSON")
    button.wait_for()
    with tab.page.expect_download() as download:
        button.click()
    found: dict[str, Any] = json.loads(Path(download.value.path()).read_text(encoding="utf-8"))
    return found


@pytest.mark.fault("P13")
def test_back_leaves_the_page_at_the_first_press(visit: Open) -> None:
    tab = visit()
    tab.open("")
    tab.page.get_by_role("link", name="Supervised", exact=True).first.click()
    tab.page.get_by_role("heading", name="Supervised adversarial examples").wait_for()
    ways = {"Index": "image-by=index", "Random": "image-by=random", "Class": r"^((?!image-by).)*$"}
    for way in (*ways, "Index"):
        tab.page.get_by_text(way, exact=True).first.click()
        tab.page.wait_for_url(re.compile(ways[way]))
    tab.page.go_back()
    tab.page.get_by_role("heading", name="An adversarial example comes into being").wait_for()


@pytest.mark.fault("L8")
def test_a_link_makes_the_browser_ask_nobody(visit: Open) -> None:
    tab = visit()
    tab.page.goto(f"{tab.address}/?eps=![a](http://127.0.0.1:9/p.png) [b](http://b.c) $x$ www.d.e")
    warning = tab.page.get_by_test_id("stAlert")
    warning.wait_for(timeout=60_000)
    tab.page.wait_for_timeout(500)
    assert warning.locator("a, img, .katex").count() == 0
    assert "![a](http" in warning.inner_text()  # and Visit.clean: no request to anyone
