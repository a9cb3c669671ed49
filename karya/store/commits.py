"""Storing what became of claimed tasks: every write is fenced by the lease."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog
from motor.motor_asyncio import AsyncIOMotorClientSession
from pymongo import UpdateMany
from pymongo.errors import PyMongoError

from karya.core.ports import Commit
from karya.core.task import TaskState
from karya.core.transitions import Move
from karya.store import gates
from karya.store.client import AsyncDatabase, Document, first_line, translated
from karya.store.documents import UNREADABLE
from karya.store.fence import FENCE_FIELDS, applied, fence
from karya.store.following import GATE_FIELDS, follow
from karya.store.names import BY_ID, ERROR_LOGS, LIMITS, TASKS
from karya.store.outcomes import STORY_FIELDS, Outcomes
from karya.store.transactions import in_transaction, may_be_too_large
from karya.store.updates import update_of

log = structlog.get_logger("karya.store")

_BLOCKED = TaskState.BLOCKED.value


class MongoCommits:
    """Implements `Commits`."""

    def __init__(self, database: AsyncDatabase) -> None:
        self._database = database
        self._tasks = database[TASKS]
        self._logs = database[ERROR_LOGS]
        self._gates = database[LIMITS]

    async def commit(self, commits: Sequence[Commit], now: datetime) -> frozenset[str]:
        """See `Commits.commit`. Plain successes need no transaction: nothing follows from them here."""
        _refuse_foreign_moves(commits)
        plain = [commit for commit in commits if _is_plain(commit)]
        others = [commit for commit in commits if not _is_plain(commit)]
        with translated():
            lost = await self._succeed(plain) if plain else frozenset()
            lost |= await self._tell(others, now) if others else frozenset()
            await self._give_back({c.seat for c in commits if c.seat and c.task_id not in lost}, now)
        return lost

    async def _give_back(self, seats: Collection[str], now: datetime) -> None:
        """What is counted are RUNNING tasks: those that wait need only be looked at. If that is lost they are
        looked at a little later."""
        if seats:
            wanted = {"_id": {"$in": sorted(seats)}, "waiting": True}
            await self._gates.update_many(wanted, gates.freed(now), hint=BY_ID)

    async def _succeed(self, commits: Sequence[Commit]) -> frozenset[str]:
        answer = await self._tasks.bulk_write(_grouped(commits), ordered=False)
        if answer.matched_count == len(commits):
            return frozenset()
        found = self._tasks.find(_named(commits), _fields(FENCE_FIELDS, commits))
        documents = {document["_id"]: document async for document in found}
        return frozenset(c.task_id for c in commits if not applied(documents.get(c.task_id), c))

    async def _tell(self, commits: Sequence[Commit], now: datetime) -> frozenset[str]:
        """Transitions with a story (error log, hooks, steps behind), each with all of its own or with none.

        All go into one transaction; when their hooks are too large for that, it is halved. So it is when a
        step behind one of them cannot be read, until that one stands alone and counts as lost: it is tried
        again when its lease has run out, perhaps by somebody who can read that step. The documents
        are read in the same transaction: whoever writes one of them meanwhile (a cancel, a reaper, another
        step that ends) makes a write conflict, and the whole is done again on what it left.
        """

        async def write(session: AsyncIOMotorClientSession) -> frozenset[str]:
            outcomes = await self._outcomes(commits, now, session)
            behind = await follow(outcomes.ended, lambda ids: self._blocked(ids, session), now)
            if updates := [*outcomes.updates, *behind]:
                await self._tasks.bulk_write(updates, ordered=False, session=session)
            if outcomes.logs:
                await self._logs.insert_many(outcomes.logs, session=session)
            if outcomes.hooks:
                await self._tasks.insert_many(outcomes.hooks, session=session)
            return frozenset(outcomes.lost)

        try:
            return await in_transaction(self._database, write)
        except PyMongoError as error:
            if len(commits) == 1 or not may_be_too_large(error):
                raise
        except UNREADABLE as error:
            if len(commits) == 1:
                return frozenset([_refused(commits[0], error)])
        half = len(commits) // 2
        return await self._tell(commits[:half], now) | await self._tell(commits[half:], now)

    async def _outcomes(
        self, commits: Sequence[Commit], now: datetime, session: AsyncIOMotorClientSession
    ) -> Outcomes:
        found = self._tasks.find(_named(commits), _fields(STORY_FIELDS, commits), session=session)
        documents = {document["_id"]: document async for document in found}
        outcomes = Outcomes(now)
        for commit in commits:
            try:
                outcomes.add(commit, documents.get(commit.task_id))
            except UNREADABLE as error:
                outcomes.lost.append(_refused(commit, error))
        return outcomes

    async def _blocked(self, ids: Sequence[str], session: AsyncIOMotorClientSession) -> list[Document]:
        wanted = {"_id": {"$in": list(ids)}, "status": _BLOCKED}
        documents: list[Document] = await (
            self._tasks.find(wanted, GATE_FIELDS, session=session).hint(BY_ID).to_list(None)
        )
        return documents


def _refused(commit: Commit, error: Exception) -> str:
    """The task of an outcome of which nothing is written, as nobody here understands what follows from it."""
    log.error("outcome_refused", task=commit.task_id, error=first_line(error))
    return commit.task_id


def _is_plain(commit: Commit) -> bool:
    return commit.transition.move is Move.SUCCEED and not commit.linked


def _grouped(commits: Sequence[Commit]) -> list[UpdateMany]:
    """Equal outcomes under one lease become one update of many: a fraction of the cost of one each."""
    groups: dict[tuple[Any, ...], list[Commit]] = defaultdict(list)
    for commit in commits:
        groups[(commit.lease_id, *commit.transition.changes.values())].append(commit)
    return [
        UpdateMany(
            fence([c.task_id for c in group], group[0].lease_id), update_of(group[0].transition), hint=BY_ID
        )
        for group in groups.values()
    ]


def _named(commits: Sequence[Commit]) -> Document:
    return {"_id": {"$in": [commit.task_id for commit in commits]}}


def _fields(base: Mapping[str, int], commits: Sequence[Commit]) -> dict[str, int]:
    """What to read: the base, and whatever these commits change."""
    return {**base, **{key: 1 for commit in commits for key in commit.transition.changes}}


def _refuse_foreign_moves(commits: Sequence[Commit]) -> None:
    for commit in commits:
        if TaskState.RUNNING not in commit.transition.sources:
            raise ValueError(f"{commit.transition.move.value} is no move out of RUNNING")
