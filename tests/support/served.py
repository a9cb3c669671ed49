"""A real gateway over services in memory, in a thread: for clients that block, and for the commands."""

import asyncio
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.types import ASGIApp, Receive, Scope, Send

from karya.api.serve import Gateway
from karya.core.settings import GatewaySettings
from tests.support.memory_services import MemoryServices


class Served:
    """The gateway, what is behind it, and what it was asked."""

    def __init__(self) -> None:
        self.memory = MemoryServices()
        self.asked: deque[tuple[str, str]] = deque()
        """Method and path of each request."""
        self.queries: deque[str] = deque()
        """The query string of each request."""
        self._gateway = Gateway(self.memory.services, GatewaySettings(port=0))
        self._gateway._app = self._recorded(self._gateway._app)  # type: ignore[assignment]

    @property
    def url(self) -> str:
        return self._gateway.url

    def clear(self) -> None:
        """Forgets everything."""
        self.memory.clear()
        self.asked.clear()
        self.queries.clear()

    def _recorded(self, app: ASGIApp) -> ASGIApp:
        async def record(scope: Scope, receive: Receive, send: Send) -> None:
            self.asked.append((scope["method"], scope["path"]))
            self.queries.append(scope["query_string"].decode())
            await app(scope, receive, send)

        return record

    @classmethod
    @contextmanager
    def running(cls) -> Iterator["Served"]:
        """Started, and stopped at the end of the block."""
        served = cls()
        started, loop, stop = threading.Event(), asyncio.new_event_loop(), asyncio.Event()

        async def serve() -> None:
            await served._gateway.start()
            started.set()
            await stop.wait()
            await served._gateway.stop()

        thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
        thread.start()
        assert started.wait(30)
        yield served
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()
