"""The gateway as a running HTTP server, inside somebody else's event loop."""

import asyncio
import errno
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress

import uvicorn

from karya.api.app import create_app
from karya.api.events.hub import Hub
from karya.api.events.standing import Standing
from karya.api.head import BoundedProtocol
from karya.api.meter import Answered, nobody
from karya.api.services import Services
from karya.core.errors import ConfigError
from karya.core.settings import GatewaySettings

BACKLOG = 2048
STOP_SECONDS = 5
"""How long a stopping gateway lets requests finish."""


class _Server(uvicorn.Server):
    """Says when it has started, and leaves the signals to the process it is a guest in."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()
        self.leaving = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    async def main_loop(self) -> None:
        """Uvicorn looks ten times a second whether it should stop; at rest that is most of our own work."""
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                await asyncio.wait_for(self.leaving.wait(), timeout=1)

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


class Gateway:
    """Serves Karya over HTTP, from `start` to `stop`."""

    def __init__(
        self,
        services: Services,
        settings: GatewaySettings,
        turned_away: Callable[[], object] = lambda: None,
        answered: Answered = nobody,
        traced: bool = False,
    ) -> None:
        """As `create_app`."""
        self._settings = settings
        self._hub = Hub(services.events, services.clock.now)
        self._app = create_app(services, settings, self._hub, turned_away, answered, traced)
        self._live = self._app.state.live
        self._port = settings.port
        self._server: _Server | None = None
        self._serving: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where it listens, with the real port once it has started."""
        host = self._settings.host
        return f"http://[{host}]:{self._port}" if ":" in host else f"http://{host}:{self._port}"

    def listening(self) -> Standing:
        """How those who listen to events fare."""
        return self._hub.standing()

    async def start(self) -> None:
        """Binds, listens and serves. Raises ConfigError when the address cannot be had."""
        listener = _listen(self._settings.host, self._settings.port)
        self._port = listener.getsockname()[1]
        self._server = _Server(
            uvicorn.Config(
                self._app,
                http=BoundedProtocol,
                ws="none",
                loop="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=STOP_SECONDS,
            )
        )
        self._serving = asyncio.create_task(self._server.serve([listener]), name="gateway")
        ready = asyncio.create_task(self._server.ready.wait(), name="gateway start")
        await asyncio.wait({self._serving, ready}, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if self._serving.done():
            await self._serving

    async def stop(self) -> None:
        """Stops accepting, ends what listens to events, lets other requests under way finish for a while, and
        closes. Idempotent."""
        if self._server is None or self._serving is None:
            return
        self._live.close()
        self._hub.end()
        self._server.should_exit = True
        self._server.leaving.set()
        await self._serving
        await self._hub.close()


def check_address(settings: GatewaySettings) -> None:
    """Raises ConfigError when a gateway could not listen there now."""
    _listen(settings.host, settings.port).close()


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket, so that nobody else can take the address between the check and the start."""
    listener: socket.socket | None = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        # With the protocol spelled out: asyncio turns Nagle's 40 ms off only for sockets that say TCP.
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        if listener is not None:
            listener.close()
        raise ConfigError(_complaint(host, port, error)) from None
    return listener


def _complaint(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} of {host} is taken: stop what listens there, or choose another with --port"
    if error.errno == errno.EACCES:
        return f"port {port} of {host} needs more rights: choose one from 1024 on with --port"
    return f"cannot listen on {host}: {error.strerror}: choose an address of this machine with --host"
