"""Waking those that wait for a limit: blocking, for the scheduler's thread."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import NamedTuple

from pymongo.client_session import ClientSession
from pymongo.errors import OperationFailure

from karya.core.hint import Hint
from karya.core.ports.limits import Woken
from karya.core.task import TaskState
from karya.store import gates
from karya.store.blocking import Document, SyncDatabase, translated
from karya.store.names import BY_ID, LIMITS, PARKED, TASKS, ServerNow, server_now

_GATES_AT_ONCE = 10
_LIMITS_AT_ONCE = 100
"""Of one key. Jobs that share one may well have other limits than the last one had, but not many."""
_TASKS_AT_ONCE = 500
"""Of all limits that are looked at in one go: so long nothing is handed over."""
_GOING_ON = timedelta(seconds=0.1)
"""How long more are kept back for which there may be room: until most of those that were let go are claimed,
since only what is claimed is counted."""
_TRANSIENT = "TransientTransactionError"


class MongoLimits:
    """Implements `Limits`."""

    def __init__(self, database: SyncDatabase, now: ServerNow = server_now) -> None:
        self._client = database.client
        self._tasks = database[TASKS]
        self._gates = database[LIMITS]
        self._now = now

    def wake(self) -> Woken:
        """See `Limits.wake`. What is let go still has to be claimed, and only the claim counts: so this needs
        no transaction. Whoever writes the limit meanwhile has it looked at again."""
        fields = {"wake_at": 1, "starts": 1, "promised": 1, "seq": 1, "now": self._now()}
        with translated():
            found = self._gates.find({"waiting": True}, fields).sort("wake_at", 1).hint("waiting")
            waiting = list(found.limit(_GATES_AT_ONCE))
            if not waiting:
                return Woken()
            now = waiting[0]["now"]
            due = [gate for gate in waiting if gate["wake_at"] <= now]
            most = _TASKS_AT_ONCE // max(1, len(due))
            count = sum(self._fill(gate, now, most) for gate in due)
        later = [gate["wake_at"] for gate in waiting if gate["wake_at"] > now]
        again = min(later, default=now)  # when all of them were due, there may be more
        return Woken(count, now, again)

    def _fill(self, gate: Document, now: datetime, most: int) -> int:
        ident = gate["_id"]
        taken = self._taken(gate, now) + sum(one["count"] for one in gates.promises(gate, now))
        chosen = gates.chosen(self._first(ident, taken, most), taken)
        if chosen:
            again_at = now + (_GOING_ON if len(chosen) == most else gates.CLAIMING)
            # Promised first: who comes new in between finds those that wait, or that their room is kept.
            self._gates.update_one({"_id": ident}, gates.promised(gate, len(chosen), again_at, now))
            these = {"_id": {"$in": chosen}, **gates.parked(ident)}
            self._tasks.update_many(these, gates.let_go(ident, now), hint=BY_ID)
        else:
            self._gates.update_one({"_id": ident, "seq": gate["seq"]}, self._next_look(gate, now))
        return len(chosen)

    def _first(self, ident: str, taken: int, most: int) -> Sequence[Document]:
        """The first of those that wait with a larger limit than so many: the index alone answers, and none of
        the others is read."""
        larger = {**gates.parked(ident), "parked.limit": {"$gt": taken}}
        limits = sorted(self._tasks.distinct("parked.limit", larger))[-_LIMITS_AT_ONCE:]
        if not limits:
            return []
        wanted = {**gates.parked(ident), "parked.limit": {"$in": limits}}
        found = self._tasks.find(wanted, {"parked.limit": 1}).sort([("instant", 1), ("_id", 1)])
        return list(found.hint(PARKED).limit(most))

    def _taken(self, gate: Document, now: datetime) -> int:
        if gates.is_seat(gate["_id"]):
            return self._tasks.count_documents(gates.running(gate["_id"]), hint="seats")
        return gates.started(gate, now)

    def _next_look(self, gate: Document, now: datetime) -> Document:
        """Where nobody could be let go."""
        ident = gate["_id"]
        if promises := gates.promises(gate, now):
            return gates.looked_at(promises[0]["until"])
        largest = self._largest(ident)
        if largest is None:
            return gates.deserted(ident, now)
        if gates.is_seat(ident):
            return gates.looked_at(now + gates.RECHECK)
        return gates.looked_at(gates.opens_at(gate, largest, now))

    def _largest(self, ident: str) -> int | None:
        """The largest limit of those that wait, for which there is room first; None where nobody waits."""
        found = self._tasks.find(gates.parked(ident), {"parked.limit": 1}).sort("parked.limit", -1)
        return next((one["parked"]["limit"] for one in found.hint(PARKED).limit(1)), None)

    def park(self, hints: Sequence[Hint]) -> Sequence[Hint]:
        """See `Limits.park`. One try: what somebody else is writing is left to the claim."""
        groups: dict[_Where, list[Hint]] = defaultdict(list)
        for hint in hints:
            for ident, limit in islice(hint.limits.allowed.items() if hint.limits else (), 1):
                groups[_Where(ident, limit, hint.token)].append(hint)
        with translated():
            left = [group for where, group in groups.items() if not self._park(where, group)]
        return [hint for group in left for hint in group]

    def _park(self, where: "_Where", hints: Sequence[Hint]) -> bool:
        try:
            with self._client.start_session() as session, session.start_transaction():
                self._write(where, [hint.task_id for hint in hints], session)
        except OperationFailure as error:
            if error.has_error_label(_TRANSIENT):
                return False
            raise
        return True

    def _write(self, where: "_Where", ids: Sequence[str], session: ClientSession) -> None:
        waited_for = gates.waited_for(self._now(), gates.CLAIMING)
        self._gates.update_one({"_id": where.ident}, waited_for, upsert=True, session=session)
        ready = {
            "_id": {"$in": ids},
            "status": TaskState.READY.value,
            "held": False,
            "token": where.token,
        }
        park = gates.park(where.ident, where.limit, self._now())
        self._tasks.update_many(ready, park, hint=BY_ID, session=session)


class _Where(NamedTuple):
    """What tasks are parked for, and the token that they all have."""

    ident: str
    limit: int
    token: int
