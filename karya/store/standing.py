"""A job inside the transaction that changes it: read, guarded, written, with its history."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from motor.motor_asyncio import AsyncIOMotorClientSession

from karya.core.errors import Conflict, existing
from karya.core.job import Job, JobState
from karya.core.ports.lifecycle import ChangeKind
from karya.core.remaking import Waiting
from karya.core.task import Task
from karya.core.trace import Trace
from karya.store.changes import Replaced, change_document
from karya.store.client import AsyncDatabase, Document
from karya.store.documents import job_entity, task_document, trace_of
from karya.store.names import BY_ID, JOB_CHANGES, JOBS, OPEN, OPEN_OF_JOB, OPEN_STEP, SKIPS, STEP, TASKS
from karya.store.occurrences import is_untouched
from karya.store.settling import TOUCHED

_FIELDS = dict.fromkeys(("cause", "instant", "count", "status", "attempts", "token", "held", "trace"), 1)


@dataclass(frozen=True, slots=True)
class Untouched:
    """An occurrence that has tasks, none of which was ever claimed."""

    waiting: Waiting
    task_ids: tuple[str, ...]
    held: bool
    trace: Trace | None


class Standing:
    """One job, as a transaction sees it."""

    def __init__(self, database: AsyncDatabase, session: AsyncIOMotorClientSession, now: datetime) -> None:
        self.jobs = database[JOBS]
        self.tasks = database[TASKS]
        self.skips = database[SKIPS]
        self._changes = database[JOB_CHANGES]
        self.session = session
        self.now = now

    async def job(self, job_id: str, states: Collection[JobState], wish: str) -> Job:
        """The job; NotFound, or Conflict when it is in none of these states, so that the wish is in vain."""
        document = await self.jobs.find_one({"_id": job_id}, session=self.session)
        job = job_entity(existing(document, "job", job_id))
        if job.status not in states:
            raise Conflict(f"job {job_id} is {job.status.value.lower()}: it cannot be {wish}")
        return job

    async def change(
        self,
        job: Job,
        kind: ChangeKind,
        values: Mapping[str, Any],
        *,
        replaced: Replaced | None = None,
    ) -> None:
        """Writes these fields of the job, of which None clears one, and the entry of its history."""
        cleared = {name: "" for name, value in values.items() if value is None}
        kept = {name: value for name, value in values.items() if value is not None}
        update: Document = {"$set": {"updated_at": self.now, **kept}, "$inc": {TOUCHED: 1}}
        if cleared:
            update["$unset"] = cleared
        await self.jobs.update_one({"_id": job.id}, update, session=self.session)
        version = values.get("version", job.version)
        await self._changes.insert_one(
            change_document(job.id, kind, version, self.now, replaced), session=self.session
        )

    async def untouched(
        self, job: Job, *, triggered: bool = False, most: int | None = None
    ) -> Sequence[Untouched]:
        """Its scheduled (or else triggered) occurrences none of whose steps was ever claimed, the earliest
        first; what holds the slot is about to be. Of more than `most` the earliest, behind the one that waits
        for the slot."""
        count = 0 if triggered else {"$gt": 0}
        wanted = {"job_id": job.id, **OPEN_STEP, "count": count}
        found = await self.tasks.find(wanted, _FIELDS, session=self.session).hint(OPEN_OF_JOB).to_list(None)
        steps = _by_cause(found)
        candidates = {
            cause: tasks
            for cause, tasks in steps.items()
            if cause != job.slot and all(map(is_untouched, tasks))
        }
        if most is not None and len(candidates) > most:
            queued_first = sorted(candidates, key=lambda cause: cause != job.queued)
            candidates = {cause: candidates[cause] for cause in queued_first[:most]}
        begun = await self._partly_ended(job, candidates)
        return [_untouched(candidates[cause]) for cause in candidates if cause not in begun]

    async def _partly_ended(self, job: Job, candidates: Mapping[str, Sequence[Document]]) -> frozenset[str]:
        """Those of these occurrences that have steps which have ended, though the others wait."""
        if not candidates:
            return frozenset()
        since = min(tasks[0]["instant"] for tasks in candidates.values())
        wanted = {
            "job_id": job.id,
            "instant": {"$gte": since},
            "cause": {"$in": list(candidates)},
            "status": {"$nin": OPEN},
            "kind": STEP,
        }
        found = self.tasks.find(wanted, {"cause": 1}, session=self.session).hint("by_job")
        return frozenset([task["cause"] async for task in found])

    async def insert(self, tasks: Iterable[Task], *, held: bool = False) -> None:
        """Stores tasks that are not there yet; `held` until somebody lets them go."""
        waiting = (task.model_copy(update={"held": True}) if held else task for task in tasks)
        if documents := [task_document(task) for task in waiting]:
            await self.tasks.insert_many(documents, session=self.session)

    async def missing(self, tasks: Sequence[Task]) -> Sequence[Task]:
        """Those of these tasks that are not stored: a schedule that was changed to and fro may come upon
        instants that have been dealt with."""
        ids = [task.id for task in tasks]
        found = self.tasks.find({"_id": {"$in": ids}}, {"_id": 1}, session=self.session).hint(BY_ID)
        there = {task["_id"] async for task in found}
        return [task for task in tasks if task.id not in there]


def _by_cause(tasks: Iterable[Document]) -> Mapping[str, Sequence[Document]]:
    groups: dict[str, list[Document]] = defaultdict(list)
    for task in sorted(tasks, key=lambda task: (task["instant"], task["count"])):
        groups[task["cause"]].append(task)
    return groups


def _untouched(tasks: Sequence[Document]) -> Untouched:
    first = tasks[0]
    waiting = Waiting(first["cause"], first["instant"], first["count"])
    return Untouched(
        waiting,
        tuple(task["_id"] for task in tasks),
        any(task["held"] for task in tasks),
        trace_of(first),
    )
