"""Page parameters in the URL: a link restores them, a bad value is replaced by the default and named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

_SAVED = "saved-parameters"
PRESENTER = "presenter"


@dataclass(frozen=True)
class Option:
    """One parameter of a page.

    Attributes:
        name: in the URL, and behind the page's name in the session; names that are no attack parameter have a
            hyphen, so that an attack may call its parameters as it likes.
        default: without a link.
        read: text of the URL → value; raises ValueError with a sentence for people.
    """

    name: str
    default: Any
    read: Callable[[str], Any]


def choice(name: str, default: str, allowed: Sequence[str]) -> Option:
    """One of some words."""

    def read(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {text[:40]!r}")
        return text

    return Option(name, default, read)


def number(name: str, default: float, low: float, high: float) -> Option:
    """A number in [low, high]; whole if the default is."""
    whole = isinstance(default, int)

    def read(text: str) -> float:
        wanted = "a whole number" if whole else "a number"
        try:
            value: float = int(text) if whole else float(text)
        except ValueError:
            raise ValueError(f"{name} must be {wanted}, got {text[:40]!r}") from None
        if not low <= value <= high:
            raise ValueError(f"{name} must be {wanted} from {low:g} to {high:g}, got {text[:40]}")
        return value

    return Option(name, default, read)


def flag(name: str, default: bool) -> Option:
    """On (1) or off (0)."""
    words = {"1": True, "0": False}

    def read(text: str) -> bool:
        if text not in words:
            raise ValueError(f"{name} must be 1 or 0, got {text[:40]!r}")
        return words[text]

    return Option(name, default, read)


def several(name: str, default: Sequence[str], allowed: Sequence[str]) -> Option:
    """Any number of some words, separated by commas in the URL."""

    def read(text: str) -> list[str]:
        chosen = [word for word in text.split(",") if word]
        if wrong := [word for word in chosen if word not in allowed]:
            raise ValueError(f"{name} may hold {', '.join(allowed)}, got {wrong[0][:40]!r}")
        return chosen

    return Option(name, list(default), read)


class PageState:
    """The parameters of one page, in the session under ``page.name``.

    Streamlit forgets a widget's value when its page is left; this class remembers it, and keeps the URL
    in step so that copying the address copies the parameters.
    """

    def __init__(self, page: str) -> None:
        self.page = page
        self._options: list[Option] = []

    def key(self, name: str) -> str:
        """The widget key of ``name``."""
        return f"{self.page}.{name}"

    def value(self, name: str) -> Any:
        """The current value of ``name``."""
        return st.session_state[self.key(name)]

    def set(self, name: str, value: Any) -> None:
        """Change ``name``; only before its widget is drawn, or in a callback."""
        st.session_state[self.key(name)] = value

    def values(self) -> dict[str, Any]:
        """All parameters that the page has restored, by name."""
        return {option.name: self.value(option.name) for option in self._options}

    def restore(self, options: Sequence[Option]) -> list[str]:
        """Give every option a value: the session's, the URL's, the remembered one or the default.

        Returns:
            One sentence for every value of the URL that was no good.
        """
        complaints: list[str] = []
        saved = st.session_state.setdefault(_SAVED, {})
        for option in options:
            key = self.key(option.name)
            self._options.append(option)
            if key not in st.session_state:
                st.session_state[key] = self._initial(option, saved.get(key, option.default), complaints)
        return complaints

    def _initial(self, option: Option, otherwise: Any, complaints: list[str]) -> Any:
        text = st.query_params.get(option.name)
        if text is None:
            return otherwise
        try:
            return option.read(text)
        except ValueError as error:
            complaints.append(f"The link says {option.name}={text[:40]}: {error}. The default is used.")
            return option.default

    def remember(self) -> None:
        """At the end of the page: keep the values and write them into the URL."""
        saved = st.session_state.setdefault(_SAVED, {})
        link: dict[str, str] = {PRESENTER: "1"} if st.session_state.get(PRESENTER) else {}
        for option in self._options:
            value = st.session_state.get(self.key(option.name), option.default)
            saved[self.key(option.name)] = value
            if value is not None and value != option.default:
                link[option.name] = _text(value)
        if link != st.query_params.to_dict():
            st.query_params.from_dict(link)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, list):
        return ",".join(value)
    return f"{value:g}" if isinstance(value, float) else str(value)
