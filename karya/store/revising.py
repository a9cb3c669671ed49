"""Changing what a job says: another version takes its place, with what waits of it."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import orjson
from motor.motor_asyncio import AsyncIOMotorClientSession

from karya.core.errors import StoreUnavailable
from karya.core.job import LIVE_STATES, Job, JobState
from karya.core.occurrence import Occurrence, most_at_once, occurrence_tasks
from karya.core.outline import Outline
from karya.core.policies import Overlap
from karya.core.ports.lifecycle import ChangeKind, Revise
from karya.core.remaking import REPLACED_REASON, Arrears, Remake, arrears, is_behind, remake
from karya.core.schedule import Once
from karya.core.task import TaskKind
from karya.core.transitions import skip
from karya.store.changes import Replaced
from karya.store.client import AsyncDatabase, Document, in_time
from karya.store.documents import cursor_document, written_document
from karya.store.forgetting import FORGET_AT
from karya.store.names import BY_ID
from karya.store.naming import refusing_taken_names
from karya.store.skips import skip_document
from karya.store.standing import Standing, Untouched
from karya.store.transactions import in_transaction
from karya.store.updates import update_of

_TRIES = 5


class Revising:
    """In one transaction: a chain that goes on meanwhile did so before, or does so by the new version."""

    def __init__(self, database: AsyncDatabase) -> None:
        self._database = database

    async def update(self, job_id: str, revise: Revise, now: datetime) -> Job:
        """See `Lifecycle.update`. What passed in a pause is counted before the transaction: for a long one of
        a busy calendar that takes its time."""
        counted: _Counted | None = None
        for _ in range(_TRIES):
            changed = await self._write(job_id, revise, counted, now)
            if isinstance(changed, Job):
                return changed
            counted = await asyncio.to_thread(changed.count, now)
        raise StoreUnavailable(f"job {job_id} changes too fast to be changed")

    async def _write(
        self, job_id: str, revise: Revise, counted: "_Counted | None", now: datetime
    ) -> "Job | _Uncounted":
        async def write(session: AsyncIOMotorClientSession) -> Job | _Uncounted:
            return await _update(Standing(self._database, session, now), job_id, revise, counted)

        with in_time(self._database), refusing_taken_names():
            return await in_transaction(self._database, write)


@dataclass(frozen=True, slots=True)
class _Uncounted:
    """A job that was paused, as it was found, and its instants behind the cursor that have tasks."""

    job: Job
    taken: frozenset[datetime]

    def count(self, now: datetime) -> "_Counted":
        """Takes time for a busy calendar and a long pause, so it is done before the transaction."""
        return _Counted(self, arrears(self.job, self.taken, now))


@dataclass(frozen=True, slots=True)
class _Counted:
    """What came of it: of use while the job is as it was."""

    of: _Uncounted
    behind: Arrears


async def _update(
    standing: Standing, job_id: str, revise: Revise, counted: _Counted | None
) -> Job | _Uncounted:
    """The job as it was changed; or what has to be counted first, and nothing is written."""
    old, now = await standing.job(job_id, LIVE_STATES, "changed"), standing.now
    new = revise(old)
    most = min(map(most_at_once, (old, new)))
    untouched = await standing.untouched(old, most=most if new.schedule == old.schedule else None)
    taken = await _taken(standing, old, new, untouched)
    behind = Arrears(old.cursor)
    if new.schedule != old.schedule and is_behind(old, now):
        found = _Uncounted(old, taken | {new.anchor} if isinstance(new.schedule, Once) else taken)
        if counted is None or counted.of != found:
            if old.status is JobState.PAUSED:
                return found
            # The chain, which moves the cursor all the time, would let nothing that was counted before stand.
            counted = await asyncio.to_thread(found.count, now)
        behind = counted.behind
    plan = remake(old, new, [one.waiting for one in untouched], taken, now, behind)
    left = max(1, most - len(plan.occurrences))  # one at least, as one may wait for the slot
    asked_for = await standing.untouched(old, triggered=True, most=left)
    plan = replace(plan, occurrences=(*plan.occurrences, *_again(asked_for, now)))
    return await _replace(standing, old, new, [*untouched, *asked_for], plan)


def _again(asked_for: Iterable[Untouched], now: datetime) -> Iterator[Occurrence]:
    for one in asked_for:
        yield Occurrence(one.waiting.cause, one.waiting.instant, now, trace=one.trace)


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
    for held in (False, True):
        made = (
            task
            for occurrence in plan.occurrences
            if held is (old.status is JobState.PAUSED or occurrence.cause == queued)
            for task in occurrence_tasks(new, occurrence, standing.now)
        )
        await standing.insert(made, held=held)
    changed = new.model_copy(update={"cursor": plan.cursor, "queued": queued})
    values = {**written_document(changed), "version": changed.version, "queued": queued}
    values["cursor"] = cursor_document(plan.cursor)
    values[FORGET_AT] = standing.now  # by what it says now, history may go sooner
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
