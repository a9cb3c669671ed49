"""Reading what is stored of some jobs, all as of one moment."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from motor.motor_asyncio import AsyncIOMotorClientSession

from karya.core.audit.records import JobRecord, Stretch
from karya.core.hook import Trigger
from karya.core.ids import id_floor
from karya.core.job import LIVE_STATES, JobState
from karya.core.occurrence import VERSION_TOKENS
from karya.core.ports.lifecycle import ChangeKind
from karya.core.task import TaskKind
from karya.core.times import MILLISECOND
from karya.store.client import AsyncDatabase, Document
from karya.store.ledger.cuts import Cut, cut_before
from karya.store.ledger.records import CHANGE_FIELDS, LOG_FIELDS, TASK_FIELDS
from karya.store.names import (
    BY_ID,
    ERROR_LOGS,
    ERRORS_OF_TASK,
    JOB_CHANGES,
    JOBS,
    OPEN_OF_JOB,
    OPEN_STEP,
    SKIPS,
    STEERED,
    STEP,
    TASKS,
)


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much goes on a sheet: jobs, tasks (one that was claimed often counts for as many as it may have
    failed), and of everything else (ranges, changes, triggers) so many each."""

    jobs: int = 100
    tasks: int = 2_000
    others: int = 2_000


_HOOK = TaskKind.HOOK.value
_ON_MISFIRE = Trigger.ON_MISFIRE.value
_TRIGGERED = ChangeKind.TRIGGERED.value
_TRIGGER_FIELDS = {"job_id": 1, "at": 1}
_ONE_BATCH = 1_000_000


