"""One change stream, read batch by batch.

The commands are given one by one rather than through the driver's own stream, which hands over one change at
a time, each by way of a thread: that would cost more than all the rest (decision 0046).
"""

import asyncio
from collections.abc import Collection, Sequence
from contextlib import suppress

import pymongo
from bson.timestamp import Timestamp
from motor.motor_asyncio import AsyncIOMotorClientSession
from pymongo.errors import OperationFailure, PyMongoError

from karya.core.errors import KaryaError, PositionGone
from karya.core.events import Event, EventKind
from karya.store.client import NAIVE_DATES, AsyncDatabase, Document, unavailable
from karya.store.events.matching import stages
from karya.store.events.owners import Owners
from karya.store.events.reading import Seen, readable_changes

_BATCH = 500
_AT_ONCE = 50
_WAIT_MILLIS = 1_000
_CLOSE_SECONDS = 1.0
_CURSORS = "$cmd.aggregate"
_HISTORY_LOST = 286
"""Its place in the oplog is overwritten."""


class MongoEventFeed:
    """Implements `EventFeed`. Whatever goes wrong, the next call begins again behind what was read last."""

    def __init__(
        self, database: AsyncDatabase, owners: Owners, kinds: Collection[EventKind], after: str | None
    ) -> None:
        self.kinds = frozenset(kinds)
        self.position = self._newest = after or ""
        self.mark = ""
        self._database = database
        self._owners = owners
        self._session: AsyncIOMotorClientSession | None = None
        self._cursor = 0
        self._first: Document | None = None
        self._asking: asyncio.Future[Document] | None = None

    async def open(self) -> None:
        """Begins at its position, or now. Raises as `EventLog.follow` does."""
        try:
            await self._begin()
        except PyMongoError as error:
            await self.close()
            raise _told(error) from error

    async def next(self) -> Sequence[Event]:
        """See `EventFeed.next`."""
        try:
            if not self._cursor:
                await self._begin()
            batch = self._first or await self._more()
            self._first = None
            found = batch.get("firstBatch") or batch.get("nextBatch") or []
            changes = [change for change in found if change["_id"]["_data"] > self.position]
            events = await self._events(changes)
        except PyMongoError as error:
            await self.close()
            raise _told(error) from error
        self._advance(changes, batch)
        return events

    async def close(self) -> None:
        """See `EventFeed.close`. Ending the cursor lets go of the call that waits for it."""
        cursor, self._cursor = self._cursor, 0
        session, self._session = self._session, None
        with suppress(PyMongoError), pymongo.timeout(_CLOSE_SECONDS):
            if cursor:
                await self._database.command({"killCursors": _CURSORS, "cursors": [cursor]})
        if self._asking is not None:
            await asyncio.gather(self._asking, return_exceptions=True)
        if session is not None:
            await session.end_session()

    async def _begin(self) -> None:
        if self._session is None:
            self._session = await self._database.client.start_session()
        start = {"startAtOperationTime": moment_of(self.position)} if self.position else {}
        pipeline: list[Document] = [{"$changeStream": start}, *stages(self.kinds)]
        size = _BATCH if self.position else 0  # with changes, it would not say where it began
        batch = await self._ask({"aggregate": 1, "pipeline": pipeline, "cursor": {"batchSize": size}})
        if batch["firstBatch"]:
            self._first = batch
        else:
            self._advance([], batch)

    async def _more(self) -> Document:
        size = {"batchSize": _BATCH, "maxTimeMS": _WAIT_MILLIS}
        return await self._ask({"getMore": self._cursor, "collection": _CURSORS, **size})

    async def _ask(self, command: Document) -> Document:
        """The cursor of the answer. Whoever is cancelled leaves the session to `close`."""
        answering = self._database.command(command, codec_options=NAIVE_DATES, session=self._session)
        self._asking = asyncio.ensure_future(answering)
        answer: Document = await asyncio.shield(self._asking)
        self._asking = None
        batch: Document = answer["cursor"]
        self._cursor = batch["id"]
        return batch

    async def _events(self, changes: Sequence[Document]) -> Sequence[Event]:
        """A few at a time: a whole batch takes longer than those may wait who are waiting for the loop."""
        events: list[Event] = []
        for start in range(0, len(changes), _AT_ONCE):
            events += await self._owners.events(self._wanted(changes[start : start + _AT_ONCE]))
            await asyncio.sleep(0)
        return events

    def _wanted(self, changes: Sequence[Document]) -> list[Seen]:
        """What MongoDB cannot tell apart (a retry from a release, a cancel from a discard) is sorted here."""
        return [seen for seen in readable_changes(changes) if seen.kind in self.kinds]

    def _advance(self, changes: Sequence[Document], batch: Document) -> None:
        if changes:
            self._newest = changes[-1]["_id"]["_data"]
        self.position = max(self.position, batch["postBatchResumeToken"]["_data"])
        if self.position != self._newest:
            self.mark = self.position


def moment_of(position: str) -> Timestamp:
    """The cluster time in a token: behind one byte for its type, seconds and a number. A change stream cannot
    be resumed by the token itself, since MongoDB looks for its event among those of the wanted kinds."""
    return Timestamp(int(position[2:10], 16), int(position[10:18], 16))


def _told(error: PyMongoError) -> KaryaError:
    if isinstance(error, OperationFailure) and error.code == _HISTORY_LOST:
        return PositionGone(
            "what followed this position is not kept any more: begin again without it, and read the present "
            "state of jobs and tasks for what was missed"
        )
    return unavailable(error)
