"""Calls that block, over the same transport: its loop runs in a thread of its own."""

import asyncio
import os
import ssl
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import Any, TypeVar

from karya.client.request import Failure, Reply, Request
from karya.client.transport import CLOSED, HttpTransport, Listening
from karya.core.errors import Unavailable

T = TypeVar("T")
_CLOSE_SECONDS = 5.0


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """What a coroutine returns that never has to wait, since all it awaits is a `BlockingTransport`."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        value: T = done.value
        return value
    raise AssertionError("a client that blocks has waited for something else than its transport")


class BlockingTransport:
    """Implements `Transport` for one caller at a time in any number of threads: each call blocks its own.

    So callbacks and iterables of the caller run in the caller's thread, and the loop is never held up.
    """

    def __init__(
        self, url: str, headers: Mapping[str, str], timeout: float, context: ssl.SSLContext | None
    ) -> None:
        self.url = url
        self._make: Callable[[], _Line] = lambda: _Line(HttpTransport(url, headers, timeout, context))
        self._line: _Line | None = self._make()
        self._lock = threading.Lock()

    async def send(self, request: Request) -> Reply | Failure:
        """See `Transport.send`."""
        return self._living().done(lambda transport: transport.send(request))

    async def listen(self, request: Request) -> Listening | Reply | Failure:
        """See `Transport.listen`."""
        line = self._living()
        answer = line.done(lambda transport: transport.listen(request))
        return answer if isinstance(answer, (Reply, Failure)) else _BlockingStream(line, answer)

    async def sleep(self, seconds: float) -> None:
        """See `Transport.sleep`."""
        time.sleep(seconds)  # noqa: ASYNC251 - this is what blocking means

    def close(self) -> None:
        """Closes the connections and ends the thread. Idempotent."""
        line, self._line = self._line, None
        if line is not None:
            line.close()

    def _living(self) -> "_Line":
        with self._lock:
            if self._line is None:
                raise Unavailable(CLOSED)
            if not self._line.mine:
                self._line = self._make()
            return self._line


class _BlockingStream:
    """Implements `Listening` for one that is read in the loop of a line."""

    def __init__(self, line: "_Line", stream: Listening) -> None:
        self._line = line
        self._stream = stream

    async def read(self) -> bytes | Failure:
        """See `Listening.read`."""
        return self._line.done(lambda _: self._stream.read())

    def close(self) -> None:
        """See `Listening.close`."""
        self._line.soon(self._stream.close)


class _Line:
    """A transport in the loop of a thread."""

    def __init__(self, transport: HttpTransport) -> None:
        self._transport = transport
        self._pid = os.getpid()
        self._closed = False
        self._closing = threading.RLock()
        """What the loop is given before its end is cancelled then; what came later would wait for ever."""
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._live, name="karya client", daemon=True)
        self._thread.start()
        self._started.wait()

    @property
    def mine(self) -> bool:
        """Whether its thread is in this process: a fork leaves it behind."""
        return self._pid == os.getpid()

    def done(self, work: Callable[[HttpTransport], Coroutine[Any, Any, T]]) -> T:
        """What comes of this."""
        with self._closing:
            if self._closed:
                raise Unavailable(CLOSED)
            sent = asyncio.run_coroutine_threadsafe(work(self._transport), self._loop)
        try:
            return sent.result()
        except CancelledError:
            raise Unavailable("this client was closed while it asked") from None
        except BaseException:  # Ctrl-C: nobody waits any more
            sent.cancel()
            raise

    def soon(self, work: Callable[[], object]) -> None:
        """Has this done, if anybody is there to do it."""
        if self.mine and self._thread.is_alive():
            with suppress(RuntimeError):  # it has just ended
                self._loop.call_soon_threadsafe(work)

    def close(self) -> None:
        """Ends it; also called by the garbage collector, in whatever thread."""
        if not self.mine or not self._thread.is_alive():
            return
        with self._closing:
            self._closed = True
            self._loop.call_soon_threadsafe(self._stop.set)
        if threading.current_thread() is not self._thread:
            self._thread.join(_CLOSE_SECONDS)

    def _live(self) -> None:
        asyncio.run(self._until_stopped())

    async def _until_stopped(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._started.set()
        await self._stop.wait()
        await self._transport.close()
