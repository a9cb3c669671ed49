"""The jobs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from motor.motor_asyncio import AsyncIOMotorClientSession
from pymongo.errors import BulkWriteError

from karya.core.errors import Conflict, StoreUnavailable
from karya.core.hook import Trigger
from karya.core.job import Job, JobState
from karya.core.ports import Page, Submission
from karya.core.task import TaskKind, hook_tasks
from karya.store.client import AsyncDatabase, Document, translated
from karya.store.documents import job_document, job_entity, readable, task_document
from karya.store.names import BY_ID, JOBS, OPEN, TASKS
from karya.store.paging import decode_id, encode_cursor
from karya.store.transactions import in_transaction

_ACTIVE = JobState.ACTIVE.value
_DUPLICATE_KEY = 11000


class MongoJobs:
    """Implements `JobRepository`."""

    def __init__(self, database: AsyncDatabase) -> None:
        self._database = database
        self._jobs = database[JOBS]
        self._tasks = database[TASKS]

    async def submit(self, submissions: Sequence[Submission]) -> None:
        """See `JobRepository.submit`."""
        jobs = [job_document(submission.job) for submission in submissions]
        tasks = [task_document(task) for submission in submissions for task in submission.tasks]

        async def write(session: AsyncIOMotorClientSession) -> None:
            await self._jobs.insert_many(jobs, session=session)
            await self._tasks.insert_many(tasks, session=session)

        with translated():
            try:
                await in_transaction(self._database, write)
            except BulkWriteError as error:
                if not _only_duplicates(error):
                    raise
                await self._submit_missing(submissions)

    async def _submit_missing(self, submissions: Sequence[Submission]) -> None:
        """An id that is stored already can only be an earlier try of ours whose answer was lost."""
        stored = {job.id: job for job in [await self.get(s.job.id) for s in submissions] if job}
        for submission in submissions:
            known = stored.get(submission.job.id)
            if known and known.created_at != submission.job.created_at:
                raise Conflict(f"the id {known.id} belongs to another job")
        missing = [submission for submission in submissions if submission.job.id not in stored]
        if len(missing) == len(submissions):
            raise StoreUnavailable("a task id exists already although its job does not")
        if missing:
            await self.submit(missing)

    async def get(self, job_id: str) -> Job | None:
        """See `JobRepository.get`."""
        with translated():
            document = await self._jobs.find_one({"_id": job_id})
        return job_entity(document) if document else None

    async def list(
        self, *, user_id: str | None, status: JobState | None, cursor: str | None, limit: int
    ) -> Page[Job]:
        """See `JobRepository.list`. Ids are UUIDv7, so the order of ids is the order of creation."""
        wanted: Document = {}
        if user_id is not None:
            wanted["user_id"] = user_id
        if status is not None:
            wanted["status"] = status.value
        if cursor is not None:
            wanted["_id"] = {"$lt": decode_id(cursor)}
        with translated():
            documents = await self._jobs.find(wanted).sort("_id", -1).limit(limit + 1).to_list(None)
        jobs = tuple(readable(documents[:limit], job_entity))
        return Page(jobs, encode_cursor(documents[limit - 1]["_id"]) if len(documents) > limit else None)

    async def cancel(self, job_id: str, now: datetime) -> Job | None:
        """See `JobRepository.cancel`."""
        change = {"status": JobState.CANCELLED.value, "updated_at": now, "finished_at": now}
        with translated():
            await self._jobs.update_one({"_id": job_id, "status": _ACTIVE}, {"$set": change})
        job = await self.get(job_id)
        if job and job.status is JobState.COMPLETED:
            raise Conflict(f"job {job_id} is completed: there is nothing left to cancel")
        return job

    async def complete_solo(self, job_ids: Sequence[str], now: datetime) -> None:
        """See `JobRepository.complete_solo`."""
        if job_ids:
            with translated():
                await self._jobs.update_many(_active(list(job_ids)), _completed(now), hint=BY_ID)

    async def settle(self, job_ids: Sequence[str], now: datetime) -> bool:
        """See `JobRepository.settle`."""
        if not job_ids:
            return False
        with translated():
            ended = await self._ended(job_ids)
            await self.complete_solo([job["_id"] for job in ended if not job.get("hooks")], now)
            hooked = readable((job for job in ended if job.get("hooks")), job_entity)
            return any([await self._complete_with_hooks(job, now) for job in hooked])

    async def _ended(self, job_ids: Sequence[str]) -> Sequence[Document]:
        """The jobs without a further occurrence and without an open step. The cursor is read first: once
        it is exhausted no step is added, so a step that is not seen open afterwards never will be."""
        candidates = {"_id": {"$in": list(set(job_ids))}, "status": _ACTIVE, "cursor.exhausted": True}
        jobs = await self._jobs.find(candidates).hint(BY_ID).to_list(None)
        if not jobs:
            return []
        ids = [job["_id"] for job in jobs]
        open_steps = {"job_id": {"$in": ids}, "status": {"$in": OPEN}, "kind": TaskKind.STEP.value}
        busy = {task["job_id"] async for task in self._tasks.find(open_steps, {"job_id": 1})}
        return [job for job in jobs if job["_id"] not in busy]

    async def _complete_with_hooks(self, job: Job, now: datetime) -> bool:
        fired = hook_tasks(job.hooks_on(Trigger.ON_COMPLETION), job.id, job.version, f"{job.id}/end", now)

        async def write(session: AsyncIOMotorClientSession) -> bool:
            answer = await self._jobs.update_one(_active([job.id]), _completed(now), session=session)
            if answer.matched_count == 0 or not fired:
                return False
            await self._tasks.insert_many([task_document(task) for task in fired], session=session)
            return True

        return await in_transaction(self._database, write)

    async def unsettled(
        self, before: datetime, after: tuple[datetime, str] | None, limit: int
    ) -> Sequence[tuple[datetime, str]]:
        """See `JobRepository.unsettled`."""
        wanted: Document = {"status": _ACTIVE, "cursor.exhausted": True, "cursor.at": {"$lt": before}}
        if after is not None:
            at, ident = after
            wanted["cursor.at"]["$gte"] = at  # the bound of the index scan; $or alone would have none
            wanted["$or"] = [{"cursor.at": {"$gt": at}}, {"_id": {"$gt": ident}}]
        with translated():
            found = self._jobs.find(wanted, {"cursor.at": 1}).sort([("cursor.at", 1), ("_id", 1)])
            jobs = await found.limit(limit).to_list(None)
        return [(job["cursor"]["at"], job["_id"]) for job in jobs]


def _active(job_ids: list[str]) -> Document:
    return {"_id": {"$in": job_ids}, "status": _ACTIVE}


def _completed(now: datetime) -> dict[str, Any]:
    return {"$set": {"status": JobState.COMPLETED.value, "updated_at": now, "finished_at": now}}


def _only_duplicates(error: BulkWriteError) -> bool:
    details = error.details or {}
    return all(problem["code"] == _DUPLICATE_KEY for problem in details.get("writeErrors", [{"code": 0}]))
