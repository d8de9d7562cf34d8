"""Protection of the server: nothing to other sites, no frames, no more tabs than it can serve."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.middleware import Middleware
from streamlit import net_util
from streamlit.web.server.starlette import starlette_app

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

MOST_TABS = 200
# Pictures come from this server or are part of the page: a link in a text cannot make the browser ask another
# host for one. Scripts and styles are Streamlit's affair, which writes some into its page.
_POLICY = "frame-ancestors 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'self'"
_HEADERS = [
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]
_TRY_LATER = 1013


class Guard:
    """Adds headers to every answer, and refuses the websocket of a tab too many.

    Args:
        app: what it guards.
        most: open websockets, one a tab.
    """

    def __init__(self, app: App, most: int = MOST_TABS) -> None:
        self._app, self._most = app, most
        self._open = 0

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """One request or one tab."""
        if scope["type"] == "http":
            await self._app(scope, receive, _with_headers(send))
        elif scope["type"] != "websocket":
            await self._app(scope, receive, send)
        elif self._open >= self._most:
            await send({"type": "websocket.close", "code": _TRY_LATER, "reason": "too many open tabs"})
        else:
            self._open += 1
            try:
                await self._app(scope, receive, send)
            finally:
                self._open -= 1


def _with_headers(send: Send) -> Send:
    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = {name.lower() for name, _ in message["headers"]}
            added = [(name, value) for name, value in _HEADERS if name not in given]
            message = {**message, "headers": [*message["headers"], *added]}
        await send(message)

    return with_headers


def install() -> None:
    """Before the server starts: guard it, and let it ask nobody for its own address.

    Streamlit compares the origin of a foreign page with this machine's external address, which it asks two
    outside hosts for, while everybody waits. Origins other than the server's own are refused anyway.
    """
    streamlits = starlette_app.create_streamlit_middleware
    starlette_app.create_streamlit_middleware = lambda: [Middleware(Guard), *streamlits()]
    net_util.get_external_ip = lambda: None
    net_util.get_internal_ip = lambda: None
