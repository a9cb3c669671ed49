"""A proxy in front of the dispatcher, which loses, repeats and delays messages in both directions.

`python -m tests.chaos.proxies.queue PORT UPSTREAM`. To the workers it is a ROUTER as the dispatcher is; to
the dispatcher it is one DEALER for each of them, under the worker's own identity. Nothing is encrypted on
loopback, so it sees whole messages.
"""

import asyncio
import sys
import time
from collections.abc import Sequence
from contextlib import suppress

import zmq
import zmq.asyncio

from tests.chaos.proxies.control import obey
from tests.chaos.proxies.odds import Fate, Lots

_SILENT = 10.0
"""After so many seconds without a word a worker's connection is taken for left."""


class _Line:
    """The connection of one worker to the dispatcher."""

    def __init__(self, context: zmq.asyncio.Context, identity: bytes, upstream: int) -> None:
        self.socket = context.socket(zmq.DEALER)
        self.socket.set(zmq.ROUTING_ID, identity)
        self.socket.set(zmq.LINGER, 0)
        self.socket.connect(f"tcp://127.0.0.1:{upstream}")
        self.heard_at = time.monotonic()
        self.reading: asyncio.Task[None] | None = None

    def close(self) -> None:
        if self.reading is not None:
            self.reading.cancel()
        self.socket.close()


class QueueProxy:
    """All lines of it."""

    def __init__(self, port: int, upstream: int) -> None:
        self.lots = Lots()
        self._upstream = upstream
        self._context = zmq.asyncio.Context()
        self._front = self._context.socket(zmq.ROUTER)
        self._front.set(zmq.LINGER, 0)
        self._front.bind(f"tcp://127.0.0.1:{port}")
        self._lines: dict[bytes, _Line] = {}

    async def run(self) -> None:
        """Passes on what workers say, until it is cancelled."""
        while True:
            identity, *frames = await self._front.recv_multipart()
            line = self._lines.get(identity) or self._opened(identity)
            line.heard_at = time.monotonic()
            self._pass_on(line.socket, frames)
            self._forget_silent()

    def _opened(self, identity: bytes) -> _Line:
        line = self._lines[identity] = _Line(self._context, identity, self._upstream)
        line.reading = asyncio.create_task(self._answer(identity, line))
        return line

    async def _answer(self, identity: bytes, line: _Line) -> None:
        while True:
            self._pass_on(self._front, [identity, *await line.socket.recv_multipart()])

    def _pass_on(self, socket: zmq.asyncio.Socket, frames: Sequence[bytes]) -> None:
        match self.lots.draw():
            case Fate.LOST:
                return
            case Fate.REPEATED:
                _send(socket, frames)
            case Fate.DELAYED:
                asyncio.get_running_loop().call_later(self.lots.delay(), _send, socket, frames)
                return
        _send(socket, frames)

    def _forget_silent(self) -> None:
        limit = time.monotonic() - _SILENT
        for identity in [identity for identity, line in self._lines.items() if line.heard_at < limit]:
            self._lines.pop(identity).close()


def _send(socket: zmq.asyncio.Socket, frames: Sequence[bytes]) -> None:
    """At once or not at all: a queue that waits would reorder what comes behind it."""
    with suppress(zmq.ZMQError):
        socket.send_multipart(frames, flags=zmq.DONTWAIT).exception()


async def main(port: int, upstream: int) -> None:
    """Serves until nobody gives orders any more."""
    proxy = QueueProxy(port, upstream)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(proxy.run())
        await obey(proxy.lots)
        running.cancel()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
