"""Counts for the overview. None reads more than it is told to, however much is stored."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from pydantic import TypeAdapter

from karya.core.job import JobState
from karya.core.ports.census import LimitKind, Parked
from karya.core.ports.overview import Chain, OpenTask
from karya.core.schedule import Schedule
from karya.core.task import TaskState
from karya.store.client import AsyncDatabase, Document, in_time
from karya.store.documents import readable
from karya.store.names import JOBS, OPEN, OPEN_OF_JOB, TASKS
from karya.store.parked import parked

_SCHEDULE: TypeAdapter[Schedule] = TypeAdapter(Schedule)
_CHAIN = {"schedule": 1, "created_at": 1, "cursor": 1}
_OPEN_TASK = {"status": 1, "held": 1, "due_at": 1, "parked.for": 1}


class MongoTallies:
    """Implements `Tallies`."""

    def __init__(self, database: AsyncDatabase) -> None:
        self._database = database
        self._jobs = database[JOBS]
        self._tasks = database[TASKS]

    async def ready(self, pools: Collection[str], since: datetime | None, until: datetime, most: int) -> int:
        """See `Tallies.ready`."""
        due = {"$lte": until} if since is None else {"$gt": since, "$lte": until}
        wanted = {"pool": {"$in": sorted(pools)}, "status": "READY", "held": False, "due_at": due}
        return await self._count(TASKS, wanted, most, "ready")

    async def dead(self, user_id: str | None, most: int) -> int:
        """See `Tallies.dead`."""
        wanted: Document = {"status": TaskState.DEAD.value}
        if user_id is not None:
            wanted["user_id"] = user_id
        return await self._count(TASKS, wanted, most, "dead" if user_id is None else "dead_by_user")

    async def parked(self, most: int) -> Mapping[LimitKind, Parked]:
        """See `Tallies.parked`."""
        with in_time(self._tasks):
            return await parked(self._tasks, most)

    async def jobs(self, status: JobState, user_id: str | None, most: int) -> int:
        """See `Tallies.jobs`."""
        wanted: Document = {"status": status.value}
        if user_id is not None:
            wanted["user_id"] = user_id
        return await self._count(JOBS, wanted, most, "by_status" if user_id is None else "by_user_and_status")

    async def chains(self, until: datetime, limit: int) -> Sequence[Chain]:
        """See `Tallies.chains`."""
        wanted = {"status": JobState.ACTIVE.value, "cursor.exhausted": False, "cursor.at": {"$lte": until}}
        with in_time(self._jobs):
            found = self._jobs.find(wanted, _CHAIN).hint("active").limit(limit)
            return readable(await found.sort([("cursor.at", 1), ("_id", 1)]).to_list(None), _chain)

    async def open_of(self, user_id: str, jobs: int, limit: int) -> Sequence[OpenTask]:
        """See `Tallies.open_of`."""
        owned = {"user_id": user_id, "status": JobState.ACTIVE.value}
        with in_time(self._jobs):
            found = self._jobs.find(owned, {"_id": 1}).sort("_id", -1).hint("by_user_and_status").limit(jobs)
            ids = [job["_id"] for job in await found.to_list(None)]
            wanted = {"job_id": {"$in": ids}, "status": {"$in": OPEN}}
            tasks = self._tasks.find(wanted, _OPEN_TASK).hint(OPEN_OF_JOB).limit(limit)
            return readable(await tasks.to_list(None), _open_task)

    async def _count(self, collection: str, wanted: Document, most: int, index: str) -> int:
        """By the command `count`: the aggregation of `count_documents` takes half as long again a key."""
        with in_time(self._database):
            answer = await self._database.command("count", collection, query=wanted, limit=most, hint=index)
        return int(answer["n"])


def _chain(document: Document) -> Chain:
    cursor = document["cursor"]
    schedule = _SCHEDULE.validate_json(document["schedule"])
    return Chain(schedule, document["created_at"], cursor["at"], cursor["count"])


def _open_task(document: Document) -> OpenTask:
    status, is_parked = TaskState(document["status"]), "parked" in document
    return OpenTask(status, document["held"], document["due_at"], is_parked)
