"""Counting those that wait for a limit."""

from collections.abc import Mapping

from motor.motor_asyncio import AsyncIOMotorCollection

from karya.core.ports.census import LimitKind, Parked
from karya.store import gates
from karya.store.client import Document
from karya.store.names import PARKED


async def parked(tasks: AsyncIOMotorCollection[Document], most: int) -> Mapping[LimitKind, Parked]:
    """How many there are, and since when. The index is in the order of the limits: where the count ends
    early, an older one may wait for another limit."""
    pipeline: list[Document] = [
        {"$match": gates.parked({"$exists": True})},
        {"$limit": most},
        {
            "$group": {
                "_id": gates.names_seat("$parked.for"),
                "count": {"$sum": 1},
                "since": {"$min": "$due_at"},
            }
        },
    ]
    counted = dict.fromkeys(LimitKind, Parked())
    async for found in tasks.aggregate(pipeline, hint=PARKED):
        kind = LimitKind.CONCURRENCY if found["_id"] else LimitKind.RATE
        counted[kind] = Parked(found["count"], found["since"])
    return counted
