"""Requests with an Idempotency-Key and their answers; a TTL index forgets them after 24 hours."""

from datetime import datetime

from bson import Binary
from pymongo.errors import DuplicateKeyError

from karya.core.ids import derived_id, new_id
from karya.core.ports.requests import Answered, Fresh, Misused, Standing
from karya.store.client import AsyncDatabase, Document, in_time
from karya.store.names import REQUESTS


class MongoRequests:
    """Implements `RequestLog`."""

    def __init__(self, database: AsyncDatabase) -> None:
        self._requests = database[REQUESTS]

    async def begin(self, owner: str, key: str, fingerprint: str, now: datetime) -> Standing:
        """See `RequestLog.begin`."""
        ident, minted = derived_id("request", owner, key), new_id(now)
        begun: Document = {"_id": ident, "fingerprint": fingerprint, "minted_id": minted, "created_at": now}
        with in_time(self._requests):
            try:
                await self._requests.insert_one(begun)
            except DuplicateKeyError:
                found = await self._requests.find_one({"_id": ident})
                if found is None:  # forgotten between the two: as good as new
                    return await self.begin(owner, key, fingerprint, now)
                begun = found
        if begun["fingerprint"] != fingerprint:
            return Misused()
        if "status" not in begun:
            return Fresh(str(begun["minted_id"]))
        headers = tuple((name, value) for name, value in begun["headers"])
        return Answered(begun["status"], bytes(begun["body"]), headers)

    async def finish(self, owner: str, key: str, answer: Answered) -> None:
        """See `RequestLog.finish`."""
        kept = {
            "status": answer.status,
            "body": Binary(answer.body),
            "headers": list(map(list, answer.headers)),
        }
        with in_time(self._requests):
            unanswered = {"_id": derived_id("request", owner, key), "status": {"$exists": False}}
            await self._requests.update_one(unanswered, {"$set": kept})
