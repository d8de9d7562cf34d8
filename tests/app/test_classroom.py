"""A small class on a real server, without a browser: all are served, and those who leave are noticed."""

from __future__ import annotations

import asyncio
import time

import pytest

from advmi_core.jobs import Snapshot, shared
from advmi_core.ui import pace
from benchmarks.classroom import lesson
from benchmarks.classroom_server import Server
from benchmarks.classroom_visitor import Visitor


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.fault("L1")
def test_four_who_start_at_once_are_all_served() -> None:
    found = asyncio.run(lesson(4, varied=False, ahead=False))
    assert found["errors"] == []
    assert found["finished"] == 4
    assert found["curve"] < 6
    assert found["last"] < 45


@pytest.mark.slow
@pytest.mark.fault("L1b")
def test_the_job_of_a_closed_tab_ends_on_a_real_server() -> None:
    with Server() as server:

        async def come_and_go() -> None:
            async with Visitor(server.port, "supervised", {"steps": "1000"}) as who:
                await who.load()
                await who.press("Start")
                await who.curve(60)
                assert server.ask()["active"] == 1

        asyncio.run(come_and_go())
        deadline = time.monotonic() + 15
        while server.ask()["active"]:
            assert time.monotonic() < deadline, "the job went on without its page"
            time.sleep(0.5)


@pytest.mark.fault("L1")
def test_a_page_looks_seldom_while_it_waits_and_in_a_crowd(monkeypatch: pytest.MonkeyPatch) -> None:
    def now(state: str, eta: float | None = None) -> Snapshot:
        return Snapshot("", "", state, 0, (), 0.0, 0.0, eta, None, "", None, "")  # type: ignore[arg-type]

    monkeypatch.setattr(shared(), "count", lambda: (1, 1))
    assert pace.seconds_between(now("running"), 0.35) == 0.35
    assert pace.seconds_between(now("queued"), 0.35) == 1.0
    monkeypatch.setattr(shared(), "count", lambda: (30, 30))
    assert pace.seconds_between(now("running"), 0.35) == 1.8
    assert pace.seconds_between(now("running", eta=0.7), 0.35) == 0.7  # the end is seen when it comes
    assert pace.seconds_between(now("running", eta=60.0), 0.35) == 1.8
