"""Triggering a job and skipping its next occurrence; the rest is in `pausing` and `revising`."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from motor.motor_asyncio import AsyncIOMotorClientSession

from karya.core.errors import Conflict
from karya.core.ids import minted_at
from karya.core.job import LIVE_STATES, Job, JobState
from karya.core.occurrence import occurrence_tasks, scheduled, triggered
from karya.core.ports.lifecycle import ChangeKind, Revise
from karya.core.task import Task
from karya.core.trace import Trace
from karya.core.transitions import SKIPPED_ON_REQUEST, skip
from karya.store.client import AsyncDatabase, Document, in_time
from karya.store.documents import cursor_document, task_entity
from karya.store.names import BY_ID
from karya.store.naming import refusing_taken_names
from karya.store.pausing import Pausing
from karya.store.revising import Revising
from karya.store.standing import Standing, Untouched
from karya.store.transactions import in_transaction
from karya.store.updates import update_of

T = TypeVar("T")

_CLOCKS_DIFFER = timedelta(minutes=1)


class MongoLifecycle:
    """Implements `Lifecycle`. What others write at the same time (claims, outcomes, the chain, a cancel)
    touches a document that is written here, too: one of the two is done again on what the other left."""

    def __init__(self, database: AsyncDatabase) -> None:
        self._database = database
        self._pausing = Pausing(database)
        self._revising = Revising(database)

    async def pause(self, job_id: str, now: datetime) -> Job:
        """See `Lifecycle.pause`."""
        return await self._pausing.pause(job_id, now)

    async def resume(self, job_id: str, now: datetime) -> Job:
        """See `Lifecycle.resume`."""
        return await self._pausing.resume(job_id, now)

    async def trigger(
        self, job_id: str, request: str, now: datetime, trace: Trace | None = None
    ) -> Sequence[Task]:
        """See `Lifecycle.trigger`."""
        occurrence = triggered(request, now, trace)

        async def write(standing: Standing) -> Sequence[Task]:
            since = min(minted_at(request), now) - _CLOCKS_DIFFER
            if made := await _made_before(standing, job_id, occurrence.cause, since):
                return made
            job = await standing.job(job_id, {JobState.ACTIVE}, "triggered")
            tasks = occurrence_tasks(job, occurrence, now)
            await standing.change(job, ChangeKind.TRIGGERED, {})
            await standing.insert(tasks)
            return tasks

        return await self._write(write, now)

    async def skip_next(self, job_id: str, now: datetime) -> Sequence[Task]:
        """See `Lifecycle.skip_next`."""

        async def write(standing: Standing) -> Sequence[Task]:
            job = await standing.job(job_id, LIVE_STATES, "told to skip an occurrence")
            one = next(iter(await standing.untouched(job)), None)
            if one is None:
                raise Conflict(f"job {job_id} has no occurrence that has not begun: there is none to skip")
            return await _skip(standing, job, one)

        return await self._write(write, now)

    async def update(self, job_id: str, revise: Revise, now: datetime) -> Job:
        """See `Lifecycle.update`."""

        return await self._revising.update(job_id, revise, now)

    async def _write(self, body: Callable[[Standing], Awaitable[T]], now: datetime) -> T:
        async def write(session: AsyncIOMotorClientSession) -> T:
            return await body(Standing(self._database, session, now))

        with in_time(self._database), refusing_taken_names():
            return await in_transaction(self._database, write)


async def _made_before(standing: Standing, job_id: str, cause: str, since: datetime) -> Sequence[Task]:
    wanted = {"job_id": job_id, "instant": {"$gte": since}, "cause": cause}
    found = standing.tasks.find(wanted, session=standing.session).hint("by_job")
    return [task_entity(document) async for document in found]


async def _skip(standing: Standing, job: Job, one: Untouched) -> Sequence[Task]:
    """Skips the occurrence and goes on behind it: the scheduler does so only where it sees a READY task."""
    ids = {"_id": {"$in": list(one.task_ids)}}
    await standing.tasks.update_many(
        ids, update_of(skip(SKIPPED_ON_REQUEST, standing.now)), hint=BY_ID, session=standing.session
    )
    instant = one.waiting.instant
    coming = [at for at in (*job.skipped, instant) if at > standing.now]
    values: Document = {"skipped": coming or None}
    is_end = instant == job.cursor.at and not job.cursor.exhausted
    following = job.next_cursor(job.cursor.at, job.cursor.count) if is_end else None
    if following is not None:
        values["cursor"] = cursor_document(following)
        made = occurrence_tasks(job, scheduled(job, following), standing.now)
        await standing.insert(await standing.missing(made), held=job.status is JobState.PAUSED)
    if job.queued == one.waiting.cause:
        values["queued"] = None
    await standing.change(job, ChangeKind.SKIPPED_NEXT, values)
    found = standing.tasks.find(ids, session=standing.session).hint(BY_ID)
    places = {step.name: number for number, step in enumerate(job.steps)}
    skipped = [task_entity(document) async for document in found]
    return sorted(skipped, key=lambda task: places.get(task.step, len(places)))
