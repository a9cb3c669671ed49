"""All listeners of a gateway, and the one feed that they share.

There is no feed while nobody listens, and the feed tells only the kinds that somebody wants: what it costs,
in MongoDB and here, is what is listened to. Whoever comes with the id of an event that is not among the
recent ones reads a feed of its own until it meets the shared one.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import datetime
from typing import Any

import structlog

from karya.api.events.listener import End, Frame, Listener, Wanted
from karya.api.events.recent import Recent
from karya.api.events.standing import Standing, none_ended, reason
from karya.core.errors import PositionGone, StoreUnavailable, Unavailable
from karya.core.events import EventKind
from karya.core.ports.events import EventFeed, EventLog

log = structlog.get_logger(__name__)

MOST_LISTENERS = 500
"""Each also counts among the requests that are under way."""
MOST_CATCHING_UP = 16
TURN_SECONDS = 10.0
"""How long a listener waits for its turn to catch up."""
PAUSE_SECONDS = 0.5
"""Before the store is asked again after it did not answer."""


class Hub:
    """Tells every listener what it wants to hear, in the order of the store, without a gap or a double."""

    def __init__(
        self,
        events: EventLog,
        now: Callable[[], datetime],
        most_listeners: int = MOST_LISTENERS,
    ) -> None:
        """`now` is the time of the store, as well as it is known."""
        self._events = events
        self._now = now
        self._most = most_listeners
        self._present: set[Listener] = set()
        self._joined: set[Listener] = set()
        self._fitting = asyncio.Lock()
        self._turns = asyncio.Semaphore(MOST_CATCHING_UP)
        self._feed: EventFeed | None = None
        self._pump: asyncio.Task[None] | None = None
        self._recent = Recent("")
        self._position = ""
        self.mark = ""
        """A position that is nobody's: where a listener stands to whom nothing was sent for a while."""
        self._read_until = now()
        self._sent = 0
        self._ended = none_ended()
        self._chores: set[asyncio.Task[None]] = set()
        self._stopping = False

    async def listen(self, wanted: Wanted, after: str | None = None) -> Listener:
        """A listener from now on, or from behind this position on.

        Raises Unavailable when there are too many or the gateway stops, and what `EventLog.follow` raises.
        """
        if self._stopping:
            raise Unavailable("the gateway stops")
        if len(self._present) >= self._most:
            raise Unavailable(f"{self._most} listen to events already: close one, or try again later")
        listener = Listener(wanted)
        self._present.add(listener)
        try:
            async with self._fitting:
                await self._fit()
            await self._begin(listener, after)
        except BaseException:
            self._drop(listener)
            raise
        return listener

    def leave(self, listener: Listener) -> None:
        """It listens no more. Harmless when it is said again."""
        if listener in self._present:
            self._ended[reason(listener.ended)] += 1
        self._drop(listener)

    def sent(self, count: int) -> None:
        """So many events went to a client."""
        self._sent += count

    def standing(self) -> Standing:
        """How it is now."""
        behind = (self._now() - self._read_until).total_seconds() if self._feed else 0.0
        return Standing(len(self._present), self._sent, dict(self._ended), max(behind, 0.0))

    def apart(self, listener: Listener) -> EventFeed | None:
        """The feed that a listener has to read by itself; None as soon as it can go on with the others."""
        feed = listener.feed
        if feed is None or not self._join(listener, feed.position):
            return feed
        self._give_back(listener)
        return None

    def end(self) -> None:
        """Ends every stream, and lets none begin any more."""
        self._stopping = True
        for listener in self._present:
            listener.end(End.STOPPING)

    async def close(self) -> None:
        """Waits until nothing is left of the feeds."""
        self.end()
        self._present.clear()
        self._joined.clear()
        async with self._fitting:
            await self._fit()
        while self._chores:
            await asyncio.gather(*self._chores)

    # --- one listener -----------------------------------------------------------------------------------

    def _drop(self, listener: Listener) -> None:
        self._present.discard(listener)
        self._joined.discard(listener)
        if listener.feed is not None:
            self._give_back(listener)
        if self._kinds() != self._told():
            self._chore(self._refit())

    async def _begin(self, listener: Listener, after: str | None) -> None:
        if after is None:
            self._join(listener, self._position)
        elif after > self._position or not self._join(listener, after):
            await self._catch_up(listener, after)

    async def _catch_up(self, listener: Listener, after: str) -> None:
        try:
            async with asyncio.timeout(TURN_SECONDS):
                await self._turns.acquire()
        except TimeoutError:
            raise Unavailable("too many are catching up with what they missed: try again") from None
        try:
            listener.feed = await self._events.follow(listener.wanted.kinds, after)
        except BaseException:
            self._turns.release()
            raise

    def _join(self, listener: Listener, position: str) -> bool:
        """Whether nothing is missing between this position and what the shared feed tells from now on."""
        if self._feed is None or position < self._recent.floor:
            return False
        listener.position = position
        self._joined.add(listener)
        for frame in self._recent.after(position):
            listener.offer(frame)
        return True

    def _give_back(self, listener: Listener) -> None:
        feed, listener.feed = listener.feed, None
        if feed is not None:
            self._turns.release()
            self._chore(feed.close())

    # --- the shared feed --------------------------------------------------------------------------------

    def _kinds(self) -> frozenset[EventKind]:
        return frozenset[EventKind]().union(*(listener.wanted.kinds for listener in self._present))

    def _told(self) -> frozenset[EventKind]:
        return self._feed.kinds if self._feed else frozenset()

    async def _refit(self) -> None:
        with suppress(StoreUnavailable, PositionGone):  # then it goes on telling more than is wanted
            async with self._fitting:
                await self._fit()

    async def _fit(self) -> None:
        """Makes the feed tell what is wanted now: who wants what may change while it is opened."""
        while (kinds := self._kinds()) != self._told():
            if not kinds:
                self._change(None)
                continue
            feed = await self._events.follow(kinds, self._position if self._feed else None)
            if self._feed is None:
                self._position, self.mark, self._read_until = feed.position, feed.mark, self._now()
            if not kinds <= self._told():
                self._recent = Recent(self._position)
            self._change(feed)

    def _change(self, feed: EventFeed | None) -> None:
        old, pump = self._feed, self._pump
        self._feed = feed
        self._pump = asyncio.create_task(self._run(feed), name="events") if feed else None
        if pump is not None:
            pump.cancel()
        if old is not None:
            self._chore(old.close())

    async def _run(self, feed: EventFeed) -> None:
        try:
            while True:
                await self._read(feed)
        except PositionGone:
            log.warning("events_lost", reason="the oplog was overwritten before it was read")
        except Exception:
            log.exception("events_stopped")
        self._feed = self._pump = None
        self._chore(feed.close())
        for listener in self._present:
            listener.end(End.GONE)

    async def _read(self, feed: EventFeed) -> None:
        asked_at = self._now()
        try:
            events = await feed.next()
        except StoreUnavailable as error:
            log.info("events_paused", error=str(error))
            await asyncio.sleep(PAUSE_SECONDS)
            return
        for event in events:
            if event.position > self._position:  # a feed that took over may tell some again
                self._tell(Frame.of(event))
        self._read_until = events[-1].at if events else asked_at
        self._position = max(self._position, feed.position)
        self.mark = max(self.mark, feed.mark)

    def _tell(self, frame: Frame) -> None:
        self._recent.add(frame)
        for listener in self._joined:
            listener.offer(frame)

    def _chore(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._chores.add(task)
        task.add_done_callback(self._chores.discard)
