"""The jobs: stored, read, and ended."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from pymongo.client_session import ClientSession
from pymongo.errors import BulkWriteError

from karya.core.errors import Conflict, StoreUnavailable
from karya.core.job import Job, JobState
from karya.core.ports import Page, Position, Submission
from karya.core.queries import JobQuery
from karya.store.cancelling import Cancelling
from karya.store.client import AsyncDatabase, Document, in_time
from karya.store.documents import job_document, job_entity, task_document, written_document
from karya.store.forgetting import noted
from karya.store.names import BY_ID, JOBS, TASKS
from karya.store.naming import Naming, refusing_taken_names
from karya.store.searching import Searching
from karya.store.settling import Settling
from karya.store.threads import in_one_thread

_DUPLICATE_KEY = 11000


class MongoJobs:
    """Implements `JobRepository`."""

    def __init__(self, database: AsyncDatabase) -> None:
        self._database = database
        self._jobs = database[JOBS]
        self._tasks = database[TASKS]
        self._searching = Searching(database)
        self._naming = Naming(database)
        self._cancelling = Cancelling(database)
        self._settling = Settling(database)

    async def submit(self, submissions: Sequence[Submission]) -> None:
        """See `JobRepository.submit`."""
        jobs = [noted(job_document(submission.job), submission.job) for submission in submissions]
        tasks = [task_document(task) for submission in submissions for task in submission.tasks]

        def write(session: ClientSession) -> None:
            self._jobs.delegate.insert_many(jobs, session=session)
            self._tasks.delegate.insert_many(tasks, session=session)

        with in_time(self._jobs), refusing_taken_names():
            try:
                await in_one_thread(self._database, write)
            except BulkWriteError as error:
                if not _only_duplicates(error):
                    raise
                await self._submit_missing(submissions)

    async def _submit_missing(self, submissions: Sequence[Submission]) -> None:
        """An id that is stored already can only be an earlier try of ours whose answer was lost."""
        ids = [submission.job.id for submission in submissions]
        found = await self._jobs.find({"_id": {"$in": ids}}).hint(BY_ID).to_list(None)
        stored = {document["_id"]: job_entity(document) for document in found}
        for submission in submissions:
            known = stored.get(submission.job.id)
            if known and not _is_the_same(known, submission.job):
                raise Conflict(f"{known.id} is the key of another job: this one needs a key of its own")
        missing = [submission for submission in submissions if submission.job.id not in stored]
        if len(missing) == len(submissions):
            raise StoreUnavailable("a task id exists already although its job does not")
        if missing:
            await self.submit(missing)

    async def get(self, job_id: str) -> Job | None:
        """See `JobRepository.get`."""
        with in_time(self._jobs):
            document = await self._jobs.find_one({"_id": job_id})
        return job_entity(document) if document else None

    async def list(self, query: JobQuery, *, cursor: str | None, limit: int) -> Page[Job]:
        """See `JobRepository.list`."""
        return await self._searching.list(query, cursor, limit)

    async def list_with_dead(
        self, query: JobQuery, *, cursor: str | None, limit: int, most: int
    ) -> tuple[Page[Job], Mapping[str, int]]:
        """See `JobRepository.list_with_dead`."""
        return await self._searching.list_with_dead(query, cursor, limit, most)

    async def named(self, user_id: str | None, names: Collection[str]) -> Mapping[str, Job]:
        """See `JobRepository.named`."""
        return await self._naming.named(user_id, names)

    async def descendants(
        self, job_id: str, states: Collection[JobState], after: str | None, limit: int
    ) -> Sequence[str]:
        """See `JobRepository.descendants`."""
        wanted: Document = {"ancestors": job_id, "status": {"$in": [state.value for state in states]}}
        if after is not None:
            wanted["_id"] = {"$gt": after}
        with in_time(self._jobs):
            found = self._jobs.find(wanted, {"_id": 1}).sort("_id", 1)
            return [job["_id"] for job in await found.hint("by_ancestor").limit(limit).to_list(None)]

    async def any_cancelled(self, job_ids: Collection[str]) -> bool:
        """See `JobRepository.any_cancelled`."""
        wanted = {"_id": {"$in": list(job_ids)}, "status": JobState.CANCELLED.value}
        with in_time(self._jobs):
            return await self._jobs.find_one(wanted, {"_id": 1}) is not None

    async def cancel(self, job_id: str, now: datetime, version: int | None = None) -> Job | None:
        """See `JobRepository.cancel`."""
        return await self._cancelling.cancel(job_id, now, version)

    async def half_cancelled(
        self, before: datetime, after: Position | None, limit: int
    ) -> Sequence[Position]:
        """See `JobRepository.half_cancelled`."""
        return await self._cancelling.half_cancelled(before, after, limit)

    async def cancelled_wholly(self, job_ids: Sequence[str]) -> None:
        """See `JobRepository.cancelled_wholly`."""
        await self._cancelling.cancelled_wholly(job_ids)

    async def complete_solo(self, job_ids: Sequence[str], now: datetime) -> None:
        """See `JobRepository.complete_solo`."""
        await self._settling.complete_solo(job_ids, now)

    async def settle(self, job_ids: Sequence[str], now: datetime) -> bool:
        """See `JobRepository.settle`."""
        return await self._settling.settle(job_ids, now)

    async def unsettled(self, before: datetime, after: Position | None, limit: int) -> Sequence[Position]:
        """See `JobRepository.unsettled`."""
        return await self._settling.unsettled(before, after, limit)


def _is_the_same(known: Job, job: Job) -> bool:
    """Whether the one that is stored can be this one. One that was changed since no longer says what it was
    submitted as; and what a parent submits may say the time of its attempt."""
    if (known.user_id, known.parent_id, known.created_at) != (job.user_id, job.parent_id, job.created_at):
        return False
    may_differ = known.version > 1 or known.parent_id is not None
    return may_differ or written_document(known) == written_document(job)


def _only_duplicates(error: BulkWriteError) -> bool:
    details = error.details or {}
    problems = details.get("writeErrors", [{"code": 0}])
    return all(
        problem["code"] == _DUPLICATE_KEY and "name" not in problem["keyValue"] for problem in problems
    )
