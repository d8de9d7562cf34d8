"""The server's doorkeeper alone: headers on every answer, and a bound on open tabs."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from advmi_core.ui.guard import Guard


@pytest.mark.fault("L9")
def test_a_tab_too_many_is_refused_and_a_closed_one_makes_room() -> None:
    async def story() -> list[str]:
        leave, seen = asyncio.Event(), []

        async def inner(scope: Any, receive: Any, send: Any) -> None:
            seen.append("served")
            await leave.wait()

        async def send(message: Any) -> None:
            seen.append(f"{message['type']} {message['code']}")

        guard = Guard(inner, most=2)
        tabs = [asyncio.create_task(guard({"type": "websocket"}, None, send)) for _ in range(3)]  # type: ignore[arg-type]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        leave.set()
        await asyncio.gather(*tabs)
        await guard({"type": "websocket"}, None, send)  # type: ignore[arg-type]
        return seen

    assert asyncio.run(story()) == ["served", "served", "websocket.close 1013", "served"]
