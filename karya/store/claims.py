"""Taking, keeping and losing the lease of a task."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import orjson
from pymongo.errors import ConnectionFailure, ExecutionTimeout, PyMongoError, WriteConcernError
from pymongo.read_concern import ReadConcern

from karya.core.hint import Hint
from karya.core.ids import task_id
from karya.core.ports import Claim, Renewal, StepResult
from karya.core.task import CLAIM_AHEAD, START_WITHIN, Task, TaskState
from karya.core.transitions import claim
from karya.store.client import AsyncDatabase, Document, translated
from karya.store.documents import action_text, readable, task_entity
from karya.store.limited import LimitedClaims
from karya.store.names import BY_ID, TASKS, ServerNow, later, server_now

_RUNNING = TaskState.RUNNING.value


class MongoClaims:
    """Implements `Claims`."""

    def __init__(self, database: AsyncDatabase, now: ServerNow = server_now) -> None:
        self._tasks = database[TASKS]
        self._majority = self._tasks.with_options(read_concern=ReadConcern("majority"))
        self._now = now
        self._limited = LimitedClaims(database, now, _claimed)

    async def claim(self, hints: Sequence[Hint], owner: str, ttl: timedelta) -> Sequence[Claim]:
        """See `Claims.claim`. Hints with the same token share one update and one lease id.

        When the store goes away in the middle, what was won before counts: the caller must know of it.
        """
        by_token: dict[int, dict[str, Hint]] = defaultdict(dict)
        limited = [hint for hint in hints if hint.limits is not None]
        for hint in hints:
            if hint.limits is None:
                by_token[hint.token][hint.task_id] = hint
        claims: list[Claim] = []
        with translated():
            for token, group in by_token.items():
                try:
                    claims += await self._claim_group(token, group, owner, ttl)
                except PyMongoError:
                    if not claims:
                        raise
                    break
            if limited:
                claims += await self._claim_limited(limited, owner, ttl, alone=not claims)
        return claims

    async def _claim_limited(
        self, hints: Sequence[Hint], owner: str, ttl: timedelta, *, alone: bool
    ) -> Iterable[Claim]:
        try:
            won = await self._limited.claim(hints, owner, ttl)
        except PyMongoError:
            if alone:
                raise
            return []
        claims = [Claim(hint, lease_id, hint.action) for hint, lease_id in won if hint.action is not None]
        large: dict[str, dict[str, Hint]] = defaultdict(dict)
        for hint, lease_id in won:
            if hint.action is None:
                large[lease_id][hint.task_id] = hint
        for lease_id, group in large.items():
            claims += await self._read_back(group, lease_id)
        return claims

    async def _claim_group(
        self, token: int, group: Mapping[str, Hint], owner: str, ttl: timedelta
    ) -> Iterable[Claim]:
        lease_id = uuid.uuid4().hex
        claimable = _claimable(list(group), token, self._now())
        change = [{"$set": _claimed(lease_id, owner, self._now(), ttl)}]
        try:
            won = (await self._tasks.update_many(claimable, change, hint=BY_ID)).modified_count
        except (ConnectionFailure, ExecutionTimeout, WriteConcernError):
            await self._outdate(claimable)
            won = -1
        if won == 0:
            return []
        hinted = [Claim(hint, lease_id, hint.action) for hint in group.values() if hint.action is not None]
        return hinted if won == len(hinted) == len(group) else await self._read_back(group, lease_id)

    async def _outdate(self, claimable: Document) -> None:
        """After an unknown result (the driver does not retry an update of many): raises the token of what is
        still READY, so that the lost update, should it yet arrive, finds nothing to claim behind our back."""
        unclaimed = {key: value for key, value in claimable.items() if key != "$expr"}
        await self._tasks.update_many(unclaimed, {"$inc": {"token": 1}}, hint=BY_ID)

    async def _read_back(self, group: Mapping[str, Hint], lease_id: str) -> Sequence[Claim]:
        """What was won, with the actions and events that hints leave out."""
        wanted = {"_id": {"$in": list(group)}, "lease.id": lease_id, "status": _RUNNING}
        found = self._majority.find(wanted, {"action": 1, "action_large": 1, "event": 1}).hint(BY_ID)
        return [
            Claim(group[document["_id"]], lease_id, action_text(document), document.get("event"))
            async for document in found
        ]

    async def renew(self, leases: Mapping[str, str], ttl: timedelta, *, starting: bool = False) -> Renewal:
        """See `Claims.renew`."""
        if not leases:
            return Renewal(frozenset(), frozenset())
        ours = {
            "_id": {"$in": list(leases)},
            "lease.id": {"$in": list(set(leases.values()))},
            "status": _RUNNING,
        }
        change = {"lease.expires_at": later(self._now(), ttl)}
        if starting:
            change["start_by"] = later(self._now(), START_WITHIN)
        with translated():
            await self._tasks.update_many(ours, [{"$set": change}], hint=BY_ID)
            found = self._tasks.find(ours, {"lease.id": 1, "cancel_requested": 1, "held": 1}).hint(BY_ID)
            ours_now = {document["_id"]: document async for document in found}
        kept = {ident for ident, document in ours_now.items() if document["lease"]["id"] == leases[ident]}
        return Renewal(
            lost=frozenset(leases.keys() - kept),
            cancelled=frozenset(ident for ident in kept if ours_now[ident].get("cancel_requested")),
            held=frozenset(ident for ident in kept if ours_now[ident].get("held")),
        )

    async def expired(self, limit: int) -> Sequence[Task]:
        """See `Claims.expired`."""
        wanted = {
            "status": _RUNNING,
            "$expr": {"$lte": ["$lease.expires_at", self._now()]},
        }
        with translated():
            tasks: list[Task] = []
            passed = 0
            while (left := limit - len(tasks)) > 0:
                found = self._tasks.find(wanted).sort("lease.expires_at", 1).skip(passed).limit(left)
                documents = await found.to_list(None)
                tasks += readable(documents, task_entity)
                if len(documents) < left:
                    break
                passed += len(documents)
        return tasks

    async def results(self, job_id: str, cause: str, steps: Iterable[str]) -> Mapping[str, StepResult]:
        """See `Claims.results`."""
        wanted = {"_id": {"$in": [task_id(job_id, cause, name) for name in steps]}}
        with translated():
            found = self._majority.find(wanted, {"step": 1, "status": 1, "result": 1, "error": 1}).hint(BY_ID)
            return {document["step"]: _step_result(document) async for document in found}


def _step_result(document: Document) -> StepResult:
    text = document.get("result")
    result = None if text is None else orjson.loads(text)
    return StepResult(TaskState(document["status"]), result, document.get("error"))


def _claimable(ids: list[str], token: int, now: Any) -> Document:
    return {
        "_id": {"$in": ids},
        "status": TaskState.READY.value,
        "held": False,
        "token": token,
        "$expr": {"$lte": ["$due_at", later(now, CLAIM_AHEAD)]},
    }


def _claimed(lease_id: str, owner: str, now: Any, ttl: timedelta) -> Document:
    move = claim(lease_id, owner)
    return {
        "status": move.target.value,
        "lease": {"$mergeObjects": [{"$literal": move.changes["lease"]}, {"expires_at": later(now, ttl)}]},
        "token": {"$add": ["$token", 1]},
        "attempts": {"$add": ["$attempts", 1]},
        "start_by": later({"$max": ["$due_at", now]}, START_WITHIN),
    }
