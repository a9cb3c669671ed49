"""Removing what is older than its job wants it kept: which jobs are looked at, and when again."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from pymongo import UpdateMany

from karya.core.ids import id_floor, minted_at
from karya.core.ports.history import Sweep
from karya.store.client import AsyncDatabase, Document, translated
from karya.store.documents import readable
from karya.store.forgetting import FORGET_AT, GROWN_OLD, not_later
from karya.store.names import BY_ID, ERROR_LOGS, JOB_CHANGES, JOBS, LIVE, PLACES, SKIPS, TASKS
from karya.store.remains import JOB_FIELDS, UNREADABLE_AGAIN, Kept, Look, Remains

_PLACE = "retention"
_FIELDS = {**JOB_FIELDS, FORGET_AT: 1}

_MINUTE = timedelta(minutes=1)
_FAR = timedelta(hours=1)


class MongoRetention:
    """Implements `Retention`."""

    def __init__(self, database: AsyncDatabase) -> None:
        self._jobs = database[JOBS]
        self._tasks = database[TASKS]
        self._places = database[PLACES]
        self._beside = (database[JOB_CHANGES], database[SKIPS], database[ERROR_LOGS])
        self._remains = Remains(database)

    async def expire(self, now: datetime, limit: int) -> Sweep:
        """See `Retention.expire`. Those that have grown old are passed only when they are dealt with: after a
        crash they are looked at once more."""
        with translated():
            due = await self._due(now, limit)
            grown = await self._grown_old(now, limit)
            unmarked = [job for job in grown if FORGET_AT not in job]
            tasks, jobs = await self._forget([*due, *unmarked], now)
            if grown:
                passed = {"$max": {"job": grown[-1]["_id"]}}
                await self._places.update_one({"_id": _PLACE}, passed, upsert=True)
        since = [now, *(job[FORGET_AT] for job in due[:1]), *_grew_old(grown[:1])]
        return Sweep(len(due) + len(grown), tasks, jobs, now - min(since))

    async def _due(self, now: datetime, limit: int) -> Sequence[Document]:
        found = self._jobs.find({FORGET_AT: {"$lte": now}}, _FIELDS).sort(FORGET_AT, 1)
        return await found.limit(limit).to_list(None)

    async def _grown_old(self, now: datetime, limit: int) -> Sequence[Document]:
        """The next jobs that are old enough, in the order in which they were made."""
        place = await self._places.find_one({"_id": _PLACE})
        wanted = {"_id": {"$gt": place["job"] if place else "", "$lt": id_floor(now - GROWN_OLD)}}
        return await self._jobs.find(wanted, _FIELDS).sort("_id", 1).limit(limit).to_list(None)

    async def _forget(self, documents: Sequence[Document], now: datetime) -> tuple[int, int]:
        """How many tasks and jobs went."""
        jobs = readable(documents, Kept.of)
        looks = [*await self._remains.of_brief([job for job in jobs if job.is_brief], now)]
        looks += [await self._remains.of_long(job, now) for job in jobs if not job.is_brief]
        known = {job.id for job in jobs}
        odd = [document["_id"] for document in documents if document["_id"] not in known]
        looks += [Look(ident, now + UNREADABLE_AGAIN) for ident in odd]
        marked = {document["_id"] for document in documents if FORGET_AT in document}
        removed = await self._remove([look.job_id for look in looks if look.is_over])
        await self._mark((look for look in looks if not look.is_over), marked, now)
        return sum(look.tasks for look in looks), removed

    async def _mark(self, looks: Iterable[Look], marked: set[str], now: datetime) -> None:
        """Says when each has its next look."""
        times: dict[datetime | None, list[str]] = defaultdict(list)
        for look in looks:
            if look.next_at is not None or look.job_id in marked:
                times[_rounded(look.next_at, now)].append(look.job_id)
        writes = [
            UpdateMany({"_id": {"$in": ids}, **not_later(now)}, _at(time), hint=BY_ID)
            for time, ids in times.items()
        ]
        if writes:
            await self._jobs.bulk_write(writes, ordered=False)

    async def _remove(self, job_ids: Sequence[str]) -> int:
        """Removes jobs of which no task is left, with their history."""
        if not job_ids:
            return 0
        wanted = {"job_id": {"$in": list(job_ids)}}
        left = {task["job_id"] async for task in self._tasks.find(wanted, {"job_id": 1}).hint("by_job")}
        ids = [ident for ident in job_ids if ident not in left]
        for collection in self._beside:
            await collection.delete_many({"job_id": {"$in": ids}})
        ended = {"_id": {"$in": ids}, "status": {"$nin": LIVE}}
        return (await self._jobs.delete_many(ended, hint=BY_ID)).deleted_count


def _grew_old(jobs: Iterable[Document]) -> Iterator[datetime]:
    for job in jobs:
        with suppress(ValueError):  # an id that is not ours
            yield minted_at(job["_id"]) + GROWN_OLD


def _rounded(time: datetime | None, now: datetime) -> datetime | None:
    """A time that is far away is that of many: at the full minute behind it, one write is for all."""
    if time is None or time - now < _FAR:
        return time
    return time.replace(second=0, microsecond=0) + _MINUTE


def _at(time: datetime | None) -> Document:
    return {"$unset": {FORGET_AT: ""}} if time is None else {"$set": {FORGET_AT: time}}
