"""Every page in a narrow window: nothing is cut, nothing is wider than the page, no word is broken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Open = Callable[..., Any]
PAGES = (
    "", "supervised", "unsupervised", "mutual_information", "mi_vs_asr", "autoencoders", "defence", "runs",
)  # fmt: skip
TABLET, ZOOMED = (768, 1024), (640, 400)  # the second is what 200 % leaves of 1280×800
WORDS = ".stMainBlockContainer label p, .stMainBlockContainer button p, .stMainBlockContainer h1"
FAULTS = """selector => {
  const seen = (each) => each.getClientRects().length && getComputedStyle(each).visibility !== "hidden";
  const faults = [];
  if (document.documentElement.scrollWidth > innerWidth) faults.push("the page scrolls sideways");
  for (const each of document.querySelectorAll(selector)) {
    if (!seen(each)) continue;
    const style = getComputedStyle(each), text = each.textContent.trim();
    if (each.getBoundingClientRect().right > innerWidth + 1) faults.push("outside: " + text);
    if (style.overflowX === "hidden" && each.scrollWidth > each.clientWidth + 1) faults.push("cut: " + text);
    const walker = document.createTreeWalker(each, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      if (node.parentElement.closest(".katex")) continue;
      for (const word of node.data.matchAll(/[\\p{L}\\p{N}]+/gu)) {
        const range = document.createRange();
        range.setStart(node, word.index);
        range.setEnd(node, word.index + word[0].length);
        const tops = new Set([...range.getClientRects()].map((box) => Math.round(box.top)));
        if (tops.size > 1) faults.push("broken: " + word[0]);
      }
    }
  }
  return faults;
}"""


@pytest.mark.fault("P11")
@pytest.mark.parametrize("page", PAGES)
def test_nothing_is_cut_or_broken_in_a_narrow_window(visit: Open, page: str) -> None:
    tab = visit(TABLET)
    tab.page.goto(f"{tab.address}/{page}")
    tab.page.locator(".stMainBlockContainer").wait_for(timeout=60_000)
    for size in (TABLET, ZOOMED):
        tab.look(size, "light")
        tab.still()
        assert tab.page.evaluate(FAULTS, WORDS) == [], size
        tab.shot(f"narrow-{page or 'overview'}")
