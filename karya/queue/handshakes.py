"""Connections that end before they have begun, as ZeroMQ tells of them beside a socket."""

from collections.abc import AsyncIterator
from uuid import uuid4

import zmq
import zmq.asyncio
from zmq.utils.monitor import recv_monitor_message

_FAILURES = (
    zmq.EVENT_HANDSHAKE_FAILED_AUTH
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
)


class Handshakes:
    """The failed handshakes of one socket, from now on. To be made before the socket binds or connects, and
    closed before it."""

    def __init__(self, socket: zmq.asyncio.Socket) -> None:
        # ZeroMQ's own thread waits where these messages find no room, or nobody to take them, and everything
        # with it: so there is no limit to them, and the socket stops telling before nobody listens.
        self._socket = socket
        self._monitor: zmq.asyncio.Socket = socket.context.socket(zmq.PAIR)
        self._monitor.set(zmq.RCVHWM, 0)
        place = f"inproc://handshakes-{uuid4().hex}"
        socket.monitor(place, _FAILURES)
        self._monitor.connect(place)

    async def failures(self) -> AsyncIterator[zmq.Event]:
        """Each of them: FAILED_AUTH for a key that is not known, FAILED_PROTOCOL when the two differ in their
        security or in the dispatcher's key, FAILED_NO_DETAIL when the other one hung up."""
        while True:
            message = await recv_monitor_message(self._monitor)
            yield zmq.Event(message["event"])

    def close(self) -> None:
        """Listens no longer."""
        self._socket.monitor(None, 0)
        self._monitor.close(linger=0)
