"""Removing what is older than its job wants it kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from karya.core.expiry import Trace, expired
from karya.core.job import LIVE_STATES, JobState
from karya.core.policies import Retention
from karya.core.ports.history import Sweep
from karya.core.task import TaskKind, TaskState
from karya.store.client import AsyncDatabase, Document, translated
from karya.store.documents import readable, retention_policy
from karya.store.names import BY_ID, ERROR_LOGS, JOB_CHANGES, JOBS, OPEN, SKIPS, TASKS

_MOST_TASKS = 5_000
"""Of one job read together: a job that has more of them to remove gets its next turn in the next round."""

_JOB_FIELDS = {"status": 1, "retention": 1, "created_at": 1, "finished_at": 1}
"""Every job is looked at again and again: its actions, of any size, stay where they are."""

_TRACE_FIELDS = {"kind": 1, "cause": 1, "status": 1, "finished_at": 1, "instant": 1}


@dataclass(frozen=True, slots=True)
class _Kept:
    """What of a job says how long its history stays."""

    id: str
    status: JobState
    retention: Retention
    created_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, document: Document) -> "_Kept":
        return cls(
            id=document["_id"],
            status=JobState(document["status"]),
            retention=retention_policy(document),
            created_at=document["created_at"],
            finished_at=document.get("finished_at"),
        )


class MongoRetention:
    """Implements `Retention`."""

    def __init__(self, database: AsyncDatabase) -> None:
        self._jobs = database[JOBS]
        self._tasks = database[TASKS]
        self._logs = database[ERROR_LOGS]
        self._beside = (database[JOB_CHANGES], database[SKIPS], self._logs)

    async def expire(self, now: datetime, after: str | None, limit: int) -> Sweep:
        """See `Retention.expire`."""
        with translated():
            wanted: Document = {} if after is None else {"_id": {"$gt": after}}
            documents = await self._jobs.find(wanted, _JOB_FIELDS).sort("_id", 1).limit(limit).to_list(None)
            tasks = jobs = 0
            for job in readable(documents, _Kept.of):
                tasks += await self._expire_tasks(job, now)
                jobs += await self._expire_job(job, now)
        more = documents[-1]["_id"] if len(documents) == limit else None
        return Sweep(tasks, jobs, more)

    async def _expire_tasks(self, job: _Kept, now: datetime) -> int:
        kept = [
            time
            for time in (job.retention.succeeded, job.retention.other, job.retention.dead)
            if time is not None
        ]
        oldest = now - min(kept)
        if job.created_at > oldest:
            return 0
        after: Document | None = None
        while documents := await self._old_tasks(job, oldest, after):
            if ids := expired([_trace(document) for document in documents], job.retention, now):
                await self._remove(job, ids)
                return len(ids)
            after = documents[-1]  # of what is kept for ever there may be any number
        return 0

    async def _old_tasks(self, job: _Kept, oldest: datetime, after: Document | None) -> Sequence[Document]:
        """The next of its tasks whose instant is old enough, the earliest first. The steps of an occurrence
        share their instant: they come together, since together they are judged."""
        wanted: Document = {"job_id": job.id, "instant": {"$lte": oldest}}
        if after is not None:
            wanted["instant"]["$gte"] = after["instant"]
            wanted["$or"] = [{"instant": {"$gt": after["instant"]}}, {"_id": {"$gt": after["_id"]}}]
        found = self._tasks.find(wanted, _TRACE_FIELDS).sort([("instant", 1), ("_id", 1)])
        documents = await found.limit(_MOST_TASKS).to_list(None)
        if len(documents) < _MOST_TASKS:
            return documents
        whole = [document for document in documents if document["instant"] < documents[-1]["instant"]]
        return whole or documents

    async def _remove(self, job: _Kept, ids: Sequence[str]) -> None:
        """Of what was redriven since it was read, the task at least stays."""
        await self._logs.delete_many({"job_id": job.id, "task_id": {"$in": list(ids)}})
        await self._tasks.delete_many({"_id": {"$in": list(ids)}, "status": {"$nin": OPEN}}, hint=BY_ID)

    async def _expire_job(self, job: _Kept, now: datetime) -> int:
        if job.status in LIVE_STATES or job.finished_at is None:
            return 0
        kept = max(job.retention.succeeded, job.retention.other)
        if job.finished_at + kept > now or await self._tasks.find_one({"job_id": job.id}, {"_id": 1}):
            return 0
        for collection in self._beside:
            await collection.delete_many({"job_id": job.id})
        await self._jobs.delete_one({"_id": job.id})
        return 1


def _trace(document: Document) -> Trace:
    return Trace(
        task_id=document["_id"],
        kind=TaskKind(document["kind"]),
        cause=document["cause"],
        status=TaskState(document["status"]),
        finished_at=document.get("finished_at"),
    )
