"""A study of minutes and an attack of seconds do not wait for one another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

from advmi_core.jobs import shared
from advmi_core.run import Run
from advmi_core.ui import work


def _endless(stop: threading.Event) -> Run[Any, None]:
    def records() -> Iterator[Any]:
        stop.wait(60)
        yield from ()

    return Run(records(), lambda: None, 1)  # type: ignore[arg-type]


def test_an_attack_runs_while_a_study_has_its_lane(visit: Callable[..., Any]) -> None:
    stop = threading.Event()
    study = shared().submit(lambda: _endless(stop), lane=work.STUDIES)
    try:
        tab = visit("overview")
        tab.press("Watch it happen")
        tab.finish()
        assert tab.job.state == "done"
        found = shared().get(study)
        assert found is not None
        assert found.active
    finally:
        stop.set()
        shared().discard(study)
