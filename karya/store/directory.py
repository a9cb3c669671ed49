"""Who holds a lock."""

from karya.core.ports import LockHolder
from karya.store.client import AsyncDatabase, translated
from karya.store.locks import holder_of
from karya.store.names import LOCKS


class LockDirectory:
    """Reads who holds a lock, for those who look for the holder; never a reason to act on the lock itself."""

    def __init__(self, database: AsyncDatabase) -> None:
        self._locks = database[LOCKS]

    async def holder(self, name: str) -> LockHolder | None:
        """The last holder, whether or not its lease still runs; None when there is none."""
        with translated():
            return holder_of(await self._locks.find_one({"_id": name}))
