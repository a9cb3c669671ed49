"""What happens, in the order in which it was stored."""

from collections.abc import Collection, Sequence
from typing import Protocol

from karya.core.events import Event, EventKind


class EventFeed(Protocol):
    """The events from some position on, read by one reader at a time."""

    @property
    def kinds(self) -> frozenset[EventKind]:
        """The kinds that it tells."""

    @property
    def position(self) -> str:
        """All events up to this position have been read, and none behind it. It may name an event of
        anybody, and with it a document."""

    @property
    def mark(self) -> str:
        """The newest position at or before `position` that names no event, so that anybody may be told of it;
        empty while there is none."""

    async def next(self) -> Sequence[Event]:
        """The next events, in their order; none when nothing happens for about a second.

        Raises StoreUnavailable when the store does not answer: the next call goes on where this one
        failed. Raises PositionGone when what follows the position is not kept any more.
        """

    async def close(self) -> None:
        """Ends it, also while `next` waits. Never raises."""


class EventLog(Protocol):
    """Everything that happened, as far back as the store remembers it."""

    async def follow(self, kinds: Collection[EventKind], after: str | None) -> EventFeed:
        """The events of these kinds behind a position, or from now on; without those of jobs and tasks that
        were deleted meanwhile.

        Raises PositionGone when the position is not kept any more, InvalidInput (field `after`) when it is
        none, StoreUnavailable.
        """
