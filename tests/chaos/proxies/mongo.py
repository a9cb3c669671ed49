"""A proxy in front of a mongod, which now and then keeps the reply to a write.

`python -m tests.chaos.proxies.mongo PORT UPSTREAM [OLD NEW]`. The write is done by then. A lost reply ends
its connection, as a broken network would; a delayed one comes later, or after its client has given up. What
clients send is passed on, with the text OLD replaced by NEW, which is of the same length.
"""

import asyncio
import struct
import sys
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from tests.chaos.proxies.control import obey
from tests.chaos.proxies.odds import Fate, Lots

_HEADER = struct.Struct("<iiii")
_OP_MSG = 2013
_FIRST_NAME = 10
"""Where the name of a command begins behind the header: after flags, kind, length and type."""
WRITES = frozenset({b"insert", b"update", b"delete", b"findAndModify", b"commitTransaction"})


class _Lost(Exception):
    """The reply does not come, and neither does another on this connection."""


class _Connection:
    def __init__(self, lots: Lots, swap: tuple[bytes, bytes]) -> None:
        self._lots = lots
        self._swap = swap
        self._writes: set[int] = set()

    async def ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """From the client to mongod."""
        while True:
            header, body = await _message(reader)
            _, number, _, kind = _HEADER.unpack(header)
            if kind == _OP_MSG and _name(body) in WRITES:
                self._writes.add(number)
            writer.write(header + body.replace(*self._swap))
            await writer.drain()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """From mongod to the client."""
        while True:
            header, body = await _message(reader)
            _, _, to, _ = _HEADER.unpack(header)
            if to in self._writes:
                self._writes.discard(to)
                await self._suffer()
            writer.write(header + body)
            await writer.drain()

    async def _suffer(self) -> None:
        match self._lots.draw():
            case Fate.LOST:
                raise _Lost
            case Fate.DELAYED:
                await asyncio.sleep(self._lots.delay())


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    header = await reader.readexactly(_HEADER.size)
    (length, *_) = _HEADER.unpack(header)
    return header, await reader.readexactly(length - _HEADER.size)


def _name(body: bytes) -> bytes:
    return body[_FIRST_NAME : body.index(b"\0", _FIRST_NAME)]


class MongoProxy:
    """All connections of it."""

    def __init__(self, upstream: int, swap: tuple[bytes, bytes] = (b"\0none", b"\0none")) -> None:
        self.lots = Lots()
        self._upstream = upstream
        self._swap = swap

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either end hangs up."""
        ends = [writer]
        connection = _Connection(self.lots, self._swap)
        try:
            with suppress(OSError, asyncio.IncompleteReadError, _Lost):
                above, up = await asyncio.open_connection("127.0.0.1", self._upstream)
                ends.append(up)
                await _first_of(connection.ask(reader, up), connection.answer(above, writer))
        finally:
            for end in ends:
                end.transport.abort()


async def _first_of(*ways: Coroutine[Any, Any, None]) -> None:
    """Until one of them ends; raises what ended it."""
    tasks = [asyncio.create_task(way) for way in ways]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def main(port: int, upstream: int, *swap: str) -> None:
    """Serves until nobody gives orders any more."""
    proxy = MongoProxy(upstream, *([(swap[0].encode(), swap[1].encode())] if swap else []))
    async with await asyncio.start_server(proxy.serve, "127.0.0.1", port):
        await obey(proxy.lots)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:]))
