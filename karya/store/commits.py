"""Storing what became of claimed tasks: every write is fenced by the lease."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from motor.motor_asyncio import AsyncIOMotorClientSession
from pymongo import UpdateMany, UpdateOne
from pymongo.errors import PyMongoError

from karya.core.errorlog import ErrorLog
from karya.core.hook import Trigger
from karya.core.ports import Commit
from karya.core.task import Task, TaskState, hook_tasks
from karya.core.times import EPOCH, floor_millis
from karya.core.transitions import Move, Transition, heeding_cancel
from karya.store.client import AsyncDatabase, Document, translated
from karya.store.documents import error_document, task_document, task_hooks
from karya.store.names import BY_ID, ERROR_LOGS, TASKS
from karya.store.transactions import in_transaction, may_be_too_large

_FENCE_FIELDS = {"lease.id": 1, "lease.expires_at": 1, "status": 1, "cancel_requested": 1}
_STORY_FIELDS = {
    **_FENCE_FIELDS,
    "job_id": 1,
    "job_version": 1,
    "kind": 1,
    "token": 1,
    "attempts": 1,
    "hooks": 1,
}
_RUNNING = TaskState.RUNNING.value


class MongoCommits:
    """Implements `Commits`."""

    def __init__(self, database: AsyncDatabase) -> None:
        self._database = database
        self._tasks = database[TASKS]
        self._logs = database[ERROR_LOGS]

    async def commit(self, commits: Sequence[Commit], now: datetime) -> frozenset[str]:
        """See `Commits.commit`. Plain successes need no transaction: nothing follows from them here."""
        _refuse_foreign_moves(commits)
        plain = [commit for commit in commits if commit.transition.move is Move.SUCCEED]
        others = [commit for commit in commits if commit.transition.move is not Move.SUCCEED]
        with translated():
            lost = await self._succeed(plain) if plain else frozenset()
            return lost | (await self._tell(others, now) if others else frozenset())

    async def _succeed(self, commits: Sequence[Commit]) -> frozenset[str]:
        answer = await self._tasks.bulk_write(_grouped(commits), ordered=False)
        if answer.matched_count == len(commits):
            return frozenset()
        found = self._tasks.find(_named(commits), _fields(_FENCE_FIELDS, commits))
        documents = {document["_id"]: document async for document in found}
        return frozenset(c.task_id for c in commits if not _applied(documents.get(c.task_id), c))

    async def _tell(self, commits: Sequence[Commit], now: datetime) -> frozenset[str]:
        """Transitions with a story (error log, hooks), each with all of its own or with none.

        All go into one transaction; when their hooks are too large for that, it is halved. The documents
        are read in the same transaction: a cancel or a reaper that writes one of them meanwhile makes a
        write conflict, and the whole is done again on what it left.
        """

        async def write(session: AsyncIOMotorClientSession) -> frozenset[str]:
            found = self._tasks.find(_named(commits), _fields(_STORY_FIELDS, commits), session=session)
            documents = {document["_id"]: document async for document in found}
            batch = _Batch(now)
            for commit in commits:
                batch.add(commit, documents.get(commit.task_id))
            if batch.updates:
                await self._tasks.bulk_write(batch.updates, ordered=False, session=session)
            if batch.logs:
                await self._logs.insert_many(batch.logs, session=session)
            if batch.hooks:
                await self._tasks.insert_many([task_document(task) for task in batch.hooks], session=session)
            return frozenset(batch.lost)

        try:
            return await in_transaction(self._database, write)
        except PyMongoError as error:
            if len(commits) == 1 or not may_be_too_large(error):
                raise
        half = len(commits) // 2
        return await self._tell(commits[:half], now) | await self._tell(commits[half:], now)


class _Batch:
    """What one transaction writes."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.updates: list[UpdateOne] = []
        self.logs: list[Document] = []
        self.hooks: list[Task] = []
        self.lost: list[str] = []

    def add(self, commit: Commit, document: Document | None) -> None:
        """Takes in one commit, given its task as the transaction sees it."""
        if document is None or not _holds(document, commit):
            if not _applied(document, commit):
                self.lost.append(commit.task_id)
            return
        transition = heeding_cancel(
            commit.transition, cancelled=document.get("cancel_requested", False), now=self.now
        )
        self.updates.append(
            UpdateOne(_fence([commit.task_id], commit.lease_id), _update(transition), hint=BY_ID)
        )
        self._explain(commit, document, transition.move)

    def _explain(self, commit: Commit, document: Document, move: Move) -> None:
        error = commit.transition.changes.get("error")
        if error is not None:
            log = ErrorLog.of(
                job_id=document["job_id"],
                task_id=commit.task_id,
                attempt=document["attempts"],
                token=document["token"],
                kind=document["kind"],
                error=error,
                at=self.now,
            )
            self.logs.append(error_document(log))
        if move is Move.BURY:
            failed = [hook for hook in task_hooks(document) if hook.trigger is Trigger.ON_FAILURE]
            source = f"{commit.task_id}/{document['token']}"
            self.hooks += hook_tasks(failed, document["job_id"], document["job_version"], source, self.now)


