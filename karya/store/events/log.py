"""The events of one database."""

import re
from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from karya.core.errors import InvalidInput
from karya.core.events import EventKind
from karya.store.client import AsyncDatabase
from karya.store.events.feed import MongoEventFeed, moment_of
from karya.store.events.owners import Owners

_TOKEN = re.compile(r"82[0-9A-F]{20,2000}")
"""Upper case, since positions are compared as texts: so MongoDB writes them."""
_CLOCKS_DIFFER = timedelta(minutes=5)


class MongoEventLog:
    """Implements `EventLog`. A position is the token from which a change stream can be resumed; MongoDB's are
    hexadecimal and sort in the order of what they name."""

    def __init__(self, database: AsyncDatabase) -> None:
        self._database = database
        self._owners = Owners(database)

    async def follow(self, kinds: Collection[EventKind], after: str | None) -> MongoEventFeed:
        """See `EventLog.follow`."""
        if after is not None and not _is_position(after):
            raise InvalidInput.at("after", "no position: give the id of an event as it was received")
        feed = MongoEventFeed(self._database, self._owners, kinds, after)
        await feed.open()
        return feed


def _is_position(text: str) -> bool:
    """Whether it may be one. Behind one of the future nobody would hear anything."""
    if not _TOKEN.fullmatch(text):
        return False
    latest = datetime.now(UTC) + _CLOCKS_DIFFER
    return moment_of(text).time <= latest.timestamp()
