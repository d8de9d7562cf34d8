"""The documentation inside the app: every chapter opens, and its links lead to chapters or nowhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from advmi_core.ui.help import PAGES, shown

ROOT = Path(__file__).resolve().parents[2]


def opened(chapter: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.query_params["chapter"] = chapter
    app.switch_page("pages/library/help.py")
    return app.run()


def test_a_link_opens_its_chapter_and_a_wrong_one_is_named() -> None:
    app = opened("methods")
    assert not app.exception
    assert "Donsker and Varadhan" in " ".join(element.value for element in app.markdown)
    app.pills(key="help.chapter").set_value("references").run()
    assert "arXiv 2103.01895" in " ".join(element.value for element in app.markdown)
    wrong = opened("../../etc/passwd")
    assert len(wrong.warning) == 1
    assert not wrong.error


@pytest.mark.parametrize("name", PAGES)
def test_links_of_a_chapter_lead_to_chapters(name: str) -> None:
    text = (ROOT / "docs" / f"{name}.md").read_text("utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", shown(text, name))):
        place, _, _ = target.removeprefix("?chapter=").partition("#")
        assert target.startswith("#") or place in PAGES, target


def test_what_is_not_shown_becomes_words() -> None:
    text = (
        "# Title\nSee [the table](../results/attacks.md), [[UAE]](../references.md#uae) and [below](#here)."
    )
    assert shown(text, "guide/numbers") == (
        "See the table, [[UAE]](?chapter=references#uae) and [below](#here)."
    )
