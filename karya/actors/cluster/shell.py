"""What all actors have in common towards Ray, towards the supervisor, and towards SIGTERM."""

import asyncio
import os
import secrets
import signal
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Self

import structlog

from karya.actors.cluster.host import Host
from karya.actors.cluster.ray_runtime import this_node
from karya.actors.cluster.seat import Pulse

log = structlog.get_logger("karya.actor")

_INCARNATION = secrets.token_hex(8)


class Shell:
    """An actor, started by its constructor, which makes `_host`. A process that gets SIGTERM closes it first:
    a worker finishes or hands back what it runs. Ray then starts it again, unless it was to go."""

    _host: Host
    _closing: "asyncio.Task[None] | None" = None
    _departure: "asyncio.Task[None] | None" = None

    def __new__(cls, *_: Any, **__: Any) -> Self:
        """Ray calls this in the main thread, the only one that may listen to signals, and the constructor in
        that of the event loop."""
        shell = super().__new__(cls)
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, lambda *_: shell._terminated())
        return shell

    async def ready(self) -> Any:
        """Waits until it is open."""
        await self._host.ready()

    async def pulse(self) -> Pulse:
        """Answers as soon as the event loop turns, open or not."""
        is_closing = self._closing is not None and self._departure is None
        return Pulse(_INCARNATION, this_node(), os.getpid(), is_closing)

    async def close(self) -> None:
        """Drains and stops; whoever asks again waits for the same end."""
        await self._end_by(self._close)

    async def _close(self) -> None:
        raise NotImplementedError

    async def _end_by(self, way: Callable[[], Coroutine[Any, Any, None]]) -> None:
        if self._closing is None:
            self._closing = asyncio.create_task(way(), name="close")
        await asyncio.shield(self._closing)

    def _terminated(self) -> None:
        if not hasattr(self, "_host"):
            sys.exit(1)
        self._host.loop.call_soon_threadsafe(self._leave)

    def _leave(self) -> None:
        if self._departure is None:
            self._departure = asyncio.create_task(self._depart(), name="departure")

    async def _depart(self) -> None:
        log.info("terminated", pid=os.getpid())
        try:
            await self.close()
        finally:
            os._exit(0)
