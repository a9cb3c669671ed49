"""Cancelling a job, as far as the job itself goes: its tasks follow in a write of their own."""

from collections.abc import Sequence
from datetime import datetime

from motor.motor_asyncio import AsyncIOMotorClientSession

from karya.core.errors import Conflict
from karya.core.firing import hook_tasks
from karya.core.hook import Trigger
from karya.core.job import Job, JobState
from karya.core.ports import Position
from karya.core.ports.lifecycle import ChangeKind
from karya.core.revision import check_version
from karya.store import overlaps
from karya.store.changes import change_document
from karya.store.client import AsyncDatabase, in_time, translated
from karya.store.documents import job_entity, task_document
from karya.store.forgetting import at_the_end
from karya.store.names import BY_ID, JOB_CHANGES, JOBS, TASKS
from karya.store.onward import behind
from karya.store.settling import ended_happening
from karya.store.transactions import in_transaction

_HALF = "cancelling_at"
"""On a cancelled job, until its tasks and its descendants are cancelled, too: a crash may come between."""


class Cancelling:
    """One job at a time, with its hooks and its history."""

    def __init__(self, database: AsyncDatabase) -> None:
        self._database = database
        self._jobs = database[JOBS]
        self._tasks = database[TASKS]
        self._changes = database[JOB_CHANGES]

    async def cancel(self, job_id: str, now: datetime, version: int | None = None) -> Job | None:
        """See `JobRepository.cancel`."""

        async def write(session: AsyncIOMotorClientSession) -> Job | None:
            document = await self._jobs.find_one({"_id": job_id}, session=session)
            if document is None:
                return None
            job = job_entity(document)
            check_version(job, version)
            if job.status is JobState.COMPLETED:
                raise Conflict(f"job {job_id} is completed: there is nothing left to cancel")
            return job if job.status is JobState.CANCELLED else await self._end(job, now, session)

        with in_time(self._database):
            return await in_transaction(self._database, write)

    async def half_cancelled(
        self, before: datetime, after: Position | None, limit: int
    ) -> Sequence[Position]:
        """See `JobRepository.half_cancelled`."""
        with translated():
            found = self._jobs.find(behind({_HALF: {"$lt": before}}, _HALF, after), {_HALF: 1})
            jobs = await found.sort([(_HALF, 1), ("_id", 1)]).limit(limit).to_list(None)
        return [(job[_HALF], job["_id"]) for job in jobs]

    async def cancelled_wholly(self, job_ids: Sequence[str]) -> None:
        """See `JobRepository.cancelled_wholly`."""
        with translated():
            await self._jobs.update_many({"_id": {"$in": list(job_ids)}}, {"$unset": {_HALF: ""}}, hint=BY_ID)

    async def _end(self, job: Job, now: datetime, session: AsyncIOMotorClientSession) -> Job:
        times = {"updated_at": now, "finished_at": now}
        end = {"$set": {"status": JobState.CANCELLED.value, **times, _HALF: now}, **overlaps.freed()}
        end |= at_the_end(job.id, now)
        await self._jobs.update_one({"_id": job.id}, end, session=session)
        change = change_document(job.id, ChangeKind.CANCELLED, job.version, now)
        await self._changes.insert_one(change, session=session)
        fired = hook_tasks(
            job.hooks_on(Trigger.ON_CANCELLED), ended_happening(job, "cancelled", "cancelled", now)
        )
        if fired:
            await self._tasks.insert_many([task_document(task) for task in fired], session=session)
        return job.model_copy(update={"status": JobState.CANCELLED, **times, "slot": None, "queued": None})
