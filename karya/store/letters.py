"""Dead letters: found, redriven and discarded."""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from motor.motor_asyncio import AsyncIOMotorClientSession
from pymongo import UpdateOne

from karya.core.errors import Conflict
from karya.core.graph import Gate, reopened
from karya.core.job import JobState
from karya.core.ports import Page
from karya.core.queries import LetterQuery
from karya.core.steps import Step, When
from karya.core.task import OPEN_STATES, Task, TaskKind, TaskState
from karya.core.transitions import discard, redrive, reopen
from karya.core.views.lines import LetterGroups, LetterLine
from karya.store.client import AsyncDatabase, Document, SyncDatabase, in_time
from karya.store.documents import task_entity
from karya.store.forgetting import looked_at_again
from karya.store.lettergroups import LETTERS, grouping, groups_of, indexed
from karya.store.names import BY_ID, JOBS, TASKS
from karya.store.threads import read_in_one_thread
from karya.store.transactions import in_transaction
from karya.store.turns import Turns
from karya.store.updates import update_of

_DEAD = {"status": TaskState.DEAD.value}
_LINE = dict.fromkeys(("job_id", "step", "instant", "finished_at", "error", "attempts"), 1)
_PATIENCE_MS = 5_000
_REOPENED = "reopened"
"""A field of the document alone: how often a step came to wait for this one again."""


class MongoLetters:
    """Implements `LetterRepository`."""

    def __init__(self, database: AsyncDatabase, turns: Turns | None = None) -> None:
        self._database = database
        self._turns = turns or Turns(_PATIENCE_MS, at_once=2)
        self._jobs = database[JOBS]
        self._tasks = database[TASKS]

    async def find(self, query: LetterQuery, *, cursor: str | None, limit: int) -> Page[Task]:
        """See `LetterRepository.find`."""
        wanted = LETTERS.behind(_wanted(query), cursor)
        async with self._turn(query):
            found = self._tasks.find(wanted).sort(LETTERS.order).hint(_index(query))
            documents = await found.limit(limit + 1).to_list(None)
        return LETTERS.page(documents, limit, task_entity)

    async def lines(self, query: LetterQuery, *, cursor: str | None, limit: int) -> Page[LetterLine]:
        """See `LetterRepository.lines`."""
        wanted = LETTERS.behind(_wanted(query), cursor)

        def read() -> tuple[list[Document], list[Document]]:
            letters = self._tasks.delegate.find(wanted, _LINE).sort(LETTERS.order).hint(_index(query))
            found = list(letters.limit(limit + 1))
            ids = list({letter["job_id"] for letter in found})
            jobs = self._jobs.delegate.find({"_id": {"$in": ids}}, {"description": 1}).hint(BY_ID)
            return found, list(jobs) if ids else []

        async with self._turn(query):
            letters, jobs = await read_in_one_thread(read)
        titles = {job["_id"]: job.get("description", "") for job in jobs}
        return LETTERS.page(letters, limit, lambda letter: _line(letter, titles.get(letter["job_id"], "")))

    async def count(self, query: LetterQuery, most: int) -> int:
        """See `LetterRepository.count`."""
        # `count_documents` has no order, and without one the planner takes none of the indexes.
        ordered: list[Document] = [{"$match": _wanted(query)}, {"$sort": dict(LETTERS.order)}]
        stages = [*ordered, {"$limit": most}, {"$count": "count"}]
        async with self._turn(query):
            found = await self._tasks.aggregate(stages).to_list(None)
        return sum(counted["count"] for counted in found)

    @asynccontextmanager
    async def _turn(self, query: LetterQuery) -> AsyncIterator[None]:
        """In time, and in turn for those who look for a text."""
        async with self._turns.of(query.text):
            with in_time(self._tasks):
                yield

    async def groups(self, query: LetterQuery, most: int, listed: int) -> LetterGroups:
        """See `LetterRepository.groups`."""
        with in_time(self._tasks):
            found = await self._tasks.aggregate(grouping(query, most, listed)).to_list(None)
        return groups_of(found[0], most, listed) if found else LetterGroups()

    async def redrive(self, task_id: str, now: datetime) -> bool:
        """See `LetterRepository.redrive`."""
        await self._look_again(task_id, now)

        async def write(session: AsyncIOMotorClientSession) -> bool:
            task = await self._tasks.find_one({"_id": task_id, **_DEAD}, session=session)
            if task is None:
                return False
            is_hook = task["kind"] == TaskKind.HOOK.value  # neither pause nor cancel is meant for those
            held = False if is_hook else await self._may_run(task["job_id"], now, session)
            again = update_of(redrive(now))
            again["$set"]["held"] = held
            await self._tasks.update_one({"_id": task_id, **_DEAD}, again, session=session)
            if task.get("next"):
                await self._reopen(task, held, session)
            return True

        with in_time(self._tasks):
            return await in_transaction(self._database, write)

    async def _may_run(self, job_id: str, now: datetime, session: AsyncIOMotorClientSession) -> bool:
        """Whether the task has to be held, its job being paused. The job is written too: a cancel that comes
        between would otherwise miss the task."""
        job = await self._jobs.find_one_and_update(
            {"_id": job_id}, {"$set": {"updated_at": now}}, {"status": 1}, session=session
        )
        if job is not None and job["status"] == JobState.CANCELLED.value:
            raise Conflict(
                f"job {job_id} is cancelled, so nothing of it runs any more: discard its dead letters"
            )
        return bool(job is not None and job["status"] == JobState.PAUSED.value)

    async def _reopen(self, redriven: Document, held: bool, session: AsyncIOMotorClientSession) -> None:
        occurrence = {
            "job_id": redriven["job_id"],
            "instant": redriven["instant"],
            "cause": redriven["cause"],
        }
        documents = {d["step"]: d async for d in self._tasks.find(occurrence, session=session)}
        steps = [_as_step(document) for document in documents.values()]
        states = {name: TaskState(document["status"]) for name, document in documents.items()}
        states[redriven["step"]] = TaskState.DEAD
        gates = reopened(steps, states, redriven["step"])
        writes = [_reopening(documents[name]["_id"], gate, held) for name, gate in gates.items()]
        awaited = frozenset[str]().union(*(gate.waiting_on for gate in gates.values())) - {redriven["step"]}
        writes += [_noticing(documents[name]["_id"]) for name in awaited if states[name] in OPEN_STATES]
        if writes:
            await self._tasks.bulk_write(writes, ordered=False, session=session)

    async def discard(self, task_id: str, now: datetime) -> bool:
        """See `LetterRepository.discard`."""
        await self._look_again(task_id, now)
        with in_time(self._tasks):
            answer = await self._tasks.update_one(
                {"_id": task_id, **_DEAD}, update_of(discard(now)), hint=BY_ID
            )
        return answer.matched_count == 1

    async def _look_again(self, task_id: str, now: datetime) -> None:
        """What was kept for ever may go one day."""
        with in_time(self._tasks):
            letter = await self._tasks.find_one({"_id": task_id, **_DEAD}, {"job_id": 1}, hint=BY_ID)
            if letter is not None:
                wanted, change = looked_at_again(now)
                await self._jobs.update_one({"_id": letter["job_id"], **wanted}, change, hint=BY_ID)


