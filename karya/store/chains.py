"""Making the occurrences that follow: tasks, skipped ranges and the cursor of their job in one transaction.

A crash thus leaves either all or none, and a job that is cancelled at the same moment gets either no
task, or one that the cancel, which writes the job first and then its tasks, still finds.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import pymongo
from pymongo import UpdateOne
from pymongo.client_session import ClientSession
from pymongo.errors import BulkWriteError, OperationFailure

from karya.core.job import Cursor, Job, JobState
from karya.core.misfire import Plan, has_misfired, misfired_until, plan
from karya.core.occurrence import occurrence_tasks, scheduled
from karya.core.policies import MisfirePolicy
from karya.core.task import Task, TaskKind
from karya.store.blocking import Document, SyncDatabase
from karya.store.documents import cursor_document, job_entity, readable, task_document
from karya.store.names import BY_ID, JOBS, OPEN, OPEN_OF_JOB, TASKS
from karya.store.skips import Skips, Stale

MOST_AT_ONCE = 100
"""How many occurrences of one job are made in one go when it has fallen behind."""

_MOST_JOBS = 250
"""Of how many jobs occurrences are made in one transaction. More would be cheaper for each of them, but what
else is due waits for it: of 500 jobs it takes 140 to 290 ms."""

MOST_AHEAD = 5
"""How many are made in one go at most where one would do."""

_MOST_BYTES = 8 * 1024 * 1024
"""How much action text goes into one transaction: they share the cache with everything else."""

_MOST_TASKS = 2_000
_TRIES = 5
_FIRST_PAUSE = 0.002
"""Seconds between two tries; each further one is twice as long."""

_SPLIT = 4
"""By what a batch shrinks from try to try, so that one job that cannot be written holds up no other."""

_CONFLICT = 112
_PATIENCE_SECONDS = 10.0
_ACTIVE = JobState.ACTIVE.value


@dataclass(frozen=True, slots=True)
class Done:
    """What one job got."""

    job: Job
    made: Sequence[Task]
    dropped: frozenset[str]
    """The tasks that were skipped as misfired."""
    misfired: int
    """How many instants were skipped."""
    fired: bool
    reaches: datetime
    """The newest instant that has been dealt with."""
    moved: bool
    unfinished: bool


@dataclass(frozen=True, slots=True)
class _Turn:
    """What one job is to get."""

    job: Job
    plan: Plan
    stale: Sequence[Stale]
    tasks: Sequence[Task]

    @property
    def bytes(self) -> int:
        return self.job.text_bytes * len(self.plan.cursors)


Judge = Callable[[Job], Sequence[Stale]]
"""Says which of the occurrences that a job has are too late to run."""


class Chains:
    """The successors of jobs."""

    def __init__(self, database: SyncDatabase, further: int) -> None:
        self._client = database.client
        self._further = further
        self._jobs = database[JOBS]
        self._tasks = database[TASKS]
        self._skips = Skips(database)

    def extend(
        self,
        job_ids: Collection[str],
        until: datetime,
        now: datetime,
        *,
        stale: Judge = lambda _: (),
        cut: Mapping[str, Cursor] | None = None,
    ) -> tuple[Sequence[Done], Sequence[str]]:
        """Carries out the plan (karya.core.misfire) of those jobs that are ACTIVE. What others did to a job
        meanwhile is looked at again. With `cut` only jobs whose cursor is still that one, and whose tasks
        are not to be relied on. Also returns the jobs that somebody else holds."""
        done: list[Done] = []
        left = list(job_ids)
        for number in range(_TRIES):
            jobs = [job for job in self._read(left) if cut is None or cut[job.id] == job.cursor]
            left = []
            turns = self._turns(jobs, until, now, stale, is_cut=cut is not None)
            for batch in _batches(turns, max(1, _MOST_JOBS // _SPLIT**number)):
                answer = self._write(batch, now, again=number > 0)
                done += answer
                left += [] if answer else [turn.job.id for turn in batch]
            if not left:
                break
            time.sleep(_FIRST_PAUSE * 2**number)
        return done, left

    def _read(self, job_ids: Sequence[str]) -> list[Job]:
        wanted = {"_id": {"$in": job_ids}, "status": _ACTIVE}
        return readable(self._jobs.find(wanted).hint(BY_ID), job_entity) if job_ids else []

    def _turns(
        self, jobs: Sequence[Job], until: datetime, now: datetime, stale: Judge, *, is_cut: bool
    ) -> Iterator[_Turn]:
        open_late = self._open_late([job for job in jobs if _is_capped(job) and has_misfired(job, now)], now)
        for job in jobs:
            weight = max(job.text_bytes, _MOST_BYTES // _MOST_TASKS * len(job.steps), 1)
            most = max(1, min(MOST_AT_ONCE, _MOST_BYTES // weight))
            late = open_late[job.id]
            plan_ = plan(job, now, until, open_late=late, most=most, further=self._further, cut=is_cut)
            cursors = (occurrence_tasks(job, scheduled(job, cursor), now) for cursor in plan_.cursors)
            turn = _Turn(job, plan_, stale(job), [task for tasks in cursors for task in tasks])
            if plan_.moves or plan_.unfinished or turn.stale:
                yield turn

    def _open_late(self, jobs: Sequence[Job], now: datetime) -> Mapping[str, int]:
        """How many occurrences of each job are open although their instant is long past."""
        late = {job.id: misfired_until(job, now) for job in jobs}
        causes: dict[str, set[str]] = defaultdict(set)
        if late:
            wanted = {"job_id": {"$in": list(late)}, "status": {"$in": OPEN}}
            fields = {"job_id": 1, "cause": 1, "kind": 1, "count": 1, "instant": 1}
            for task in self._tasks.find(wanted, fields).hint(OPEN_OF_JOB):
                is_scheduled = task["kind"] == TaskKind.STEP.value and task["count"] > 0
                if is_scheduled and task["instant"] <= late[task["job_id"]]:
                    causes[task["job_id"]].add(task["cause"])
        return defaultdict(int, {job_id: len(found) for job_id, found in causes.items()})

    def _write(self, batch: Sequence[_Turn], now: datetime, *, again: bool) -> Sequence[Done]:
        """One transaction; nothing when a job of the batch is no longer as it was read, or, unless this is
        not the first try, when any of the tasks is there: that is rare, and seen as cheaply."""
        made = [task for turn in batch for task in turn.tasks]
        moves = [
            UpdateOne(_as_read(t.job), _advance(t.plan.cursor), hint=BY_ID) for t in batch if t.plan.moves
        ]

        def write(session: ClientSession) -> Sequence[Done]:
            if made:
                self._insert(self._missing(made, session) if again else made, session)
            if moves and self._jobs.bulk_write(moves, ordered=False, session=session).matched_count < len(
                moves
            ):
                raise _Overtaken
            return [self._skip(turn, now, session) for turn in batch]

        try:
            with pymongo.timeout(_PATIENCE_SECONDS), self._client.start_session() as session:
                return session.with_transaction(lambda own: _unless_contended(write, own))
        except (_Overtaken, BulkWriteError):
            return []

    def _missing(self, tasks: Sequence[Task], session: ClientSession) -> Sequence[Task]:
        ids = [task.id for task in tasks]
        found = self._tasks.find({"_id": {"$in": ids}}, {"_id": 1}, session=session).hint(BY_ID)
        there = {document["_id"] for document in found}
        return [task for task in tasks if task.id not in there]

    def _insert(self, tasks: Sequence[Task], session: ClientSession) -> None:
        if tasks:
            self._tasks.insert_many(map(task_document, tasks), session=session)

    def _skip(self, turn: _Turn, now: datetime, session: ClientSession) -> Done:
        skipped = self._skips.write(turn.job, turn.stale, turn.plan.skip, now, session)
        return Done(
            job=turn.job,
            made=turn.tasks,
            dropped=skipped.tasks,
            misfired=skipped.instants,
            fired=skipped.fired,
            reaches=turn.plan.cursor.at,
            moved=turn.plan.moves,
            unfinished=turn.plan.unfinished,
        )


class _Overtaken(Exception):
    """Somebody changed a job between reading and writing it, or is about to."""


def _unless_contended(
    write: Callable[[ClientSession], Sequence[Done]], session: ClientSession
) -> Sequence[Done]:
    try:
        return write(session)
    except OperationFailure as error:
        if error.code == _CONFLICT:
            raise _Overtaken from error  # left alone, the driver would try again for all its time
        raise


def _batches(turns: Iterator[_Turn], most_jobs: int) -> Iterator[Sequence[_Turn]]:
    batch: list[_Turn] = []
    size = tasks = 0
    for turn in turns:
        size, tasks = size + turn.bytes, tasks + len(turn.tasks)
        batch.append(turn)
        if size >= _MOST_BYTES or len(batch) >= most_jobs or tasks >= _MOST_TASKS:
            yield batch
            batch, size, tasks = [], 0, 0
    if batch:
        yield batch


def _is_capped(job: Job) -> bool:
    return job.misfire.policy is MisfirePolicy.ALL


def _as_read(job: Job) -> Document:
    return {"_id": job.id, "status": _ACTIVE, "version": job.version, "cursor.at": job.cursor.at}


def _advance(cursor: Cursor) -> Document:
    return {"$set": {"cursor": cursor_document(cursor)}}
