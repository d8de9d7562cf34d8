"""Reload in the middle of a run, look at another page, come back: it is still the same run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.fault("P7")]

GRACE = 8000  # milliseconds after which the run of a closed tab is stopped, and a little more


def job(tab: Any) -> str:
    tab.page.wait_for_url("**job=*")
    found: str = tab.page.evaluate("new URLSearchParams(location.search).get('job')")
    return found


def test_a_run_survives_a_reload_and_a_look_at_another_page(visit: Callable[..., Any]) -> None:
    tab = visit()
    tab.open("supervised?attack-name=minmax&steps=2000&critic=paper")
    tab.press("Start")
    tab.moved()
    mine = job(tab)
    tab.page.reload()
    tab.moved()
    assert job(tab) == mine
    friend = visit()
    friend.page.goto(tab.page.url)
    friend.moved()
    assert friend.page.get_by_role("button", name="Cancel").is_disabled()
    friend.page.goto("about:blank")  # from now on nobody looks at the run
    tab.page.get_by_role("link", name="Runs").click()
    tab.page.get_by_role("heading", name="Runs", exact=True).wait_for()
    tab.page.wait_for_timeout(GRACE)
    tab.page.get_by_role("link", name="Supervised", exact=True).click()
    tab.moved()
    assert job(tab) == mine
    tab.press("Cancel")
    tab.finished()
    tab.page.reload()
    tab.finished()
    tab.page.get_by_text("Partial result: cancelled after").wait_for()
    assert job(tab) == mine
