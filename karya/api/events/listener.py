"""One listener: what it wants, and what waits to be sent to it."""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from karya.core.events import Event, EventKind
from karya.core.ports.events import EventFeed
from karya.core.user import Principal

MOST_WAITING = 2_000
"""How many events wait for a listener before it counts as too slow."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events somebody asks for: all that is given must hold. What belongs to others is never among them
    (I10), and what belongs to nobody is for admins."""

    principal: Principal
    kinds: frozenset[EventKind]
    jobs: frozenset[str] = frozenset()
    users: frozenset[str] = frozenset()

    def holds(self, event: Event) -> bool:
        """Whether this is one of them."""
        return (
            event.kind in self.kinds
            and (not self.jobs or event.job_id in self.jobs)
            and (not self.users or event.user_id in self.users)
            and self.principal.owns(event.user_id)
        )


class End(StrEnum):
    """Why a stream ends, as its client is told; it may come again with the last id that it has seen."""

    STOPPING = "the gateway stops: come again"
    SLOW = "too slow: come again for what was left out"
    GONE = "events were lost: come again"
    AGED = "time to say again who you are: come again"


@dataclass(frozen=True, slots=True)
class Frame:
    """An event as it goes over the wire, the same bytes for all listeners."""

    event: Event
    data: bytes

    @classmethod
    def of(cls, event: Event) -> "Frame":
        """The event in the form of Server-Sent Events: id, kind, and JSON on one line."""
        head = f"id: {event.position}\nevent: {event.kind.value}\ndata: ".encode()
        return cls(event, b"%b%b\n\n" % (head, event.text))


class Listener:
    """Holds a bounded number of frames; one more ends it. What lies behind its `position` is new for it; its
    `feed` is its own until it has caught up with the others."""

    def __init__(self, wanted: Wanted, most_waiting: int = MOST_WAITING) -> None:
        self.wanted = wanted
        self.position = ""
        self.feed: EventFeed | None = None
        self.ended: End | None = None
        self._most = most_waiting
        self._frames: deque[Frame] = deque()
        self._stirred = asyncio.Event()

    def offer(self, frame: Frame) -> None:
        """Keeps the frame for it, if it is wanted and new to it."""
        if self.ended or frame.event.position <= self.position or not self.wanted.holds(frame.event):
            return
        if len(self._frames) >= self._most:
            self.end(End.SLOW)
            return
        self._frames.append(frame)
        self._stirred.set()

    def end(self, why: End) -> None:
        """Nothing more is sent; of one that is too slow, not even what waits."""
        self.ended = self.ended or why
        if why is End.SLOW:
            self._frames.clear()
        self._stirred.set()

    async def take(self, seconds: float) -> Sequence[Frame]:
        """What waits for it, as soon as something does; nothing after so many seconds, or once it ended."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stirred.wait()
        taken = tuple(self._frames)
        self._frames.clear()
        if not self.ended:
            self._stirred.clear()
        return taken
