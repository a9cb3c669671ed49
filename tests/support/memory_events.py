"""Events in memory, told when a test says so."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import orjson

from karya.core.errors import InvalidInput, PositionGone, StoreUnavailable
from karya.core.events import Event, EventKind

STORED_AT = datetime(2026, 11, 28, 2, tzinfo=UTC)


def place(number: int) -> str:
    """The position of event number so and so."""
    return f"{2 * number:06d}"


def _resting(number: int) -> str:
    """Behind that event, and the position of none."""
    return f"{2 * number + 1:06d}"


@dataclass
class MemoryEvents:
    """Implements `EventLog`. `opened` counts the feeds, `open` has those that are open; `forgotten` is the
    position up to which nothing is kept, `away` makes the store not answer."""

    told: list[Event] = field(default_factory=list)
    open: list["MemoryFeed"] = field(default_factory=list)
    opened: int = 0
    forgotten: str = ""
    away: bool = False
    batch: int = 500
    stirred: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def tell(self, *kinds: EventKind, job: str = "job", user: str | None = None) -> list[Event]:
        """Events of these kinds, one after the other."""
        async with self.stirred:
            first = len(self.told) + 1
            made = [_event(number, kind, job, user) for number, kind in enumerate(kinds, first)]
            self.told += made
            self.stirred.notify_all()
        return made

    async def stir(self) -> None:
        """Lets feeds that wait look again."""
        async with self.stirred:
            self.stirred.notify_all()

    @property
    def end(self) -> str:
        """Behind the last event."""
        return _resting(len(self.told))

    async def follow(self, kinds: Collection[EventKind], after: str | None) -> "MemoryFeed":
        if self.away:
            raise StoreUnavailable("away")
        if after is not None and not after.isdigit():
            raise InvalidInput.at("after", "no position")
        if after is not None and after < self.forgotten:
            raise PositionGone("not kept any more")
        self.opened += 1
        feed = MemoryFeed(self, frozenset(kinds), after or self.end)
        self.open.append(feed)
        return feed

    def clear(self) -> None:
        """Forgets everything."""
        self.told.clear()
        self.open.clear()
        self.opened, self.forgotten, self.away, self.batch = 0, "", False, 500


class MemoryFeed:
    """Implements `EventFeed`."""

    def __init__(self, log: MemoryEvents, kinds: frozenset[EventKind], position: str) -> None:
        self.kinds = kinds
        self.position = position
        self.mark = position if int(position) % 2 else ""
        self._log = log

    async def next(self) -> Sequence[Event]:
        async with self._log.stirred:
            if not (found := self._behind()):
                await self._log.stirred.wait()
                found = self._behind()
        if self._log.away:
            raise StoreUnavailable("away")
        if self.position < self._log.forgotten:
            raise PositionGone("not kept any more")
        read, rest = found[: self._log.batch], found[self._log.batch :]
        if rest:
            self.position = read[-1].position
        else:
            self.position = self.mark = self._log.end
        return [event for event in read if event.kind in self.kinds]

    def _behind(self) -> list[Event]:
        return [event for event in self._log.told if event.position > self.position]

    async def close(self) -> None:
        if self in self._log.open:
            self._log.open.remove(self)


def _event(number: int, kind: EventKind, job: str, user: str | None) -> Event:
    view = {"specversion": "1.0", "id": place(number), "source": "/karya", "type": kind.value}
    view |= {"subject": job, "time": "2026-11-28T02:00:00.000Z", "datacontenttype": "application/json"}
    text = orjson.dumps({**view, "data": {"job_id": job}})
    return Event(place(number), kind, user, job, STORED_AT, text)
