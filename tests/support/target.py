"""A real HTTP server on loopback which records every request and answers as it is told to, well or badly.

In the test's own loop: `async with Target() as target`. From a thread, with a loop of its own:
`with Target.running() as target`. Replies are scripted with `target.script(reply, ...)`: each is used
once, the last one for ever; without a script every request is answered 200.
"""

import asyncio
import ssl
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

import orjson
from aiohttp import web

Reply = Callable[["Exchange"], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Call:
    """One request as it arrived. Header names are in lower case, values of a repeated one joined by ", "."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    arrived_at: float
    """When its headers were there, in seconds of time.monotonic()."""
    wall: float
    """The same in seconds since the Unix epoch."""
    client: str = ""
    """The common name of the certificate that the client showed."""
    peer: str = ""
    """The address that it came from."""

    def json(self) -> Any:
        """The body, parsed."""
        return orjson.loads(self.body)


@dataclass(frozen=True)
class Exchange:
    """What a reply has at hand."""

    request: web.Request
    target: "Target"

    async def stream(self, headers: Mapping[str, str] | None = None) -> web.StreamResponse:
        """An answer 200 whose body is written bit by bit."""
        response = web.StreamResponse(headers=headers)
        await response.prepare(self.request)
        return response


def respond(
    status: int = 200, body: str | bytes = b"", headers: Mapping[str, str] | None = None, delay: float = 0
) -> Reply:
    """Answers with this, `delay` seconds after the request was read."""

    async def reply(exchange: Exchange) -> web.StreamResponse:
        await asyncio.sleep(delay)
        data = body.encode() if isinstance(body, str) else body
        return web.Response(status=status, body=data, headers=headers)

    return reply


def redirect(location: str, status: int = 302) -> Reply:
    """Answers with a redirect."""
    return respond(status, headers={"location": location})


def hang() -> Reply:
    """Never answers."""

    async def reply(exchange: Exchange) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    return reply


def drip(every: float = 1.0) -> Reply:
    """Answers 200 at once, then one byte of body every so many seconds, for ever."""

    async def reply(exchange: Exchange) -> web.StreamResponse:
        response = await exchange.stream()
        while True:
            await response.write(b".")
            await asyncio.sleep(every)

    return reply


def endless(chunk: int = 64 * 1024, headers: Mapping[str, str] | None = None) -> Reply:
    """Answers 200 with a body that never ends; `target.sent` counts its bytes."""

    async def reply(exchange: Exchange) -> web.StreamResponse:
        response = await exchange.stream(headers)
        while True:
            await response.write(b"x" * chunk)
            exchange.target.sent += chunk

    return reply


def reset() -> Reply:
    """Breaks the connection with a TCP reset instead of answering."""

    async def reply(exchange: Exchange) -> web.StreamResponse:
        assert exchange.request.transport is not None
        exchange.request.transport.abort()
        return web.Response()

    return reply


def raw(data: bytes, close: bool = True) -> Reply:
    """Sends these very bytes as the answer and, if asked, closes the connection."""

    async def reply(exchange: Exchange) -> web.StreamResponse:
        transport = exchange.request.transport
        assert transport is not None
        transport.write(data)
        if close:
            transport.close()
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    return reply


class Target:
    """The server. `calls` holds the requests in the order in which their bodies were complete."""

    def __init__(self, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> None:
        self.host = host
        self.calls: list[Call] = []
        self.sent = 0
        self.port = 0
        self.disconnected = threading.Event()
        """Set once a client has gone away before it was answered."""
        self._tls = tls
        self._scripts: dict[str, list[Reply]] = {"": [respond()]}
        self._changed = threading.Condition()
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        return f"{'https' if self._tls else 'http'}://{self.host}:{self.port}"

    def script(self, *replies: Reply) -> None:
        """Answers the next requests with these, one each; the last one serves all that follow."""
        self._scripts[""] = list(replies)

    def at(self, path: str, *replies: Reply) -> str:
        """The same for one path alone; returns its URL."""
        self._scripts[path] = list(replies) or [respond()]
        return self.url + path

    def calls_to(self, path: str) -> list[Call]:
        """The requests that have arrived for one path."""
        with self._changed:
            return [call for call in self.calls if call.path == path]

    def wait_for(self, count: int, timeout: float) -> list[Call]:
        """Blocks until so many calls have arrived (from a thread other than the server's) and returns them.

        Raises TimeoutError, which says how many there were.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.calls) >= count, timeout):
                raise TimeoutError(f"{len(self.calls)} of {count} calls after {timeout:g} s")
            return list(self.calls)

    async def arrived(self, count: int, timeout: float) -> list[Call]:
        """The same for coroutines, in whatever loop."""
        return await asyncio.to_thread(self.wait_for, count, timeout)

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=16 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.host, 0, ssl_context=self._tls)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    @classmethod
    @contextmanager
    def running(cls, host: str = "127.0.0.1") -> Iterator[Self]:
        """A target in a thread and a loop of its own, stopped at the end of the block."""
        target = cls(host)
        started = threading.Event()
        loop = asyncio.new_event_loop()
        stop = asyncio.Event()

        async def serve() -> None:
            async with target:
                started.set()
                await stop.wait()

        def run() -> None:
            try:
                loop.run_until_complete(serve())
            finally:
                started.set()
                loop.close()

        thread = threading.Thread(target=run, name="target", daemon=True)
        thread.start()
        started.wait()
        if not target.port:
            raise RuntimeError("the target did not start")
        try:
            yield target
        finally:
            loop.call_soon_threadsafe(stop.set)
            thread.join(timeout=5)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        arrived_at, wall = time.monotonic(), time.time()
        headers = {name.lower(): ", ".join(request.headers.getall(name)) for name in request.headers}
        body, client = await request.read(), _common_name(request)
        peer = request.remote or ""
        call = Call(request.method, request.raw_path, headers, body, arrived_at, wall, client, peer)
        with self._changed:
            self.calls.append(call)
            script = self._scripts.get(call.path, self._scripts[""])
            reply = script.pop(0) if len(script) > 1 else script[0]
            self._changed.notify_all()
        try:
            return await reply(Exchange(request, self))
        except (asyncio.CancelledError, ConnectionError):
            self.disconnected.set()
            raise


def _common_name(request: web.Request) -> str:
    certificate = request.get_extra_info("peercert") or {}
    names = dict(pair for part in certificate.get("subject", ()) for pair in part)
    return names.get("commonName", "")
