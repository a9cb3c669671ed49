"""What uvicorn's protocol does not have: a bound on request heads, and a way to hang up."""

import asyncio
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from karya.api.gathering import Gathering

MAX_HEAD_BYTES = 64 * 1024
"""The request line and all headers together."""

HEAD_SECONDS = 10.0
"""How long a client may take to send them."""

HANG_UP = "karya.hang_up"
"""Of a request's scope: a function that ends its connection at once, whatever has not been sent. Closing it
waits for a client that does not read."""


class BoundedProtocol(HttpToolsProtocol):
    """Closes connections whose request head is too large or too slow, before it costs memory or time, and
    lets those who answer a request hang up."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_bytes = 0
        self._in_head = True
        self._too_slow: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See asyncio.Protocol."""
        super().connection_made(Gathering(transport))  # type: ignore[arg-type]
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._head_is_there()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        if self._in_head:
            end = data.find(b"\r\n\r\n")  # behind it comes the body
            self._head_bytes += len(data) if end < 0 else end
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        """A next request on the same connection."""
        if not self._in_head:
            self._await_head()
        super().on_message_begin()
        self.scope[HANG_UP] = self.transport.abort  # type: ignore[literal-required]

    def on_headers_complete(self) -> None:
        """The head is there; a body has bounds of its own."""
        self._head_is_there()
        super().on_headers_complete()

    def _await_head(self) -> None:
        self._in_head, self._head_bytes = True, 0
        self._too_slow = asyncio.get_running_loop().call_later(
            HEAD_SECONDS, self._refuse, HTTPStatus.REQUEST_TIMEOUT
        )

    def _head_is_there(self) -> None:
        self._in_head = False
        if self._too_slow is not None:
            self._too_slow.cancel()
            self._too_slow = None

    def _refuse(self, status: HTTPStatus) -> None:
        self._head_is_there()
        if self.transport.is_closing():
            return
        line = f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        self.transport.write(f"{line}connection: close\r\ncontent-length: 0\r\n\r\n".encode())
        self.transport.close()
