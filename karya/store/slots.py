"""Giving the slot of a job back."""

from collections.abc import Sequence
from datetime import datetime

from motor.motor_asyncio import AsyncIOMotorClientSession

from karya.core.job import JobState
from karya.core.ports import Holder, Position
from karya.store import overlaps
from karya.store.client import AsyncDatabase, Document, translated
from karya.store.names import JOBS, SLOTTED, TASKS
from karya.store.onward import behind
from karya.store.transactions import in_transaction

_FIELDS = {"slot": 1, "queued": 1, "status": 1}


class MongoSlots:
    """Implements `Slots`."""

    def __init__(self, database: AsyncDatabase) -> None:
        self._database = database
        self._jobs = database[JOBS]
        self._tasks = database[TASKS]
        self._swept_to: Position | None = None

    async def release(self, ended: Sequence[Holder], now: datetime) -> bool:
        """See `Slots.release`. One transaction for each: its write of the job conflicts with that of
        whoever takes the slot meanwhile, or takes it again."""
        due = False
        with translated():
            for holder in dict.fromkeys(ended):
                due |= await self._release(holder, now)
        return due

    async def _release(self, holder: Holder, now: datetime) -> bool:
        job_id, cause = holder

        async def write(session: AsyncIOMotorClientSession) -> bool:
            job = await self._jobs.find_one(overlaps.holds(job_id, cause), _FIELDS, session=session)
            if job is None or await self._is_open(holder, session):
                return False
            queued = job.get("queued")
            if queued is None or not await self._is_open((job_id, queued), session):
                await self._jobs.update_one(overlaps.holds(job_id, cause), overlaps.freed(), session=session)
                return False
            await self._jobs.update_one(
                overlaps.holds(job_id, cause), overlaps.taken(queued, now), session=session
            )
            if job["status"] != JobState.ACTIVE.value:  # resuming it will let them go
                return False
            waiting = overlaps.waiting(job_id, queued)
            answer = await self._tasks.update_many(
                waiting, overlaps.due_now(now), hint=SLOTTED, session=session
            )
            return bool(answer.matched_count)

        return await in_transaction(self._database, write)

    async def _is_open(self, holder: Holder, session: AsyncIOMotorClientSession) -> bool:
        wanted = overlaps.open_steps([holder])
        return await self._tasks.find_one(wanted, {"_id": 1}, hint=SLOTTED, session=session) is not None

    async def abandoned(self, before: datetime, limit: int) -> Sequence[Holder]:
        """See `Slots.abandoned`."""
        with translated():
            old = {job["_id"]: job["slot"] for job in await self._next_slots(before, limit)}
            if not old:
                return []
            wanted = overlaps.open_steps(old.items())
            found = self._tasks.find(wanted, {"job_id": 1, "cause": 1}).hint(SLOTTED)
            open_ = {(task["job_id"], task["cause"]) async for task in found}
        return [holder for holder in old.items() if holder not in open_]

    async def _next_slots(self, before: datetime, limit: int) -> Sequence[Document]:
        wanted = behind({"slot_at": {"$lt": before}}, "slot_at", self._swept_to)
        found = self._jobs.find(wanted, {"slot": 1, "slot_at": 1}).sort([("slot_at", 1), ("_id", 1)])
        jobs = await found.hint("slots").limit(limit).to_list(None)
        self._swept_to = (jobs[-1]["slot_at"], jobs[-1]["_id"]) if len(jobs) == limit else None
        return jobs
