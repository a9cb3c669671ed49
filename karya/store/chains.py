"""Making the occurrences that follow: the tasks and the cursor of their job in one transaction.

A crash thus leaves either both or none, and a job that is cancelled at the same moment gets either no
task, or one that the cancel, which writes the job first and then its tasks, still finds.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import islice

import pymongo
from pymongo import UpdateOne
from pymongo.client_session import ClientSession
from pymongo.errors import BulkWriteError, OperationFailure

from karya.core.job import Cursor, Job, JobState
from karya.core.task import Task, occurrence_task
from karya.store.client import Document, SyncDatabase
from karya.store.documents import cursor_document, job_entity, readable, task_document
from karya.store.names import BY_ID, JOBS, TASKS

MOST_AT_ONCE = 100
"""How many occurrences of one job are made in one go when it has fallen behind."""

_MOST_BYTES = 8 * 1024 * 1024
"""How much action text goes into one transaction: they share the cache with everything else."""

_TRIES = 5
_FIRST_PAUSE = 0.002
"""Seconds between two tries; each further one is twice as long."""
_SPLIT = 4
"""By what a batch shrinks from try to try, so that one job that cannot be written holds up no other."""
_CONFLICT = 112
_PATIENCE_SECONDS = 10.0
_ACTIVE = JobState.ACTIVE.value


class Chains:
    """The successors of recurring jobs."""

    def __init__(self, database: SyncDatabase) -> None:
        self._client = database.client
        self._jobs = database[JOBS]
        self._tasks = database[TASKS]

    def extend(
        self, job_ids: Sequence[str], wanted: Callable[[Job], bool], until: datetime, now: datetime
    ) -> tuple[Sequence[Task], Sequence[str]]:
        """Makes what follows the cursors of those jobs that are ACTIVE and `wanted`, up to the first instant
        beyond `until`. What others did to a job meanwhile is looked at again; returns the tasks made, and
        the jobs that somebody else holds: a transaction whose client was killed does so for long."""
        made: list[Task] = []
        left = list(job_ids)
        for number in range(_TRIES):
            jobs = [job for job in self._read(left) if wanted(job)]
            left = []
            for batch in _batches(jobs, until, max(1, MOST_AT_ONCE // _SPLIT**number)):
                done = self._write(batch, now)
                made += done
                left += [] if done else [job.id for job, _ in batch]
            if not left:
                break
            time.sleep(_FIRST_PAUSE * 2**number)
        return made, left

    def _read(self, job_ids: Sequence[str]) -> list[Job]:
        wanted = {"_id": {"$in": list(job_ids)}, "status": _ACTIVE}
        return readable(self._jobs.find(wanted).hint(BY_ID), job_entity)

    def _write(self, batch: "_Batch", now: datetime) -> Sequence[Task]:
        """One transaction; nothing when a job of the batch is no longer as it was read."""
        made = [occurrence_task(job, cursor, now) for job, cursors in batch for cursor in cursors]
        moves = [UpdateOne(_as_read(job), _advance(cursors[-1]), hint=BY_ID) for job, cursors in batch]

        def write(session: ClientSession) -> None:
            try:
                insert_and_move(session)
            except OperationFailure as error:
                if error.code == _CONFLICT:
                    raise _Overtaken from error  # left alone, the driver would try again for all its time
                raise

        def insert_and_move(session: ClientSession) -> None:
            ids = [task.id for task in made]
            there = {d["_id"] for d in self._tasks.find({"_id": {"$in": ids}}, {"_id": 1}, session=session)}
            missing = [task_document(task) for task in made if task.id not in there]
            if missing:
                self._tasks.insert_many(missing, session=session)
            moved = self._jobs.bulk_write(moves, ordered=False, session=session)
            if moved.matched_count < len(moves):
                raise _Overtaken

        try:
            with pymongo.timeout(_PATIENCE_SECONDS), self._client.start_session() as session:
                session.with_transaction(write)
        except (_Overtaken, BulkWriteError):
            return []
        return made


class _Overtaken(Exception):
    """Somebody changed a job between reading and writing it, or is about to."""


_Batch = Sequence[tuple[Job, Sequence[Cursor]]]


def _batches(jobs: Sequence[Job], until: datetime, most_jobs: int) -> Iterator[_Batch]:
    batch: list[tuple[Job, Sequence[Cursor]]] = []
    size = 0
    for job in jobs:
        most = max(1, min(MOST_AT_ONCE, _MOST_BYTES // len(job.action)))
        cursors = list(islice(_following(job, until), most))
        if not cursors:
            continue
        size += len(job.action) * len(cursors)
        batch.append((job, cursors))
        if size >= _MOST_BYTES or len(batch) >= most_jobs:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _following(job: Job, until: datetime) -> Iterator[Cursor]:
    """The cursors behind the job's own, up to and including the first beyond `until`."""
    cursor: Cursor | None = job.cursor
    while cursor is not None:
        cursor = job.next_cursor(cursor.at, cursor.count)
        if cursor is not None:
            yield cursor
            if cursor.at > until:
                return


def _as_read(job: Job) -> Document:
    return {"_id": job.id, "status": _ACTIVE, "version": job.version, "cursor.at": job.cursor.at}


def _advance(cursor: Cursor) -> Document:
    return {"$set": {"cursor": cursor_document(cursor)}}
