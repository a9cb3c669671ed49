"""A client that does not read what it asked for."""

import asyncio
from typing import Any

from starlette.types import ASGIApp

from karya.api.head import HANG_UP


async def unread(response: ASGIApp) -> list[str]:
    """Answers a client that takes nothing behind the head and is gone when it is hung up; the kinds of the
    messages."""
    sent: list[str] = []
    hung_up = asyncio.Event()

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def stuck(message: Any) -> None:
        sent.append(message["type"])
        if len(sent) > 1:
            await hung_up.wait()

    scope = {"type": "http", "asgi": {"spec_version": "2.3"}, HANG_UP: hung_up.set}
    await asyncio.wait_for(response(scope, receive, stuck), 30)
    return sent
