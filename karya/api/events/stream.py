"""What a listener hears, as Server-Sent Events."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

from starlette.types import Send

from karya.api.events.hub import PAUSE_SECONDS, Hub
from karya.api.events.listener import End, Frame, Listener
from karya.api.streaming import Stream
from karya.core.errors import PositionGone, StoreUnavailable
from karya.core.ports.events import EventFeed

HEARTBEAT_SECONDS = 15.0
"""After so long a silence a comment is sent, so that nobody on the way thinks that the connection is dead."""
LIFETIME_SECONDS = 300.0
"""So long is a token taken for good that was checked when the stream began."""
RETRY_MILLIS = 1_000


class EventStream(Stream):
    """Sends what the listener is to hear until it goes, is too slow or too old, or the gateway stops."""

    def __init__(self, hub: Hub, listener: Listener, after: str | None) -> None:
        super().__init__(self._chunks())
        self._hub = hub
        self._listener = listener
        self._last = after or hub.mark  # now: what is told from here on comes behind it
        self._silent_since = 0.0

    async def stream_response(self, send: Send) -> None:
        """See Stream; afterwards the listener is gone."""
        try:
            await super().stream_response(send)
        finally:
            self._hub.leave(self._listener)

    def give_up(self) -> None:
        """See Stream."""
        self._listener.end(End.SLOW)
        super().give_up()

    async def _chunks(self) -> AsyncGenerator[bytes]:
        yield f"retry: {RETRY_MILLIS}\nid: {self._last}\n\n".encode()
        now = asyncio.get_running_loop().time
        self._silent_since, end = now(), now() + LIFETIME_SECONDS
        while self._listener.ended is None and now() < end:
            frames = await self._next(min(self._silent_since + HEARTBEAT_SECONDS, end) - now())
            if frames:
                self._last = frames[-1].event.position
                yield b"".join(frame.data for frame in frames)
                self._hub.sent(len(frames))
            elif now() >= self._silent_since + HEARTBEAT_SECONDS:
                yield f": heartbeat\n{self._standing()}".encode()
            else:
                continue
            self._silent_since = now()
        self._listener.end(End.AGED)
        yield f": {self._listener.ended}\n\n".encode()

    def _standing(self) -> str:
        """An event without data, which nobody is told of: it moves the id from which a client resumes."""
        feed = self._listener.feed
        self._last = max(self._last, feed.mark if feed else self._hub.mark)
        return f"id: {self._last}\n\n"

    async def _next(self, seconds: float) -> Sequence[Frame]:
        feed = self._hub.apart(self._listener)
        return await (self._listener.take(max(seconds, 0)) if feed is None else self._missed(feed))

    async def _missed(self, feed: EventFeed) -> Sequence[Frame]:
        try:
            events = await feed.next()
        except StoreUnavailable:
            await asyncio.sleep(PAUSE_SECONDS)
            return ()
        except PositionGone:
            self._listener.end(End.GONE)
            return ()
        return [Frame.of(event) for event in events if self._listener.wanted.holds(event)]
