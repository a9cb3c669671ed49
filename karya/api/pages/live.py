"""What is sent to open pages by server-sent events: one source for all who watch the same thing."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable
from contextlib import aclosing
from http import HTTPStatus
from typing import Any

import orjson
import structlog

from karya.api.problems import Refused
from karya.api.streaming import Stream
from karya.core.errors import KaryaError

log = structlog.get_logger(__name__)

EVERY_SECONDS = 1.0
STILL_HERE_SECONDS = 15.0
MOST_LISTENERS = 500
"""Of one gateway; whoever comes then sees pages that have to be loaded again."""

Source = Callable[[], AsyncGenerator[bytes]]
"""The messages, each when there is something new; what it holds is given back when it is closed."""


def message(event: str, data: Any) -> bytes:
    """One event of the stream."""
    return b"event: %s\ndata: %s\n\n" % (event.encode(), orjson.dumps(data))


def sampled(sample: Callable[[], Awaitable[bytes]]) -> Source:
    """A source that looks once a second."""

    async def source() -> AsyncGenerator[bytes]:
        while True:
            yield await sample()
            await asyncio.sleep(EVERY_SECONDS)

    return source


class _Feed:
    """Reads its source while somebody listens; one that failed begins anew."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.listeners = 0
        self.number, self.latest, self.is_closed = 0, b"", False
        self.changed = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    def start(self, name: str) -> None:
        self._running = asyncio.create_task(self._run(), name=name)

    def close(self) -> None:
        self.is_closed = True
        if self._running is not None:
            self._running.cancel()
        self.changed.set()

    async def _run(self) -> None:
        while True:
            try:
                async with aclosing(self._source()) as news:
                    async for one in news:
                        self._tell(one)
            except KaryaError as error:
                self._tell(message("away", str(error)))
            except Exception:
                log.exception("source_failed")
                self._tell(message("away", "an unexpected error, written to the log"))
            await asyncio.sleep(EVERY_SECONDS)

    def _tell(self, news: bytes) -> None:
        if news != self.latest:
            self.number, self.latest = self.number + 1, news
            self.changed.set()
            self.changed = asyncio.Event()


class Live:
    """All feeds of one gateway."""

    def __init__(self) -> None:
        self._feeds: dict[Hashable, _Feed] = {}
        self._listeners = 0
        self._closed = False

    def close(self) -> None:
        """Ends all streams: a gateway that stops need not wait for pages that stay open."""
        self._closed = True
        for feed in self._feeds.values():
            feed.close()

    def stream(
        self,
        key: Hashable,
        source: Source,
        allowed: Callable[[], Awaitable[bool]],
        greeting: Callable[[], bytes] = bytes,
    ) -> Stream:
        """A stream of what `source` gives, shared by all with this `key`. It begins with a `greeting` of its
        own, and ends when its reader is not `allowed` to see it any more. Raises Refused while too many
        listen."""
        if self._listeners >= MOST_LISTENERS:
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "too many pages are open: this one is not live")
        return Stream(self._listen(key, source, allowed, greeting))

    async def _listen(
        self,
        key: Hashable,
        source: Source,
        allowed: Callable[[], Awaitable[bool]],
        greeting: Callable[[], bytes],
    ) -> AsyncGenerator[bytes]:
        feed = self._joined(key, source)
        seen = 0
        try:
            yield b"retry: 2000\n\n" + greeting()
            while not (self._closed or feed.is_closed) and await allowed():
                if feed.number > seen:
                    seen = feed.number
                    yield feed.latest
                    continue
                try:
                    await asyncio.wait_for(feed.changed.wait(), STILL_HERE_SECONDS)
                except TimeoutError:
                    yield b": still here\n\n"
        finally:
            self._leave(key, feed)

    def _joined(self, key: Hashable, source: Source) -> _Feed:
        feed = self._feeds.get(key)
        if feed is None:
            feed = self._feeds[key] = _Feed(source)
            feed.start(f"live {key}")
        feed.listeners += 1
        self._listeners += 1
        return feed

    def _leave(self, key: Hashable, feed: _Feed) -> None:
        feed.listeners -= 1
        self._listeners -= 1
        if not feed.listeners:
            feed.close()
            self._feeds.pop(key, None)
