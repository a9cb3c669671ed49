"""The tasks, as the server reads and cancels them."""

from collections.abc import Collection, Mapping
from datetime import datetime
from functools import partial

from karya.core.limits import Limits
from karya.core.outcome import JOB_CANCELLED
from karya.core.ports import Page, StepCounts
from karya.core.task import Task, TaskState
from karya.core.transitions import cancel
from karya.store import gates
from karya.store.client import AsyncDatabase, Document, SyncDatabase, in_time, translated
from karya.store.documents import task_entity
from karya.store.names import BY_ID, LIMITS, OPEN, OPEN_OF_JOB, OPEN_STEP, STEP, TASKS, ServerNow, server_now
from karya.store.paging import ByInstant
from karya.store.threads import read_in_one_thread

_OF_JOB = ByInstant("tasks", "instant")
_OPEN = ByInstant("open-tasks", "instant", earliest_first=True)


class MongoTasks:
    """Implements `TaskRepository`."""

    def __init__(self, database: AsyncDatabase, now: ServerNow = server_now) -> None:
        self._database = database
        self._tasks = database[TASKS]
        self._now = now

    async def get(self, task_id: str) -> Task | None:
        """See `TaskRepository.get`."""
        with in_time(self._tasks):
            document = await self._tasks.find_one({"_id": task_id})
        return task_entity(document) if document else None

    async def of_job(self, job_id: str, *, cursor: str | None, limit: int) -> Page[Task]:
        """See `TaskRepository.of_job`."""
        with in_time(self._tasks):
            return await read_in_one_thread(
                partial(page_of_job, self._database.delegate, job_id, cursor, limit)
            )

    async def open_of_job(self, job_id: str, *, cursor: str | None, limit: int) -> Page[Task]:
        """See `TaskRepository.open_of_job`."""
        with in_time(self._tasks):
            return await read_in_one_thread(
                partial(open_of_job, self._database.delegate, job_id, cursor, limit)
            )

    async def counts(self, job_id: str, most: int) -> StepCounts:
        """See `TaskRepository.counts`. A count of all would take a second for half a million."""
        latest: list[Document] = [{"$match": {"job_id": job_id}}, {"$sort": {"instant": -1, "_id": -1}}]
        with in_time(self._tasks):
            seen, counts = await self._counted([*latest, {"$limit": most + 1}], "by_job")
            if seen <= most:
                return StepCounts(counts)
            for states, index in ((OPEN, OPEN_OF_JOB), ([TaskState.DEAD.value], "dead_of_job")):
                wanted = {"job_id": job_id, "status": {"$in": states}}
                _, some = await self._counted([{"$match": wanted}, {"$limit": most}], index)
                counts |= some
        return StepCounts(counts, at_least=True)

    async def _counted(self, some: list[Document], index: str) -> tuple[int, dict[TaskState, int]]:
        """How many tasks that is, and how many steps of them are in each state."""
        group = {"_id": {"status": "$status", "kind": "$kind"}, "count": {"$sum": 1}}
        found = await self._tasks.aggregate([*some, {"$group": group}], hint=index).to_list(None)
        steps = [one for one in found if one["_id"]["kind"] == STEP]
        counts = {TaskState(one["_id"]["status"]): one["count"] for one in steps}
        return sum(one["count"] for one in found), counts

    async def cancel_of_job(self, job_id: str, now: datetime) -> datetime | None:
        """See `TaskRepository.cancel_of_job`."""
        steps = {"job_id": job_id, **OPEN_STEP}
        running = {"$eq": ["$status", TaskState.RUNNING.value]}
        move = cancel(JOB_CANCELLED, now)
        change = {
            "status": {"$cond": [running, "$status", move.target.value]},
            "cancel_requested": {"$cond": [running, True, "$$REMOVE"]},
            **{name: {"$cond": [running, "$$REMOVE", value]} for name, value in move.changes.items()},
        }
        with translated():
            await self._tasks.update_many(steps, [{"$set": change}])
        return await self.may_start_until(job_id)

    async def may_start_until(self, job_id: str) -> datetime | None:
        """See `TaskRepository.may_start_until`."""
        running = {"job_id": job_id, "status": TaskState.RUNNING.value, "kind": STEP}
        with in_time(self._tasks):
            starts = [d["start_by"] async for d in self._tasks.find(running, {"start_by": 1})]
        return max(starts, default=None)

    async def taken(self, limits: Collection[Limits]) -> Mapping[str, int]:
        """See `TaskRepository.taken`."""
        with in_time(self._tasks):
            return await read_in_one_thread(partial(taken_of, self._database.delegate, limits, self._now))


def page_of_job(database: SyncDatabase, job_id: str, cursor: str | None, limit: int) -> Page[Task]:
    """What `TaskRepository.of_job` returns."""
    wanted = _OF_JOB.behind({"job_id": job_id}, cursor)
    found = database[TASKS].find(wanted).sort(_OF_JOB.order).limit(limit + 1)
    return _OF_JOB.page(list(found), limit, task_entity)


def open_of_job(database: SyncDatabase, job_id: str, cursor: str | None, limit: int) -> Page[Task]:
    """What `TaskRepository.open_of_job` returns."""
    wanted = _OPEN.behind({"job_id": job_id, "status": {"$in": OPEN}}, cursor)
    found = database[TASKS].find(wanted).sort(_OPEN.order).hint(OPEN_OF_JOB).limit(limit + 1)
    return _OPEN.page(list(found), limit, task_entity)


def taken_of(database: SyncDatabase, limits: Collection[Limits], now: ServerNow) -> Mapping[str, int]:
    """What `TaskRepository.taken` returns."""
    ids = {ident for one in limits for ident in one.allowed}
    windows = sorted(ident for ident in ids if not gates.is_seat(ident))
    taken: dict[str, int] = {}
    if windows:
        found = database[LIMITS].find({"_id": {"$in": windows}}, {"starts": 1, "now": now()}).hint(BY_ID)
        taken = {gate["_id"]: gates.started(gate, gate["now"]) for gate in found}
    for seat in ids.difference(windows):
        taken[seat] = database[TASKS].count_documents(gates.running(seat), hint="seats")
    return {ident: taken.get(ident, 0) for ident in ids}
