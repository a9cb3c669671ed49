"""An answer that does not end, as Server-Sent Events, and an end to the patience with who does not read it.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import structlog
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from karya.api.head import HANG_UP

log = structlog.get_logger(__name__)

MEDIA_TYPE = "text/event-stream"
SEND_SECONDS = 30.0
"""How long a client may take to read what fills the buffers on its way."""

_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


class Stream(StreamingResponse):
    """Sends the chunks, and closes them when the client goes or takes nothing for too long."""

    def __init__(self, chunks: AsyncGenerator[bytes]) -> None:
        super().__init__(chunks, headers=_HEADERS, media_type=MEDIA_TYPE)
        self._sending = chunks
        self._hang_up: Callable[[], object] = lambda: None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As every response; it may have to hang up."""
        self._hang_up = scope[HANG_UP]
        await super().__call__(scope, receive, send)

    async def stream_response(self, send: Send) -> None:
        """As in StreamingResponse, with an end to the patience."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        async with aclosing(self._sending):
            await self._send_chunks(send)
        # Behind a connection that was hung up this returns as soon as it is lost.
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def give_up(self) -> None:
        """The client does not read: nothing more is for it."""
        log.info("listener_stuck", seconds=SEND_SECONDS)
        self._hang_up()

    async def _send_chunks(self, send: Send) -> None:
        async for chunk in self._sending:
            try:
                async with asyncio.timeout(SEND_SECONDS):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
            except TimeoutError:
                self.give_up()
                return
