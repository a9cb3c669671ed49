"""Claims under limits by key: in a transaction each, with what is counted."""

import asyncio
import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from motor.motor_asyncio import AsyncIOMotorClientSession
from pymongo import ReturnDocument
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern

from karya.core.hint import Hint
from karya.core.limits import Limits
from karya.core.task import CLAIM_AHEAD, TaskState
from karya.store import gates
from karya.store.client import AsyncDatabase, Document
from karya.store.names import BY_ID, LIMITS, PARKED, TASKS, ServerNow
from karya.store.room import MOST_SEEN, Room
from karya.store.transactions import in_transaction, may_be_committed

Claimed = Callable[[str, str, Any, timedelta], Document]
"""The fields that a claim sets."""

Won = tuple[Hint, str]
"""A task that was won, and the lease."""

_LET_GO = "let_go_for"
_FIELDS = {"token": 1, "due_at": 1, "instant": 1, _LET_GO: 1}
_LIMITS_AT_ONCE = 100
"""Of one key: as many others than that of those who claim are looked at."""


class LimitedClaims:
    """Those that find no room are parked in the same transaction, for whoever gives room to find."""

    def __init__(self, database: AsyncDatabase, now: ServerNow, claimed: Claimed) -> None:
        self._database = database
        self._tasks = database[TASKS]
        self._majority = self._tasks.with_options(read_concern=ReadConcern("majority"))
        self._gates = database[LIMITS]
        self._now = now
        self._claimed = claimed

    async def claim(self, hints: Sequence[Hint], owner: str, ttl: timedelta) -> Sequence[Won]:
        """As `Claims.claim`. Raises the driver's error only if nothing was won: what was won when the result
        of another claim became unknown has to be known."""
        groups: dict[Limits, list[Hint]] = defaultdict(list)
        for hint in hints:
            if hint.limits is not None:
                groups[hint.limits].append(hint)
        claims = (self._claim(limits, group, owner, ttl) for limits, group in groups.items())
        answers = await asyncio.gather(*claims, return_exceptions=True)
        won = [one for answer in answers if not isinstance(answer, BaseException) for one in answer]
        for answer in answers:
            if isinstance(answer, BaseException) and not (won and isinstance(answer, PyMongoError)):
                raise answer
        return won

    async def _claim(
        self, limits: Limits, hints: Sequence[Hint], owner: str, ttl: timedelta
    ) -> Sequence[Won]:
        lease_id = uuid.uuid4().hex
        by_id = {hint.task_id: hint for hint in hints}

        allowed, waited_for = limits.allowed, set[str]()

        async def write(session: AsyncIOMotorClientSession) -> Sequence[Won]:
            waited_for.clear()
            opened = [await self._open(ident, session) for ident in allowed]
            now = opened[0]["seen_at"]
            ready = await self._ready(by_id, now, session)
            rooms = [await self._room(gate, allowed[gate["_id"]], ready, now, session) for gate in opened]
            begun, parked = _seated(ready, rooms)
            await self._begin(begun, lease_id, owner, ttl, session)
            for room in rooms:
                await self._park(parked[room.ident], room.ident, room.limit, session)
                await self._close(room.closed(now), session)
            waited_for.update(room.ident for room in rooms if room.is_full)
            return [(by_id[ident], lease_id) for ident in begun]

        try:
            won = await in_transaction(self._database, write)
        except PyMongoError as error:
            if not may_be_committed(error):
                raise
            won = await self._read_back(by_id, lease_id)
        for seat in filter(gates.is_seat, waited_for):
            with suppress(PyMongoError):  # then it is found a little later
                await self._look_again(seat, allowed[seat])
        return won

    async def _look_again(self, seat: str, limit: int) -> None:
        """Whoever gave a seat back in the middle of the claim could not see that somebody waits for it."""
        taken = await self._tasks.count_documents(gates.running(seat), limit=limit, hint="seats")
        if taken < limit:
            wanted = {"_id": seat, "waiting": True}
            await self._gates.update_one(wanted, gates.freed(self._now()), hint=BY_ID)

    async def _read_back(self, by_id: Mapping[str, Hint], lease_id: str) -> Sequence[Won]:
        """What was won, if the claim was committed although its answer was lost: under a lease that nobody
        knows of, a task would use up an attempt without a start. The token of what is still READY is raised
        first, so that the commit is settled, one way or the other, when it is read."""
        ids = {"_id": {"$in": list(by_id)}}
        unclaimed = {**ids, "status": TaskState.READY.value, "held": False}
        await self._tasks.update_many(unclaimed, {"$inc": {"token": 1}}, hint=BY_ID)
        ours = {**ids, "lease.id": lease_id, "status": TaskState.RUNNING.value}
        found = self._majority.find(ours, {"_id": 1}).hint(BY_ID)
        return [(by_id[task["_id"]], lease_id) async for task in found]

    async def _open(self, ident: str, session: AsyncIOMotorClientSession) -> Document:
        gate: Document = await self._gates.find_one_and_update(
            {"_id": ident},
            gates.touched(self._now()),
            upsert=True,
            return_document=ReturnDocument.AFTER,
            session=session,
        )
        return gate

    async def _ready(
        self, by_id: Mapping[str, Hint], now: datetime, session: AsyncIOMotorClientSession
    ) -> Sequence[Document]:
        """Those of the hinted tasks that are as the hint says: first who was let go, then in the order of the
        hints."""
        wanted = {"_id": {"$in": list(by_id)}, "status": TaskState.READY.value, "held": False}
        found = self._tasks.find(wanted, _FIELDS, session=session).hint(BY_ID).batch_size(len(by_id) + 1)
        until = now + CLAIM_AHEAD
        ready = {
            task["_id"]: task
            async for task in found
            if task["token"] == by_id[task["_id"]].token and task["due_at"] <= until
        }
        return sorted((ready[i] for i in by_id if i in ready), key=lambda task: _LET_GO not in task)

    async def _room(
        self,
        gate: Document,
        limit: int,
        ready: Sequence[Document],
        now: datetime,
        session: AsyncIOMotorClientSession,
    ) -> Room:
        ident, taken = gate["_id"], await self._taken(gate, limit, now, session)
        room = Room(gate, limit, taken, in_turn=sum(task.get(_LET_GO) == ident for task in ready))
        if gates.is_waiting(gate) and room.left > 0 and not all(_LET_GO in task for task in ready):
            promised = sum(one["count"] for one in gates.promises(gate, now))
            room.promised = max(0, promised - room.in_turn)
            room.waiting = await self._waiting(room, session)
        return room

    async def _waiting(self, room: Room, session: AsyncIOMotorClientSession) -> Sequence[datetime]:
        """See `Room.waiting`: by its own limit each, and the index alone answers."""
        may_go = {**gates.parked(room.ident), "parked.limit": {"$gt": room.taken}}
        limits = await self._tasks.distinct("parked.limit", may_go, session=session)
        if not limits:
            return []
        wanted = {**gates.parked(room.ident), "parked.limit": {"$in": limits[:_LIMITS_AT_ONCE]}}
        found = self._tasks.find(wanted, {"instant": 1, "_id": 0}, session=session).sort("instant", 1)
        return [task["instant"] async for task in found.hint(PARKED).limit(min(room.left, MOST_SEEN))]

    async def _taken(
        self, gate: Document, limit: int, now: datetime, session: AsyncIOMotorClientSession
    ) -> int:
        ident = gate["_id"]
        if not gates.is_seat(ident):
            return gates.started(gate, now)
        count: int = await self._tasks.count_documents(
            gates.running(ident), limit=limit, hint="seats", session=session
        )
        return count

    async def _begin(
        self,
        ids: Sequence[str],
        lease_id: str,
        owner: str,
        ttl: timedelta,
        session: AsyncIOMotorClientSession,
    ) -> None:
        if ids:
            change: list[Document] = [
                {"$set": self._claimed(lease_id, owner, self._now(), ttl)},
                {"$unset": ["parked", _LET_GO]},
            ]
            await self._tasks.update_many({"_id": {"$in": ids}}, change, hint=BY_ID, session=session)

    async def _park(
        self, ids: Sequence[str], ident: str, limit: int, session: AsyncIOMotorClientSession
    ) -> None:
        if ids:
            wanted = {"_id": {"$in": ids}}
            park = gates.park(ident, limit, self._now())
            await self._tasks.update_many(wanted, park, hint=BY_ID, session=session)

    async def _close(self, gate: gates.Change, session: AsyncIOMotorClientSession) -> None:
        ident, update = gate
        if update:
            await self._gates.update_one({"_id": ident}, update, session=session)


def _seated(
    ready: Sequence[Document], rooms: Sequence[Room]
) -> tuple[Sequence[str], Mapping[str, Sequence[str]]]:
    """Who begins, and who is parked for which limit: the one that has least room."""
    begun: list[str] = []
    parked: dict[str, list[str]] = defaultdict(list)
    for task in ready:
        full = [room for room in rooms if not room.admits(task)]
        if full:
            fullest = min(full, key=lambda room: room.left)
            fullest.is_full = True
            parked[fullest.ident].append(task["_id"])
            continue
        begun.append(task["_id"])
        for room in rooms:
            room.begun += 1
    return begun, parked
