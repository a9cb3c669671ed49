"""Leases by name: one document each, changed only by guarded findAndModify."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pymongo import ReturnDocument

from karya.core.ports import LockHolder, LockLease
from karya.core.times import EPOCH
from karya.store.blocking import SyncDatabase, translated
from karya.store.names import LOCKS, ServerNow, later, server_now


class MongoLocks:
    """Implements `Locks`. Expiry is judged by the database's clock alone."""

    def __init__(self, database: SyncDatabase, now: ServerNow = server_now) -> None:
        self._locks = database[LOCKS]
        self._now = now

    def acquire(self, name: str, owner: str, ttl: timedelta, info: Mapping[str, str]) -> LockLease | None:
        """See `Locks.acquire`."""
        mine = {"$eq": ["$owner", {"$literal": owner}]}
        expired = {"$lte": ["$expires_at", self._now()]}
        free = {"$or": [mine, expired]}
        unused = {"$eq": ["$in_use", False]}
        change = {
            "owner": {"$literal": owner},
            "token": {"$cond": [mine, "$token", {"$add": ["$token", 1]}]},
            "expires_at": later(self._now(), ttl),
            "idle_since": {"$cond": [unused, "$idle_since", {"$ifNull": ["$renewed_at", EPOCH]}]},
            "renewed_at": self._now(),
            "in_use": False,
            "held_since": {"$cond": [expired, self._now(), "$held_since"]},
            "info": {"$literal": dict(info)},
        }
        with translated():
            vacant = {"owner": "", "token": 0, "expires_at": EPOCH, "info": {}}
            self._locks.update_one({"_id": name}, {"$setOnInsert": vacant}, upsert=True)
            document = self._locks.find_one_and_update(
                {"_id": name, "$expr": free}, [{"$set": change}], return_document=ReturnDocument.AFTER
            )
        if document is None:
            return None
        return LockLease(name, owner, document["token"], document["idle_since"])

    def holder(self, name: str) -> LockHolder | None:
        """See `Locks.holder`."""
        with translated():
            return holder_of(self._locks.find_one({"_id": name}))

    def renew(self, lease: LockLease, ttl: timedelta) -> bool:
        """See `Locks.renew`."""
        times = {"expires_at": later(self._now(), ttl), "renewed_at": self._now()}
        extend = [{"$set": {**times, "in_use": True}}]
        with translated():
            return self._locks.update_one(_held(lease), extend).matched_count == 1

    def release(self, lease: LockLease) -> None:
        """See `Locks.release`."""
        with translated():
            self._locks.update_one(_held(lease), {"$set": {"owner": "", "expires_at": EPOCH, "info": {}}})


def _held(lease: LockLease) -> dict[str, Any]:
    return {"_id": lease.name, "owner": lease.owner, "token": lease.token}


def holder_of(document: Mapping[str, Any] | None) -> LockHolder | None:
    """Whom the document of a lock names."""
    if not document or not document["owner"]:
        return None
    return LockHolder(document["owner"], document["token"], document["info"])
