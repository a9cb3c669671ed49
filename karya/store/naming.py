"""The names of jobs: unique among the live ones of an owner, which an index sees to."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager

from pymongo.errors import BulkWriteError, DuplicateKeyError

from karya.core.errors import Conflict
from karya.core.job import Job, JobState
from karya.store.client import AsyncDatabase, Document, in_time
from karya.store.documents import job_entity, readable
from karya.store.names import BY_ID, JOBS, LIVE, NAMED


class Naming:
    """Finding jobs by their names."""

    def __init__(self, database: AsyncDatabase) -> None:
        self._jobs = database[JOBS]

    async def named(self, user_id: str | None, names: Collection[str]) -> Mapping[str, Job]:
        """See `JobRepository.named`."""
        with in_time(self._jobs):
            live = {"user_id": user_id, "name": {"$in": list(names)}, "status": {"$in": LIVE}}
            found = await self._jobs.find(live).hint(NAMED).to_list(None)
            found += await self._completed(user_id, set(names) - {job["name"] for job in found})
        return {job.name: job for job in readable(found, job_entity) if job.name is not None}

    async def _completed(self, user_id: str | None, names: Collection[str]) -> list[Document]:
        """The newest of each name that has completed."""
        if not names:
            return []
        wanted = {"name": {"$in": list(names)}, "user_id": user_id, "status": JobState.COMPLETED.value}
        newest: list[Document] = [
            {"$match": wanted},
            {"$sort": {"name": 1, "user_id": 1, "status": 1, "_id": -1}},
            {"$group": {"_id": "$name", "id": {"$first": "$_id"}}},
        ]
        ids = [one["id"] async for one in self._jobs.aggregate(newest, hint="by_name_and_status")]
        return await self._jobs.find({"_id": {"$in": ids}}).hint(BY_ID).to_list(None)


@contextmanager
def refusing_taken_names() -> Iterator[None]:
    """Raises Conflict for a write that would give a name to a second live job of its owner."""
    try:
        yield
    except BulkWriteError as error:
        if (name := _taken(error)) is not None:
            raise taken(name) from None
        raise
    except DuplicateKeyError as error:
        value = (error.details or {}).get("keyValue", {})
        if "name" in value:
            raise taken(value["name"]) from None
        raise


def taken(name: str) -> Conflict:
    """What whoever asks for a name that is in use is told."""
    return Conflict(
        f"the name {name!r} is taken by a live job of this owner: change or cancel that one, or take another"
    )


def _taken(error: BulkWriteError) -> str | None:
    for problem in (error.details or {}).get("writeErrors", ()):
        value = problem.get("keyValue", {})
        if "name" in value:
            return str(value["name"])
    return None
