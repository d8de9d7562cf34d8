"""The whole app without a browser, from app.py, page by page."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from advmi_core.jobs import shared

APP = Path(__file__).resolve().parents[2] / "app.py"


@pytest.fixture(scope="session", autouse=True)
def _packages_are_searched_once() -> Iterator[None]:
    """Every AppTest looks for components of others in all packages, which takes longer than most pages."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests)
        )
        yield


class Tab:
    """One visitor on one page."""

    def __init__(self, page: str, query: dict[str, str]) -> None:
        self.page = page
        self.app = AppTest.from_file(str(APP), default_timeout=60)
        self.app.query_params.update(query)
        if page != "overview":
            self.app.switch_page(f"pages/attack/{page}.py")
        self.app.run()

    def press(self, label: str) -> None:
        """Click the button with this label."""
        next(button for button in self.app.button if button.label == label).click().run()

    @property
    def job(self) -> Any:
        """Snapshot of the page's job."""
        name = self.app.session_state[f"{self.page}.job"]
        shared().touch(name)
        return shared().get(name)

    def finish(self, seconds: float = 90) -> None:
        """Wait for the job, as the polling fragment would, and draw its end."""
        deadline = time.monotonic() + seconds
        while self.job.active:
            assert time.monotonic() < deadline, f"still {self.job.state} after {seconds} s"
            time.sleep(0.05)
        self.app.run()

    @property
    def said(self) -> str:
        """Everything the page says in words."""
        app = self.app
        kinds = (app.title, app.markdown, app.caption, app.error, app.warning, app.info)
        words = [str(element.value) for kind in kinds for element in kind]
        return " ".join([*words, *(element.proto.body for element in app.get("html"))])

    def parts(self, name: str) -> list[Any]:
        """What the own browser parts of this name were sent."""
        protos = [element.proto for element in self.app.get("bidi_component")]
        return [json.loads(proto.json) for proto in protos if proto.component_name == name]

    @property
    def stage(self) -> dict[str, Any]:
        """What the one stage on the page was sent."""
        (found,) = self.parts("advmi_stage")
        payload: dict[str, Any] = json.loads(found)
        return payload


@pytest.fixture
def visit() -> Iterator[Callable[..., Tab]]:
    """Opens a page by name, with the query parameters of a link; ends its job afterwards."""
    opened: list[Tab] = []

    def new(page: str, mi_weight: str = "", **query: str) -> Tab:
        link = {name.replace("_", "-"): value for name, value in query.items()}
        # The one parameter of an attack here with an underscore of its own.
        opened.append(Tab(page, link | ({"mi_weight": mi_weight} if mi_weight else {})))
        return opened[-1]

    yield new
    for tab in opened:
        assert not tab.app.exception, tab.app.exception
        if f"{tab.page}.job" in tab.app.session_state:
            shared().discard(tab.app.session_state[f"{tab.page}.job"])