class Reading:
    """Of these jobs, in their order (the newest first), within this stretch of instants."""

    def __init__(
        self,
        database: AsyncDatabase,
        session: AsyncIOMotorClientSession,
        jobs: Sequence[JobRecord],
        stretch: Stretch,
        sizes: Sizes,
    ) -> None:
        self._database = database
        self._session = session
        self._jobs = jobs
        self._stretch = stretch
        self._sizes = sizes
        self._places = {job.id: place for place, job in enumerate(jobs)}

    # --- what a sheet consists of: in the order of the jobs, as much as fits ------------------------------

    async def tasks(self) -> tuple[Sequence[Document], Cut | None]:
        """The tasks, their instants in order."""
        wanted = {**self._of_jobs(), **self._within("instant", self._stretch)}
        order = [("job_id", -1), ("instant", 1), ("_id", 1)]
        found = await self._find(TASKS, wanted, TASK_FIELDS, order, "by_job", self._sizes.tasks)
        beyond = _beyond(found, self._sizes.tasks)
        if beyond is None:
            return found, None
        cut = cut_before(beyond, self._places, lambda task: task["instant"])
        if cut.place == 0 and found[0]["instant"] == cut.instant:  # however many there are
            return await self._at_once(found[0])
        return found, cut

    async def _at_once(self, first: Document) -> tuple[Sequence[Document], Cut]:
        wanted = {"job_id": first["job_id"], "instant": first["instant"]}
        tasks = await self._all(TASKS, wanted, TASK_FIELDS, "by_job")
        return tasks, Cut(0, first["instant"] + MILLISECOND)

    async def ranges(self) -> tuple[Sequence[Document], Cut | None]:
        """The skipped ranges that lie in the stretch, or reach into it."""
        wanted = {**self._of_jobs(), **self._within("first", self._stretch)}
        order = [("job_id", -1), ("first", 1)]
        found = await self._find(SKIPS, wanted, None, order, "by_job", self._sizes.others)
        beyond = _beyond(found, self._sizes.others)
        cut = None if beyond is None else cut_before(beyond, self._places, lambda run: run["first"])
        return [*await self._reaching_in(), *found], cut

    async def _reaching_in(self) -> Sequence[Document]:
        """Ranges do not overlap: of one job only the last that begins before can reach into the stretch."""
        since = self._stretch.since
        if since is None:
            return []
        before = {**self._of_jobs(), "first": {"$lt": since}}
        if len(self._jobs) > 1:
            before["last"] = {"$gte": since}
        found = self._database[SKIPS].find(before, session=self._session).hint("by_job")
        if len(self._jobs) == 1:
            found = found.sort("first", -1).limit(1)
        return [run for run in await found.batch_size(_ONE_BATCH).to_list(None) if run["last"] >= since]

    async def steers(self) -> tuple[Sequence[Document], Cut | None]:
        """What was done to the jobs, but for triggers, the latest first. Of a first job to which more was
        done than fits, the oldest is left out."""
        wanted = {**self._of_jobs(), "kind": {"$in": STEERED}}
        order = [("job_id", -1), ("_id", -1)]
        found = await self._find(JOB_CHANGES, wanted, CHANGE_FIELDS, order, "steered", self._sizes.others)
        beyond = _beyond(found, self._sizes.others)
        if beyond is None:
            return found, None
        return found, Cut(self._places[beyond["job_id"]] or 1)

    async def triggers(self) -> tuple[Sequence[Document], Cut | None]:
        """The triggers inside the stretch: the ids of changes tell their times."""
        wanted = {**self._of_jobs(), **_triggers_within(self._stretch)}
        order, most = [("job_id", -1), ("_id", 1)], self._sizes.others
        found = await self._find(JOB_CHANGES, wanted, _TRIGGER_FIELDS, order, "by_job", most)
        beyond = _beyond(found, most)
        if beyond is None:
            return found, None
        cut = cut_before(beyond, self._places, lambda one: one["at"])
        if cut.place == 0 and found[0]["at"] == cut.instant:  # however many there are
            behind = found[0]["at"] + MILLISECOND
            at_once = _triggers_within(Stretch(found[0]["at"], behind))
            wanted = {"job_id": found[0]["job_id"], **at_once}
            return await self._all(JOB_CHANGES, wanted, _TRIGGER_FIELDS, "by_job"), Cut(0, behind)
        return found, cut

    # --- what belongs to it -------------------------------------------------------------------------------

    async def logs(self, task_ids: Collection[str]) -> Sequence[Document]:
        """The error logs of these tasks."""
        if not task_ids:
            return []
        return await self._all(ERROR_LOGS, {"task_id": {"$in": list(task_ids)}}, LOG_FIELDS, ERRORS_OF_TASK)

    async def tasks_of(self, ids: Collection[str]) -> Sequence[Document]:
        """These tasks, as far as there are."""
        if not ids:
            return []
        return await self._all(TASKS, {"_id": {"$in": list(ids)}}, TASK_FIELDS, BY_ID)

    async def misfire_hooks(self, job_id: str, times: Collection[datetime]) -> Sequence[Document]:
        """The ON_MISFIRE hooks of a job that were fired at these times."""
        if not times:
            return []
        wanted = {"job_id": job_id, "instant": {"$in": sorted(times)}, "kind": _HOOK, "step": _ON_MISFIRE}
        return await self._all(TASKS, wanted, TASK_FIELDS, "by_job")

    async def ranges_from(self, job_id: str, firsts: Collection[datetime]) -> Sequence[Document]:
        """The skipped ranges of a job that begin at these instants."""
        if not firsts:
            return []
        wanted = {"job_id": job_id, "first": {"$in": sorted(firsts)}}
        return await self._all(SKIPS, wanted, None, "by_job")

    async def open_steps(self) -> Mapping[str, int]:
        """How many open steps the jobs have."""
        stages: list[Document] = [
            {"$match": {**self._of_jobs(), **OPEN_STEP}},
            {"$group": {"_id": "$job_id", "count": {"$sum": 1}}},
        ]
        counts = self._database[TASKS].aggregate(stages, session=self._session, hint=OPEN_OF_JOB)
        return {document["_id"]: document["count"] for document in await counts.to_list(None)}

    async def ended_at(self, job: JobRecord) -> datetime | None:
        """When the last step of a job ended."""
        stages: list[Document] = [
            {"$match": {"job_id": job.id, "kind": STEP}},
            {"$group": {"_id": None, "at": {"$max": "$finished_at"}}},
        ]
        found = await self._database[TASKS].aggregate(stages, session=self._session, hint="by_job").to_list(1)
        return found[0]["at"] if found else None

    async def cancelled_ancestors(self) -> Mapping[str, datetime]:
        """When the ancestors of live jobs were cancelled that were, by their ids."""
        ids = {ident for job in self._jobs if job.status in LIVE_STATES for ident in job.ancestors}
        if not ids:
            return {}
        wanted = {"_id": {"$in": list(ids)}, "status": JobState.CANCELLED.value}
        found = await self._all(JOBS, wanted, {"finished_at": 1}, BY_ID)
        return {job["_id"]: job["finished_at"] for job in found}

    # --- how it is asked for ------------------------------------------------------------------------------

    def _of_jobs(self) -> Document:
        return {"job_id": {"$in": [job.id for job in self._jobs]}}

    def _within(self, name: str, stretch: Stretch) -> Document:
        bounds: Document = {} if stretch.since is None else {"$gte": stretch.since}
        bounds |= {} if stretch.until is None else {"$lt": stretch.until}
        return {name: bounds} if bounds else {}

    async def _all(
        self, collection: str, wanted: Document, fields: Mapping[str, Any] | None, index: str
    ) -> list[Document]:
        """However many there are: the caller bounds them. No cursor stays open behind a first batch."""
        found = self._database[collection].find(wanted, fields, session=self._session).hint(index)
        documents: list[Document] = await found.batch_size(_ONE_BATCH).to_list(None)
        return documents

    async def _find(
        self,
        collection: str,
        wanted: Document,
        fields: Mapping[str, Any] | None,
        order: Sequence[tuple[str, int]],
        index: str,
        most: int,
    ) -> list[Document]:
        """In this order, one more than `most` at most."""
        found = self._database[collection].find(wanted, fields, session=self._session).sort(list(order))
        documents: list[Document] = await found.hint(index).limit(most + 1).batch_size(most + 2).to_list(None)
        return documents


def _triggers_within(stretch: Stretch) -> Document:
    bounds: Document = {} if stretch.since is None else {"$gte": id_floor(stretch.since)}
    bounds |= {} if stretch.until is None else {"$lt": id_floor(stretch.until)}
    return {"kind": _TRIGGERED, **({"_id": bounds} if bounds else {})}


def _beyond(found: Sequence[Document], most: int) -> Document | None:
    """The first document that does not fit any more."""
    weight = 0
    for place, document in enumerate(found):
        weight += max(document.get("token", 0) % VERSION_TOKENS, 1)
        if place and weight > most:
            return document
    return None
