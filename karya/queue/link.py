"""One connection of a worker or client to a dispatcher, under a session of its own."""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog
import zmq

from karya.queue.handshakes import Handshakes
from karya.queue.keys import QueueKeys
from karya.queue.sockets import dealer, send_now
from karya.queue.wire import Hello, Order, Report, decode_order, encode

log = structlog.get_logger(__name__)
_BURST = 100
_WHY: Final = {
    zmq.Event.HANDSHAKE_FAILED_AUTH: "it does not know our key: it belongs to another cluster",
    zmq.Event.HANDSHAKE_FAILED_PROTOCOL: "only one of us has keys: it belongs to another cluster",
    zmq.Event.HANDSHAKE_FAILED_NO_DETAIL: "it hung up: it may have other keys than ours, or none",
}


class Link:
    """Connects, says `hello`, then passes on what arrives until it is closed.

    `on_open` is called when hello was sent, `on_order` with each message; None stands for a frame
    that was no message.
    """

    def __init__(
        self,
        endpoint: str,
        hello: Hello,
        keys: QueueKeys | None,
        beat: float,
        on_open: Callable[[], None],
        on_order: Callable[[Order | None], None],
    ) -> None:
        """Begins to connect; returns at once. `beat` in seconds. Raises ZMQError for a bad endpoint."""
        self.endpoint = endpoint
        self.received = 0
        self._hello = hello
        self._open = False
        self._on_open, self._on_order = on_open, on_order
        self._socket = dealer(beat, f"{hello.session}/{hello.owner}".encode(), keys)
        self._handshakes = Handshakes(self._socket)
        try:
            self._socket.connect(endpoint)
        except zmq.ZMQError:
            self._close_sockets()
            raise
        self._tasks = [
            asyncio.create_task(self._run(), name=f"queue-link-{hello.owner}"),
            asyncio.create_task(self._explain(), name=f"queue-handshakes-{hello.owner}"),
        ]

    @property
    def session(self) -> str:
        """The name of this connection."""
        return self._hello.session

    def greet(self) -> None:
        """Says hello once more, to a dispatcher that forgot it."""
        self.send(self._hello)

    def send(self, report: Report) -> bool:
        """Sends without waiting; False when it could not, and the report is dropped."""
        return self._open and not send_now(self._socket, encode(report))

    async def close(self) -> None:
        """Hangs up; what was sent just before still goes out."""
        self._open = False
        for task in self._tasks:
            task.cancel()
        try:
            await asyncio.gather(*self._tasks, return_exceptions=True)
        finally:
            self._close_sockets()

    def _close_sockets(self) -> None:
        self._handshakes.close()
        self._socket.close()

    async def _run(self) -> None:
        try:
            await self._converse()
        except Exception:
            # Nothing is heard from now on, so whoever keeps this link takes it for silent and makes another.
            log.exception("queue_link_failed", endpoint=self.endpoint)
            self._open = False

    async def _explain(self) -> None:
        """Says why the dispatcher does not let us in. Once: whoever keeps this link makes another soon."""
        told = False
        async for failure in self._handshakes.failures():
            if not told:
                log.warning("not_let_in", endpoint=self.endpoint, reason=_WHY[failure])
            told = True

    async def _converse(self) -> None:
        while not self._open:
            await self._say_hello()
        self._on_open()
        while True:
            for _ in range(_BURST):
                self._on_order(decode_order(await self._socket.recv_multipart()))
            await asyncio.sleep(0)  # under a flood receiving never waits, and the other tasks would starve

    async def _say_hello(self) -> None:
        try:
            await self._socket.send(encode(self._hello))
        except zmq.Again:
            return  # nobody is there yet
        self._open = True
