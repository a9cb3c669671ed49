"""Pausing a job and resuming it."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from motor.motor_asyncio import AsyncIOMotorClientSession

from karya.core.errors import StoreUnavailable, existing
from karya.core.job import LIVE_STATES, Job, JobState
from karya.core.occurrence import occurrence_tasks, scheduled
from karya.core.ports.lifecycle import ChangeKind
from karya.core.resuming import PAUSED_REASON, Resumption, resumption
from karya.core.schedule import Once
from karya.core.task import TaskState
from karya.core.transitions import skip
from karya.store import overlaps
from karya.store.client import AsyncDatabase, Document, in_time
from karya.store.documents import cursor_document, job_entity
from karya.store.names import BY_ID, JOBS, OPEN_STEP, SKIPS, TASKS
from karya.store.skips import skip_document
from karya.store.standing import Standing, Untouched
from karya.store.transactions import in_transaction
from karya.store.updates import due_again, update_of

_READY = TaskState.READY.value
_TRIES = 5


class Pausing:
    """Both in one transaction each: a job that is not paused must never keep a step that is held for it."""

    def __init__(self, database: AsyncDatabase) -> None:
        self._database = database
        self._jobs = database[JOBS]
        self._tasks = database[TASKS]
        self._skips = database[SKIPS]

    async def pause(self, job_id: str, now: datetime) -> Job:
        """See `Lifecycle.pause`."""

        async def write(session: AsyncIOMotorClientSession) -> Job:
            standing = Standing(self._database, session, now)
            job = await standing.job(job_id, LIVE_STATES, "paused")
            if job.status is JobState.PAUSED:
                return job
            changes = {"status": JobState.PAUSED.value, "paused_at": now}
            await standing.change(job, ChangeKind.PAUSED, changes)
            await self._tasks.update_many(_open(job_id), overlaps.held(), session=session)
            paused = {"status": JobState.PAUSED, "paused_at": now, "updated_at": now}
            return job.model_copy(update=paused)

        with in_time(self._database):
            return await in_transaction(self._database, write)

    async def resume(self, job_id: str, now: datetime) -> Job:
        """See `Lifecycle.resume`. What passed meanwhile is counted before the transaction, since a long pause
        of a busy calendar takes its time."""
        for _ in range(_TRIES):
            with in_time(self._jobs):
                document = await self._jobs.find_one({"_id": job_id})
            job = job_entity(existing(document, "job", job_id))
            plan = await asyncio.to_thread(resumption, job, now)
            if (resumed := await self._resume(job, plan, now)) is not None:
                return resumed
        raise StoreUnavailable(f"job {job_id} changes too fast to be resumed")

    async def _resume(self, seen: Job, plan: Resumption, now: datetime) -> Job | None:
        """None when the job is no longer as it was seen."""

        async def write(session: AsyncIOMotorClientSession) -> Job | None:
            standing = Standing(self._database, session, now)
            job = await standing.job(seen.id, LIVE_STATES, "resumed")
            if job.status is JobState.ACTIVE:
                return job
            same = (job.version, job.cursor, job.paused_at) == (seen.version, seen.cursor, seen.paused_at)
            return await self._go_on(standing, job, plan) if same else None

        with in_time(self._database):
            return await in_transaction(self._database, write)

    async def _go_on(self, standing: Standing, job: Job, plan: Resumption) -> Job:
        passed = await self._skip_passed(standing, job)
        queued = None if job.queued in passed else job.queued
        made = [
            task for one in plan.made for task in occurrence_tasks(job, scheduled(job, one), standing.now)
        ]
        await standing.insert(await standing.missing(made))
        await self._let_go(standing, job.id, queued)
        if plan.skips:
            skips = [skip_document(job, skip, standing.now) for skip in plan.skips]
            await self._skips.insert_many(skips, session=standing.session)
        values: dict[str, Any] = {"status": JobState.ACTIVE.value, "paused_at": None, "queued": queued}
        await standing.change(job, ChangeKind.RESUMED, {**values, "cursor": cursor_document(plan.cursor)})
        active = {"status": JobState.ACTIVE, "paused_at": None, "updated_at": standing.now}
        return job.model_copy(update={**active, "queued": queued, "cursor": plan.cursor})

    async def _skip_passed(self, standing: Standing, job: Job) -> frozenset[str]:
        """Skips the occurrences whose instant passed during the pause; returns their causes."""
        if isinstance(job.schedule, Once) or job.paused_at is None:
            return frozenset()
        passed: Sequence[Untouched] = [
            one
            for one in await standing.untouched(job)
            if job.paused_at <= one.waiting.instant <= standing.now
        ]
        ids = [ident for one in passed for ident in one.task_ids]
        if ids:
            update = update_of(skip(PAUSED_REASON, standing.now))
            await self._tasks.update_many({"_id": {"$in": ids}}, update, hint=BY_ID, session=standing.session)
        return frozenset(one.waiting.cause for one in passed)

    async def _let_go(self, standing: Standing, job_id: str, queued: str | None) -> None:
        """What is READY is due now: it was not late before."""
        wanted = {**_open(job_id), "cause": {"$ne": queued}}
        ready = {"$eq": ["$status", _READY]}
        due_at = {"$cond": [ready, {"$max": ["$due_at", standing.now]}, "$due_at"]}
        let_go: list[Document] = [{"$set": {"held": False, **due_again(due_at)}}, {"$unset": "parked"}]
        await self._tasks.update_many(wanted, let_go, session=standing.session)


def _open(job_id: str) -> Document:
    return {"job_id": job_id, **OPEN_STEP}
