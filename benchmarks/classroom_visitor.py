"""One visitor of the app without a browser, who speaks Streamlit's protocol: for benchmarks/classroom.py.

Thirty browsers would eat the cores that the app is to be measured on.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

import websockets
from google.protobuf.message import Message
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

_STAGE = "advmi_stage"
_LARGEST = 256 << 20


@dataclass
class Moments:
    """Seconds after Start: the first curve of two points, and the end. None while it did not come."""

    loaded: float | None = None
    pressed: float | None = None
    curve: float | None = None
    ended: float | None = None
    redraws: int = 0
    error: str = ""


@dataclass
class Visitor:
    """A page that was opened, as a browser holds it.

    Attributes:
        port: of the server.
        page: name in the URL, "" for the overview.
        query: parameters of the link.
    """

    port: int
    page: str
    query: dict[str, str]
    moments: Moments = field(default_factory=Moments)

    def __post_init__(self) -> None:
        self._link = urlencode(self.query)
        self._hash = ""
        self._buttons: dict[str, str] = {}
        self._timers: dict[str, tuple[float, asyncio.Task[None]]] = {}
        self._changed = asyncio.Event()
        self._idle = False

    async def __aenter__(self) -> Self:
        origin = f"http://127.0.0.1:{self.port}"
        self._socket = await websockets.connect(
            f"ws://127.0.0.1:{self.port}/_stcore/stream", subprotocols=[websockets.Subprotocol("streamlit")],
            origin=websockets.Origin(origin), max_size=_LARGEST, compression=None, proxy=None,
            open_timeout=60,
        )  # fmt: skip
        self._listener = asyncio.create_task(self._listen())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop_timers()
        self._listener.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._listener
        await self._socket.close()

    async def load(self, within: float = 60) -> None:
        """Open the page and wait until it was drawn."""
        began = time.monotonic()
        await self._rerun()
        await self._until(lambda: self._idle and bool(self._buttons), within)
        self.moments.loaded = time.monotonic() - began

    async def press(self, label: str) -> None:
        """Click the button with this label."""
        self.moments = Moments(loaded=self.moments.loaded, pressed=time.monotonic())
        await self._rerun(button=self._buttons[label])

    async def curve(self, within: float) -> None:
        """Wait for the first curve that moved."""
        await self._until(lambda: self.moments.curve is not None, within)

    async def end(self, within: float) -> None:
        """Wait for the finished picture."""
        await self._until(lambda: self.moments.ended is not None, within)

    async def _until(self, done: Any, within: float) -> None:
        async with asyncio.timeout(within):
            while not done():
                if self.moments.error:
                    raise RuntimeError(self.moments.error)
                self._changed.clear()
                await self._changed.wait()

    async def _rerun(self, *, button: str = "", fragment: str = "") -> None:
        message = BackMsg()
        client = message.rerun_script
        client.query_string = self._link
        client.page_script_hash = self._hash
        client.page_name = "" if self._hash else self.page
        if fragment:
            client.fragment_id, client.is_auto_rerun = fragment, True
        if button:
            state = client.widget_states.widgets.add()
            state.id, state.trigger_value = button, True
        await self._socket.send(message.SerializeToString())

    async def _listen(self) -> None:
        try:
            async for data in self._socket:
                message = ForwardMsg()
                assert isinstance(data, bytes)
                message.ParseFromString(data)
                self._take(message)
                self._changed.set()
        except websockets.ConnectionClosed as closed:
            self.moments.error = f"the server closed the connection: {closed}"
            self._changed.set()

    def _take(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "new_session":
            if not message.metadata.run.fragment_ids:
                self._idle = False
                self._stop_timers()
        elif kind == "navigation":
            self._hash = message.navigation.page_script_hash
        elif kind == "page_info_changed":
            self._link = message.page_info_changed.query_string
        elif kind == "auto_rerun":
            self._repeat(message.auto_rerun.fragment_id, message.auto_rerun.interval)
        elif kind == "script_finished":
            self._idle = True
        elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            self._see(message.delta.new_element)

    def _see(self, element: Message) -> None:
        kind = element.WhichOneof("type")
        if kind == "button":
            self._buttons[element.button.label] = element.button.id  # type: ignore[attr-defined]
        elif kind == "exception":
            self.moments.error = element.exception.message  # type: ignore[attr-defined]
        elif kind == "bidi_component":
            part = element.bidi_component  # type: ignore[attr-defined]
            if part.component_name == _STAGE:
                self._watch(json.loads(json.loads(part.json)))

    def _watch(self, stage: dict[str, Any]) -> None:
        """What a viewer sees of one picture."""
        moments = self.moments
        if stage["idle"] or moments.pressed is None:
            return
        after = time.monotonic() - moments.pressed
        moments.redraws += 1
        if moments.curve is None and len(stage["curves"]["step"]) >= 2:
            moments.curve = after
        if not stage["live"] and moments.ended is None:
            moments.ended = after

    def _repeat(self, fragment: str, every: float) -> None:
        known = self._timers.get(fragment)
        if known is not None and known[0] == every:
            return
        if known is not None:
            known[1].cancel()

        async def tick() -> None:
            while True:
                await asyncio.sleep(every)
                await self._rerun(fragment=fragment)

        self._timers[fragment] = (every, asyncio.create_task(tick()))

    def _stop_timers(self) -> None:
        for _, task in self._timers.values():
            task.cancel()
        self._timers.clear()
