"""The sockets with every option that ZeroMQ leaves on "wait for ever" or "drop silently" set."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, Final, NamedTuple, cast

import zmq
import zmq.asyncio

from karya.queue.keys import QueueKeys
from karya.queue.wire import MAX_ORDER_BYTES, MAX_REPORT_BYTES

SILENCE: Final = 3
"""A peer that is silent for so many heartbeats is taken for gone."""
_HIGH_WATER: Final = 1_000
_LINGER_MS: Final = 250
_TICKS: Final = 2
_MAX_TTL_MS: Final = 6_553_599


def router(context: zmq.asyncio.Context, beat: float, keys: QueueKeys | None) -> zmq.asyncio.Socket:
    """A dispatcher's socket. `beat` is the heartbeat in seconds. With keys, whoever connects needs them."""
    socket = _socket(context, zmq.ROUTER, beat, MAX_REPORT_BYTES)
    socket.set(zmq.ROUTER_MANDATORY, 1)
    if keys is not None:
        socket.set(zmq.CURVE_SERVER, 1)
        socket.set(zmq.CURVE_SECRETKEY, keys.dispatcher.secret)
        # Without these a socket whose handler is gone would let in everybody who knows its public key.
        socket.set(zmq.ZAP_DOMAIN, b"karya")
        socket.set(zmq.ZAP_ENFORCE_DOMAIN, 1)
    return socket


def dealer(beat: float, identity: bytes, keys: QueueKeys | None) -> zmq.asyncio.Socket:
    """A worker's socket. `beat` is the heartbeat in seconds. With keys it speaks to their dispatcher only."""
    socket = _socket(zmq.asyncio.Context.instance(), zmq.DEALER, beat, MAX_ORDER_BYTES)
    socket.set(zmq.IMMEDIATE, 1)
    socket.set(zmq.ROUTING_ID, identity[:255])
    if keys is not None:
        socket.set(zmq.CURVE_SERVERKEY, keys.dispatcher.public)
        socket.set(zmq.CURVE_PUBLICKEY, keys.member.public)
        socket.set(zmq.CURVE_SECRETKEY, keys.member.secret)
    return socket


def _socket(context: zmq.asyncio.Context, kind: int, beat: float, limit: int) -> zmq.asyncio.Socket:
    socket = context.socket(kind)
    beat_ms = max(1, int(beat * 1000))
    socket.set(zmq.IPV6, 1)
    socket.set(zmq.LINGER, _LINGER_MS)
    socket.set(zmq.SNDTIMEO, beat_ms)
    socket.set(zmq.SNDHWM, _HIGH_WATER)
    socket.set(zmq.RCVHWM, _HIGH_WATER)
    # ZeroMQ silently cuts off whoever sends more than this; what lies between the two limits is counted.
    socket.set(zmq.MAXMSGSIZE, 2 * limit)
    socket.set(zmq.HEARTBEAT_IVL, beat_ms)
    socket.set(zmq.HEARTBEAT_TIMEOUT, SILENCE * beat_ms)
    socket.set(zmq.HEARTBEAT_TTL, min(SILENCE * beat_ms, _MAX_TTL_MS))
    return socket


def send_now(socket: zmq.asyncio.Socket, *frames: bytes) -> int:
    """Sends without waiting. Returns 0, or why it was not sent: EAGAIN (no room), EHOSTUNREACH (gone)."""
    sending = cast("asyncio.Future[Any]", socket.send_multipart(frames, flags=zmq.DONTWAIT))
    error = sending.exception()
    if error is None:
        return 0
    if isinstance(error, zmq.ZMQError) and error.errno is not None:
        return error.errno
    raise error


class Tick(NamedTuple):
    """One turn of a watch: whether a heartbeat is due, and for how long this process was not listening."""

    beat: bool
    asleep: float


async def ticks(beat: float, monotonic: Callable[[], float]) -> AsyncIterator[Tick]:
    """Two ticks in a heartbeat (seconds), every second being one.

    `asleep` is how much longer than asked a tick took because the process was stopped or its loop
    was busy: nobody could be heard meanwhile, so it is nobody's silence.
    """
    pause, number = beat / _TICKS, 0
    while True:
        before = monotonic()
        await asyncio.sleep(pause)
        number += 1
        yield Tick(number % _TICKS == 0, max(0.0, monotonic() - before - pause))
