"""Jobs that have come to their end.

`touched`, a field of the document alone, counts what was done to a job by request. Whoever completes it
writes only while it is as they read it: an occurrence that is triggered meanwhile would be forgotten.
"""

from collections.abc import Sequence, Set
from datetime import datetime
from typing import Any

from motor.motor_asyncio import AsyncIOMotorClientSession
from pymongo import UpdateOne

from karya.core.firing import Happening, hook_tasks
from karya.core.hook import Trigger
from karya.core.job import Job, JobState
from karya.core.ports import Position
from karya.core.task import Task
from karya.store.client import AsyncDatabase, Document, translated
from karya.store.documents import job_entity, readable, task_document
from karya.store.forgetting import at_the_end, by_age
from karya.store.names import BY_ID, JOBS, OPEN_OF_JOB, OPEN_STEP, TASKS
from karya.store.onward import behind
from karya.store.transactions import in_transaction

TOUCHED = "touched"
_ACTIVE = JobState.ACTIVE.value
_FOR_THE_END = {TOUCHED: 1, "hooked": {"$ne": [{"$ifNull": ["$hooks", []]}, []]}}
"""Of a job that may have ended: its actions, of any size, stay where they are."""
_STEPS = 500


class Settling:
    """Completing jobs."""

    def __init__(self, database: AsyncDatabase) -> None:
        self._database = database
        self._jobs = database[JOBS]
        self._tasks = database[TASKS]

    async def complete_solo(self, job_ids: Sequence[str], now: datetime) -> None:
        """See `JobRepository.complete_solo`."""
        if not job_ids:
            return
        with translated():
            matched = 0
            for ids, beside in by_age(job_ids, now):
                solo = {"_id": {"$in": list(ids)}, "status": _ACTIVE, TOUCHED: None}
                end = {**_completed(now), **beside}
                matched += (await self._jobs.update_many(solo, end, hint=BY_ID)).matched_count
        if matched < len(job_ids):
            await self.settle(job_ids, now)

    async def settle(self, job_ids: Sequence[str], now: datetime) -> bool:
        """See `JobRepository.settle`."""
        if not job_ids:
            return False
        with translated():
            ended = await self._ended(job_ids)
            await self._complete([job for job in ended if not job["hooked"]], now)
            hooked = {job["_id"]: job for job in ended if job["hooked"]}
            jobs = await self._whole(list(hooked))
            return any([await self._complete_with_hooks(job, hooked[job.id], now) for job in jobs])

    async def _whole(self, job_ids: Sequence[str]) -> Sequence[Job]:
        if not job_ids:
            return ()
        found = self._jobs.find({"_id": {"$in": job_ids}}).hint(BY_ID)
        return readable(await found.to_list(None), job_entity)

    async def _ended(self, job_ids: Sequence[str]) -> Sequence[Document]:
        """The jobs without a further occurrence and without an open step. The job is read first: what is
        added to it afterwards either shows among its steps, or touches it."""
        candidates = {"_id": {"$in": list(set(job_ids))}, "status": _ACTIVE, "cursor.exhausted": True}
        jobs = await self._jobs.find(candidates, _FOR_THE_END).hint(BY_ID).to_list(None)
        busy = await self._busy({job["_id"] for job in jobs})
        return [job for job in jobs if job["_id"] not in busy]

    async def _busy(self, job_ids: Set[str]) -> Set[str]:
        """Those that have an open step. One may have thousands, of which a few say as much."""
        busy = set[str]()
        while left := job_ids - busy:
            of_them = {"job_id": {"$in": sorted(left)}, **OPEN_STEP}
            steps = self._tasks.find(of_them, {"job_id": 1}).hint(OPEN_OF_JOB).limit(_STEPS)
            found = await steps.to_list(None)
            busy |= {step["job_id"] for step in found}
            if len(found) < _STEPS:
                break
        return busy

    async def _complete(self, jobs: Sequence[Document], now: datetime) -> None:
        writes = [UpdateOne(_as_read(job), _ended_by(job["_id"], now), hint=BY_ID) for job in jobs]
        if writes:
            await self._jobs.bulk_write(writes, ordered=False)

    async def _complete_with_hooks(self, job: Job, document: Document, now: datetime) -> bool:
        fired = _completion_hooks(job, now)

        async def write(session: AsyncIOMotorClientSession) -> bool:
            answer = await self._jobs.update_one(_as_read(document), _ended_by(job.id, now), session=session)
            if answer.matched_count == 0 or not fired:
                return False
            await self._tasks.insert_many([task_document(task) for task in fired], session=session)
            return True

        return await in_transaction(self._database, write)

    async def unsettled(self, before: datetime, after: Position | None, limit: int) -> Sequence[Position]:
        """See `JobRepository.unsettled`."""
        wanted = {"status": _ACTIVE, "cursor.exhausted": True, "cursor.at": {"$lt": before}}
        with translated():
            found = self._jobs.find(behind(wanted, "cursor.at", after), {"cursor.at": 1})
            jobs = await found.sort([("cursor.at", 1), ("_id", 1)]).limit(limit).to_list(None)
        return [(job["cursor"]["at"], job["_id"]) for job in jobs]


def ended_happening(job: Job, outcome: str, source: str, now: datetime) -> Happening:
    """What the hooks of the end of a job are told."""
    return Happening(
        job_id=job.id,
        job_version=job.version,
        user_id=job.user_id,
        source=f"{job.id}/{source}",
        subject=job.id,
        data={"outcome": outcome, "occurrences": job.cursor.count},
        at=now,
        trace=job.trace,
    )


def _completion_hooks(job: Job, now: datetime) -> Sequence[Task]:
    happening = ended_happening(job, "completed", "end", now)
    return hook_tasks(job.hooks_on(Trigger.ON_COMPLETION), happening)


def _as_read(job: Document) -> Document:
    return {"_id": job["_id"], "status": _ACTIVE, TOUCHED: job.get(TOUCHED)}


def _ended_by(job_id: str, now: datetime) -> Document:
    return {**_completed(now), **at_the_end(job_id, now)}


def _completed(now: datetime) -> dict[str, Any]:
    return {"$set": {"status": JobState.COMPLETED.value, "updated_at": now, "finished_at": now}}