def _grouped(commits: Sequence[Commit]) -> list[UpdateMany]:
    """Equal outcomes under one lease become one update of many: a fraction of the cost of one each."""
    groups: dict[tuple[Any, ...], list[Commit]] = defaultdict(list)
    for commit in commits:
        groups[(commit.lease_id, *commit.transition.changes.values())].append(commit)
    return [
        UpdateMany(
            _fence([c.task_id for c in group], group[0].lease_id), _update(group[0].transition), hint=BY_ID
        )
        for group in groups.values()
    ]


def _update(transition: Transition) -> dict[str, Any]:
    values = {key: value for key, value in transition.changes.items() if value is not None}
    update: dict[str, Any] = {"$set": {"status": transition.target.value, **values}}
    cleared = transition.changes.keys() - values.keys()
    if cleared:
        update["$unset"] = dict.fromkeys(cleared, "")
    if transition.move is Move.RELEASE:
        update["$inc"] = {"attempts": -1}
    return update


def _fence(ids: list[str], lease_id: str) -> Document:
    return {"_id": {"$in": ids} if len(ids) > 1 else ids[0], "lease.id": lease_id, "status": _RUNNING}


def _holds(document: Document, commit: Commit) -> bool:
    lease = document.get("lease", {})
    fresh = commit.seen_expiry is None or commit.seen_expiry == lease.get("expires_at")
    return bool(document["status"] == _RUNNING and lease.get("id") == commit.lease_id and fresh)


def _applied(document: Document | None, commit: Commit) -> bool:
    """An earlier try of this very commit went through although its answer was lost: the lease id stays
    on the task until the next claim. The reaper writes under the same lease id, so the fields must say
    the same too."""
    if document is None or document.get("lease", {}).get("id") != commit.lease_id:
        return False
    wanted = commit.transition
    heeded = heeding_cancel(wanted, cancelled=document.get("cancel_requested", False), now=EPOCH)
    if document["status"] != heeded.target.value:
        return False
    return heeded is not wanted or all(
        document.get(key) == _stored(value) for key, value in wanted.changes.items()
    )


def _stored(value: Any) -> Any:
    return floor_millis(value) if isinstance(value, datetime) else value


def _named(commits: Sequence[Commit]) -> Document:
    return {"_id": {"$in": [commit.task_id for commit in commits]}}


def _fields(base: Mapping[str, int], commits: Sequence[Commit]) -> dict[str, int]:
    """What to read: the base, and whatever these commits change."""
    return {**base, **{key: 1 for commit in commits for key in commit.transition.changes}}


def _refuse_foreign_moves(commits: Sequence[Commit]) -> None:
    for commit in commits:
        if TaskState.RUNNING not in commit.transition.sources:
            raise ValueError(f"{commit.transition.move.value} is no move out of RUNNING")