def dead_of_jobs(database: SyncDatabase, job_ids: Sequence[str], most: int) -> Mapping[str, int]:
    """How many dead letters these jobs have, by their ids, those without any left out. It looks at `most` of
    them in all."""
    stages: list[Document] = [
        {"$match": {"job_id": {"$in": list(job_ids)}, **_DEAD}},
        {"$limit": most},
        {"$group": {"_id": "$job_id", "count": {"$sum": 1}}},
    ]
    found = database[TASKS].aggregate(stages, hint="dead_of_job") if job_ids else ()
    return {one["_id"]: one["count"] for one in found}


def _index(query: LetterQuery) -> str:
    """The one along which the fewest letters of others are read: left alone, the planner may take that of all
    for the two ranges of a further page."""
    if query.job_id is not None:
        return "dead_of_job"
    return "dead" if query.user_id is None else "dead_by_user"


def _line(letter: Document, title: str) -> LetterLine:
    return LetterLine(
        id=letter["_id"],
        job_id=letter["job_id"],
        title=title,
        step=letter["step"],
        instant=letter["instant"],
        finished_at=letter["finished_at"],
        error=letter.get("error") or "",
        attempts=letter["attempts"],
    )


def _wanted(query: LetterQuery) -> Document:
    wanted = indexed(query)
    if query.step is not None:
        wanted["step"] = query.step
    if query.text is not None:
        wanted["error"] = {"$regex": re.escape(query.text), "$options": "i"}
    return wanted


def _as_step(document: Document) -> Step:
    """As much of the step as the graph needs, told from its task."""
    after = (*document.get("waiting_on", ()), *document.get("outcomes", {}))
    return Step(name=document["step"], action="", after=after, when=When(document.get("when", When.SUCCESS)))


def _noticing(task_id: str) -> UpdateOne:
    """Another step that a reopened one waits for: if it ends at this moment, without telling what is still
    SKIPPED, one of the two transactions is refused for this write."""
    return UpdateOne({"_id": task_id}, {"$inc": {_REOPENED: 1}}, hint=BY_ID)


def _reopening(task_id: str, gate: Gate, held: bool) -> UpdateOne:
    not_begun = {"_id": task_id, "status": {"$in": [TaskState.SKIPPED.value, TaskState.BLOCKED.value]}}
    update = update_of(reopen(gate.waiting_on, gate.outcomes))
    update["$set"]["held"] = held  # it may have been skipped while its job was paused
    return UpdateOne(not_begun, update, hint=BY_ID)
