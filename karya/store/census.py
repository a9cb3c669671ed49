"""Counting how the tasks stand: by indexes alone, and no further than helps anybody."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from karya.core.ports.census import LATE, MOST_COUNTED, MOST_PARKED, Census, Queued
from karya.core.task import TaskState
from karya.store.client import AsyncDatabase, Document, in_time
from karya.store.names import TASKS
from karya.store.parked import parked

_NONE = timedelta(0)


class MongoCensus:
    """Implements `CensusTaker`."""

    def __init__(self, database: AsyncDatabase) -> None:
        self._tasks = database[TASKS]

    async def take(self, pools: Iterable[str], now: datetime) -> Census:
        """See `CensusTaker.take`."""
        with in_time(self._tasks):
            return Census(
                at=now,
                pools={pool: await self._queued(pool, now) for pool in pools},
                running=await self._count(TaskState.RUNNING, "running"),
                dead=await self._count(TaskState.DEAD, "dead"),
                parked=await parked(self._tasks, MOST_PARKED),
            )

    async def _queued(self, pool: str, now: datetime) -> Queued:
        """The index is in the order of `due_at`: where the count ends early, the first ones were counted."""
        pipeline: list[Document] = [
            {"$match": _due(pool, now)},
            {"$limit": MOST_COUNTED},
            {"$group": {"_id": None, "due": {"$sum": 1}, "late": _late(now), "oldest": {"$min": "$due_at"}}},
        ]
        async for found in self._tasks.aggregate(pipeline, hint="ready"):
            return Queued(found["due"], found["late"], max(_NONE, now - found["oldest"]))
        return Queued()

    async def _count(self, state: TaskState, index: str) -> int:
        count: int = await self._tasks.count_documents(
            {"status": state.value}, hint=index, limit=MOST_COUNTED
        )
        return count


def _due(pool: str, now: datetime) -> Document:
    return {"pool": pool, "status": TaskState.READY.value, "held": False, "due_at": {"$lte": now}}


def _late(now: datetime) -> Document:
    return {"$sum": {"$cond": [{"$lte": ["$due_at", now - LATE]}, 1, 0]}}
