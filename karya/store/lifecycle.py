"""Triggering, skipping and changing a job; pausing and resuming stand in `pausing`."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

import orjson
from motor.motor_asyncio import AsyncIOMotorClientSession

from karya.core.errors import Conflict
from karya.core.ids import minted_at
from karya.core.job import LIVE_STATES, Job, JobState
from karya.core.occurrence import Occurrence, occurrence_tasks, scheduled, triggered
from karya.core.outline import Outline
from karya.core.policies import Overlap
from karya.core.ports.lifecycle import ChangeKind, Revise
from karya.core.remaking import REPLACED_REASON, Remake, arrears, remake
from karya.core.schedule import Once
from karya.core.task import Task, TaskKind
from karya.core.trace import Trace
from karya.core.transitions import SKIPPED_ON_REQUEST, skip
from karya.store.changes import Replaced
from karya.store.client import AsyncDatabase, Document, in_time
from karya.store.documents import cursor_document, task_entity, written_document
from karya.store.names import BY_ID
from karya.store.naming import refusing_taken_names
from karya.store.pausing import Pausing
from karya.store.skips import skip_document
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

        async def write(standing: Standing) -> Job:
            old = await standing.job(job_id, LIVE_STATES, "changed")
            new = revise(old)
            untouched = await standing.untouched(old)
            taken = await _taken(standing, old, new, untouched)
            has_tasks = taken | {new.anchor} if isinstance(new.schedule, Once) else taken
            behind = await asyncio.to_thread(arrears, old, has_tasks, now)
            plan = remake(old, new, [one.waiting for one in untouched], taken, now, behind)
            asked_for = await standing.untouched(old, triggered=True)
            plan = replace(plan, occurrences=(*plan.occurrences, *_again(asked_for, now)))
            return await _replace(standing, old, new, [*untouched, *asked_for], plan)

        return await self._write(write, now)

    async def _write(self, body: Callable[[Standing], Awaitable[T]], now: datetime) -> T:
        async def write(session: AsyncIOMotorClientSession) -> T:
            return await body(Standing(self._database, session, now))

        with in_time(self._database), refusing_taken_names():
            return await in_transaction(self._database, write)


def _again(asked_for: Iterable[Untouched], now: datetime) -> Iterator[Occurrence]:
    for one in asked_for:
        yield Occurrence(one.waiting.cause, one.waiting.instant, now, trace=one.trace)


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
        await standing.insert(_held(await standing.missing(made), held=job.status is JobState.PAUSED))
    if job.queued == one.waiting.cause:
        values["queued"] = None
    await standing.change(job, ChangeKind.SKIPPED_NEXT, values)
    found = standing.tasks.find(ids, session=standing.session).hint(BY_ID)
    places = {step.name: number for number, step in enumerate(job.steps)}
    skipped = [task_entity(document) async for document in found]
    return sorted(skipped, key=lambda task: places.get(task.step, len(places)))


async def _taken(
    standing: Standing, old: Job, new: Job, untouched: Sequence[Untouched]
) -> frozenset[datetime]:
    """The instants that the chain has not come to or are still to come, and the one of a new one-off
    schedule, that have tasks which stay as they are: claimed a little early, or skipped on request."""
    ids = [ident for one in untouched for ident in one.task_ids]
    wanted: Document = {"job_id": old.id, "kind": TaskKind.STEP.value, "count": {"$gt": 0}}
    points: list[Document] = [{"instant": {"$gt": min(standing.now, old.cursor.at)}}]
    if isinstance(new.schedule, Once):
        points.append({"instant": new.anchor})
    wanted |= {"_id": {"$nin": ids}, "$or": [{"job_id": old.id, **point} for point in points]}
    found = standing.tasks.find(wanted, {"instant": 1}, session=standing.session)
    return frozenset([task["instant"] async for task in found])


async def _replace(
    standing: Standing, old: Job, new: Job, untouched: Sequence[Untouched], plan: Remake
) -> Job:
    await _skip_passed(standing, old, untouched, plan)
    withdrawn = [i for one in untouched if one.waiting.cause not in plan.passed for i in one.task_ids]
    if withdrawn:
        await standing.tasks.delete_many({"_id": {"$in": withdrawn}}, hint=BY_ID, session=standing.session)
    causes = {occurrence.cause for occurrence in plan.occurrences}
    gone = {one.waiting.cause for one in untouched} - causes
    queued = None if old.queued in gone or new.overlap is Overlap.ALLOW else old.queued
    for occurrence in plan.occurrences:
        made = occurrence_tasks(new, occurrence, standing.now)
        held = old.status is JobState.PAUSED or occurrence.cause == queued
        await standing.insert(_held(made, held=held))
    changed = new.model_copy(update={"cursor": plan.cursor, "queued": queued})
    values = {**written_document(changed), "version": changed.version, "queued": queued}
    values["cursor"] = cursor_document(plan.cursor)
    replaced = Replaced(
        spec=orjson.dumps(old.spec()).decode(),
        outline=Outline.of(old),
        before=plan.before,
        after=plan.cursor,
        withdrawn=[one.waiting.instant for one in untouched if one.waiting.cause in gone - plan.passed],
    )
    await standing.change(old, ChangeKind.UPDATED, values, replaced=replaced)
    return changed


async def _skip_passed(standing: Standing, old: Job, untouched: Sequence[Untouched], plan: Remake) -> None:
    """What had come by the schedule that is replaced, and had not begun, is on record."""
    ids = [ident for one in untouched if one.waiting.cause in plan.passed for ident in one.task_ids]
    if ids:
        update = update_of(skip(REPLACED_REASON, standing.now))
        await standing.tasks.update_many({"_id": {"$in": ids}}, update, hint=BY_ID, session=standing.session)
    if plan.skips:
        ranges = [skip_document(old, run, standing.now) for run in plan.skips]
        await standing.skips.insert_many(ranges, session=standing.session)


def _held(tasks: Sequence[Task], *, held: bool) -> Sequence[Task]:
    return [task.model_copy(update={"held": True}) for task in tasks] if held else tasks
