"""Text from outside, shown as it is written: from the link, from file and folder names, from errors."""

from __future__ import annotations

import re

_MARKS = re.compile(r"([\\`*_{}\[\]<>()#|$~!&:])")
_ADDRESS = re.compile(r":(?=//)|w(?=ww\.)|@", re.IGNORECASE)
_NOTHING = "\u2060"  # a word joiner: it has no width, and what looks like an address ends at it


def plain(text: str) -> str:
    """The same text for ``st.markdown``, ``st.warning`` and the like, with no picture, link or formula in it.

    A link to this app may hold anything. As Markdown it could make the reader's browser ask another host.
    """
    whole = " ".join(text.split())
    return _MARKS.sub(r"\\\1", _ADDRESS.sub(lambda found: found[0] + _NOTHING, whole))
