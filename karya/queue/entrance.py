"""Where workers and clients come in: the dispatcher's socket, and who may connect to it."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, cast

import structlog
import zmq
import zmq.asyncio
from zmq.utils import z85

from karya.core.errors import ConfigError
from karya.core.settings import QueueSettings
from karya.queue.handshakes import Handshakes
from karya.queue.keys import QueueKeys
from karya.queue.sockets import router

log = structlog.get_logger(__name__)

_ZAP: Final = "inproc://zeromq.zap.01"
"""Where ZeroMQ asks who may connect (RFC 27): one place in a context, so each dispatcher has a context."""

_WHY: Final = {
    zmq.Event.HANDSHAKE_FAILED_AUTH: "its key is none of this cluster's",
    zmq.Event.HANDSHAKE_FAILED_PROTOCOL: "it has the key of another dispatcher, or none",
    zmq.Event.HANDSHAKE_FAILED_NO_DETAIL: "it hung up before it had shown a key",
}


class Entrance:
    """A bound socket at `endpoint`, which is where to connect to it. With keys it lets in only those who
    hold the members' key; without, it has to be on loopback."""

    refused: int
    """Connections that were turned away."""

    def __init__(
        self, settings: QueueSettings, advertise: str | None = None, keys: QueueKeys | None = None
    ) -> None:
        """Listens; `advertise` stands for the host in the endpoint. Raises ConfigError when it cannot."""
        if keys is None and not settings.is_local:
            raise ConfigError(f"queue.host {settings.host}: listens beyond loopback only with keys")
        self.refused = 0
        self._told = 0
        self._last = ""
        self._stranger = ""
        self._members = frozenset({keys.member.public} if keys else ())
        self._context = zmq.asyncio.Context()
        self._gate = self._context.socket(zmq.REP)
        self._gate.bind(_ZAP)
        self.socket = router(self._context, settings.heartbeat.total_seconds(), keys)
        self._handshakes = Handshakes(self.socket)
        try:
            self.endpoint = _bound(self.socket, settings, advertise)
        except ConfigError:
            self._close_sockets()
            self._context.term()
            raise

    def loops(self) -> dict[str, Coroutine[Any, Any, None]]:
        """What is to run, by name, as long as it is open."""
        return {"queue-gate": self._answer(), "queue-refusals": self._count()}

    def tell(self) -> None:
        """Logs what was refused since the last time: one line, however many there were."""
        if self.refused > self._told:
            log.warning("connections_refused", count=self.refused - self._told, last=self._last)
            self._told = self.refused

    async def close(self) -> None:
        """Hangs up. What was sent just before still goes out."""
        self._close_sockets()
        await asyncio.to_thread(self._context.term)  # it waits for what is still on its way

    def _close_sockets(self) -> None:
        self._handshakes.close()
        self._gate.close(linger=0)
        self.socket.close()

    async def _answer(self) -> None:
        while True:
            version, request, _, address, _, mechanism, *credentials = await self._gate.recv_multipart()
            is_member = mechanism == b"CURVE" and z85.encode(credentials[0]) in self._members
            if not is_member:
                self._stranger = address.decode(errors="replace").removeprefix("::ffff:")
            verdict = (b"200", b"", b"member", b"") if is_member else (b"400", b"unknown key", b"", b"")
            await self._gate.send_multipart([version, request, *verdict])

    async def _count(self) -> None:
        async for failure in self._handshakes.failures():
            self.refused += 1
            known = failure is zmq.Event.HANDSHAKE_FAILED_AUTH
            self._last = f"{self._stranger}: {_WHY[failure]}" if known else _WHY[failure]


def _bound(socket: zmq.asyncio.Socket, settings: QueueSettings, advertise: str | None) -> str:
    host = "127.0.0.1" if settings.host == "localhost" else settings.host
    try:
        socket.bind(f"tcp://{_in_url(host)}:{settings.port}")
    except zmq.ZMQError as error:
        raise ConfigError(
            f"queue.port {settings.port}: cannot listen on {settings.host}: {error.strerror}"
        ) from None
    bound = cast("bytes", socket.get(zmq.LAST_ENDPOINT)).decode().rstrip("\0")
    return f"tcp://{_in_url(advertise or host)}:{bound.rpartition(':')[2]}"


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
