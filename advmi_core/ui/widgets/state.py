"""Page parameters in the URL: a link restores them, a bad value is replaced by the default and named."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from advmi_core.ui.widgets import components
from advmi_core.validate import number_from

_SAVED = "saved-parameters"
_SHOWN, _LINK = "page-shown", "link-not-yet-read"
PRESENTER = "presenter"


@dataclass(frozen=True)
class Option:
    """One parameter of a page.

    Attributes:
        name: in the URL, and behind the page's name in the session; names that are no attack parameter have a
            hyphen, so that an attack may call its parameters as it likes.
        default: without a link.
        read: text of the URL → value; raises ValueError with a sentence for people.
        fits: whether a value of earlier may stay; the data or the choice may have become another since.
    """

    name: str
    default: Any
    read: Callable[[str], Any]
    fits: Callable[[Any], bool] = lambda value: True


def choice(name: str, default: str, allowed: Sequence[str]) -> Option:
    """One of some words."""

    def read(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {text[:40]!r}")
        return text

    return Option(name, default, read, lambda value: value in allowed)


def number(name: str, default: float, low: float, high: float) -> Option:
    """A number in [low, high]; whole if the default is."""
    whole = isinstance(default, int)

    def read(text: str) -> float:
        wanted = "a whole number" if whole else "a number"
        try:
            value: float = int(text) if whole else number_from(text)
        except ValueError:
            raise ValueError(f"{name} must be {wanted}, got {text[:40]!r}") from None
        if not low <= value <= high:
            raise ValueError(f"{name} must be {wanted} from {low:g} to {high:g}, got {text[:40]}")
        return value

    return Option(name, default, read, lambda value: value is not None and low <= value <= high)


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
    """The parameters of one page, in the session under ``page.name`` or ``page.owner.name``.

    Streamlit forgets a widget's value when its page is left; this class remembers it, and keeps the URL
    in step so that copying the address copies the parameters.

    Attributes:
        page: the page's name.
    """

    def __init__(self, page: str) -> None:
        self.page = page
        self._options: list[Option] = []
        self._carried: list[str] = []
        self._owners: dict[str, str] = {}
        # A link is read when its page opens. Later the URL holds what the page itself wrote there, which
        # must not become the parameters of an attack that is chosen next.
        if st.session_state.get(_SHOWN) != page:
            st.session_state[_SHOWN] = page
            st.session_state[_LINK] = st.query_params.to_dict()

    def key(self, name: str) -> str:
        """The widget key of ``name``."""
        owner = self._owners.get(name)
        return f"{self.page}.{owner}.{name}" if owner else f"{self.page}.{name}"

    def value(self, name: str) -> Any:
        """The current value of ``name``."""
        return st.session_state[self.key(name)]

    def set(self, name: str, value: Any, owner: str = "") -> None:
        """Change ``name``, or that of an ``owner`` to come; before its widget is drawn, or in a callback."""
        st.session_state[f"{self.page}.{owner}.{name}" if owner else self.key(name)] = value

    def values(self) -> dict[str, Any]:
        """All parameters that the page has restored, by name."""
        return {option.name: self.value(option.name) for option in self._options}

    def held(self, name: str) -> dict[str, Any]:
        """``key`` and ``value`` of a slider, number, text or switch: ``st.slider("ε", 0, 1, **held("eps"))``.

        Streamlit tells the browser only once that a value was set by the session. A rerun that overtakes the
        first drawing (a click on a button above the field) would lose it, and the field would come up at
        its least value; as the field's own default it is told with every drawing.
        """
        return {"key": self.key(name), "value": self.value(name)}

    def held_choice(self, name: str, offered: Iterable[Any]) -> dict[str, Any]:
        """``options``, ``key`` and ``index`` of a select box; see ``held``.

        A value that is not on offer (any more) becomes the first that is.
        """
        options = self._among(name, offered)
        return {"options": options, "key": self.key(name), "index": options.index(self.value(name))}

    def held_pick(self, name: str, offered: Iterable[Any]) -> dict[str, Any]:
        """``options``, ``key`` and ``default`` of a segmented control or of pills; see ``held_choice``."""
        options = self._among(name, offered)
        return {"options": options, "key": self.key(name), "default": self.value(name)}

    def _among(self, name: str, offered: Iterable[Any]) -> list[Any]:
        options, value = list(offered), self.value(name)
        if isinstance(value, list):
            if not set(value) <= set(options):
                self.set(name, [one for one in value if one in options])
        elif value not in options:
            self.set(name, options[0])
        return options

    def restore(self, options: Sequence[Option], owner: str = "") -> list[str]:
        """Give every option a value: the session's, the link's, the remembered one or the default.

        Args:
            options: the parameters.
            owner: of what they are parameters, where several things have some of the same name: an attack, a
                data set. Each owner keeps its own values.

        Returns:
            One sentence for every value of the link that was no good.
        """
        complaints: list[str] = []
        saved = st.session_state.setdefault(_SAVED, {})
        for option in options:
            self._owners[option.name] = owner
            key = self.key(option.name)
            self._options.append(option)
            if key not in st.session_state:
                st.session_state[key] = self._initial(option, saved.get(key, option.default), complaints)
            if not option.fits(st.session_state[key]):
                st.session_state[key] = option.default
        return complaints

    def _initial(self, option: Option, otherwise: Any, complaints: list[str]) -> Any:
        text = st.session_state[_LINK].get(option.name)
        if text is None:
            return otherwise
        try:
            return option.read(text)
        except ValueError as error:
            complaints.append(f"The link says {option.name}={text[:40]}: {error}. The default is used.")
            return option.default

    def carry(self, name: str) -> str | None:
        """Let the link hold ``name`` of the session, which is no parameter, while it is there.

        Returns:
            What the link says with which the page was opened; None if nothing, or once the page was drawn.
        """
        self._carried.append(name)
        said: str | None = st.session_state[_LINK].get(name)
        return said

    def remember(self) -> None:
        """At the end of the page: keep the values and write them into the URL."""
        saved = st.session_state.setdefault(_SAVED, {})
        link: dict[str, str] = {PRESENTER: "1"} if st.session_state.get(PRESENTER) else {}
        for option in self._options:
            value = st.session_state.get(self.key(option.name), option.default)
            saved[self.key(option.name)] = value
            if value is not None and value != option.default:
                link[option.name] = _text(value)
        for name in self._carried:
            if (text := st.session_state.get(self.key(name))) is not None:
                link[name] = text
        st.session_state[_LINK] = {}
        components.link(link)


def _text(value: Any) -> str:
    """A value as the link has it; ``read`` gives the same value back, to the last bit."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, list):
        return ",".join(value)
    if not isinstance(value, float):
        return str(value)
    short = f"{value:g}"
    return short if float(short) == value else repr(value)
