"""Sending together what is written together."""

import asyncio
from typing import Any

_MOST_BYTES = 16 * 1024


class Gathering:
    """The transport of a connection, which keeps small writes until the event loop has its next turn.

    Uvicorn writes the head of an answer and its body one after the other, and each write would be a system
    call and a packet of its own, for whoever reads them too. Everything but writing is the transport's own.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._kept = bytearray()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """See asyncio.WriteTransport. What is large goes out at once, so that back-pressure is felt."""
        if not self._kept:
            asyncio.get_running_loop().call_soon(self._send)
        self._kept += data
        if len(self._kept) > _MOST_BYTES:
            self._send()

    def close(self) -> None:
        """See asyncio.BaseTransport; what was written goes out before."""
        self._send()
        self._transport.close()

    def _send(self) -> None:
        if self._kept and not self._transport.is_closing():
            self._transport.write(bytes(self._kept))
        self._kept.clear()
