"""The connections to the database."""

import asyncio
from typing import Any

from karya.core.settings import StoreSettings
from karya.store.client import async_database, sync_database
from karya.store.indexes import INDEXES, prepare
from karya.store.locks import MongoLocks
from tests.support.mongo import forget_nothing

SETTINGS = StoreSettings(database="karya_model")


class Databases:
    """The connections, made once: one that breaks for each kind of actor, and one to look with."""

    def __init__(self, url: str) -> None:
        self.loop = asyncio.new_event_loop()
        self.raw = sync_database(SETTINGS, url)
        self.blocking = sync_database(SETTINGS, url)
        self.asynchronous = self.loop.run_until_complete(self._connect(url))
        prepare(self.raw, MongoLocks(self.raw), "model")
        forget_nothing(self.raw)

    async def _connect(self, url: str) -> Any:
        return async_database(SETTINGS, url)

    def clear(self) -> None:
        """Empties all collections: making their indexes anew would take twenty times as long."""
        for name in INDEXES:
            self.raw[name].delete_many({})

    def close(self) -> None:
        """All of them."""
        for database in (self.raw, self.blocking, self.asynchronous):
            database.client.close()
        self.loop.close()
