"""The documentation inside the app, so that nobody needs a network to look something up."""

from __future__ import annotations

import re
from posixpath import normpath

import streamlit as st

from advmi_core.paths import app_root
from advmi_core.ui import layout
from advmi_core.ui.widgets.state import PageState, choice

PAGE = "help"
_LEAD = "Guides and methods, as they lie in the folder docs."
PAGES = {
    "guide/student": "For the student",
    "guide/lecturer": "For the lecturer",
    "guide/researcher": "For the researcher",
    "guide/numbers": "Reading the numbers",
    "guide/data": "Data",
    "methods": "Methods",
    "references": "References",
}
_LINK = re.compile(r"(!?\[[^\]]*\]*)\(([^)\s]+)\)")


def page() -> None:
    """Draw the page: a chooser, and the chosen chapter."""
    state = PageState(PAGE)
    layout.heading("Help", _LEAD)
    layout.restore(state, [choice("chapter", "guide/student", tuple(PAGES))])
    st.pills(
        "Chapter", **state.held_pick("chapter", PAGES), format_func=PAGES.__getitem__, required=True,
        label_visibility="collapsed", width="stretch",
    )  # fmt: skip
    name = str(state.value("chapter"))
    try:
        text = (app_root() / "docs" / f"{name}.md").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        st.error("This chapter is missing; install AdvMI again.", icon=":material/error:")
    else:
        st.markdown(shown(text, name))
    state.remember()


def shown(text: str, name: str) -> str:
    """A chapter without its title, with links to other chapters as links into this page.

    Links to what is not shown here become plain words.

    Args:
        text: of the file.
        name: of the chapter.
    """

    def follow(match: re.Match[str]) -> str:
        words, target = match.groups()
        place, _, anchor = target.partition("#")
        if not place:
            return match[0]
        path = normpath(f"{name}/../{place}").removesuffix(".md")
        if path in PAGES:
            return f"{words}(?chapter={path}{'#' if anchor else ''}{anchor})"
        return words[words.index("[") + 1 : -1]

    return _LINK.sub(follow, text.partition("\n")[2])
