"""Taking the slot of a job, or not: blocking, for the scheduler's thread."""

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

import pymongo
from pymongo.client_session import ClientSession
from pymongo.errors import OperationFailure

from karya.core.hint import Hint
from karya.core.job import JobState
from karya.core.occurrence import VERSION_TOKENS
from karya.core.policies import Overlap
from karya.core.ports import Admission
from karya.core.task import TaskState
from karya.store import overlaps
from karya.store.blocking import Document, SyncDatabase, translated
from karya.store.names import BY_ID, JOBS, OPEN_OF_JOB, TASKS
from karya.store.occurrences import is_untouched

_PATIENCE_SECONDS = 10.0
_TRIES = 5
_FIRST_PAUSE = 0.002
_CONFLICT = 112
_FIELDS = {"slot": 1, "queued": 1, "status": 1, "overlap": 1}
_STOPPED = frozenset({JobState.PAUSED.value, JobState.CANCELLED.value})
"""Nothing of such a job starts. A job that has completed has steps that may: those that were redriven."""


class _Answer(Enum):
    ADMITTED = "admitted"
    WAITING = "waiting"
    SKIPPED = "skipped"
    OUTDATED = "outdated"


class MongoAdmissions:
    """Implements `Admissions`."""

    def __init__(self, database: SyncDatabase) -> None:
        self._client = database.client
        self._jobs = database[JOBS]
        self._tasks = database[TASKS]

    def admit(self, hints: Sequence[Hint], now: datetime) -> Admission:
        """See `Admissions.admit`."""
        groups: dict[tuple[str, str], list[Hint]] = defaultdict(list)
        for hint in hints:
            groups[(hint.job_id, hint.cause or "")].append(hint)
        found: dict[_Answer, list[Hint]] = defaultdict(list)
        skipped = 0
        with translated():
            slots = self._slots({job_id for job_id, _ in groups})
            for (job_id, cause), group in groups.items():
                is_holder = slots.get(job_id) == cause and not any(map(_may_be_reopened, group))
                answer = _Answer.ADMITTED if is_holder else self._ask(job_id, cause, group, now)
                found[answer] += group
                skipped += answer is _Answer.SKIPPED
        dropped = [*found[_Answer.SKIPPED], *found[_Answer.OUTDATED]]
        return Admission(found[_Answer.ADMITTED], dropped, found[_Answer.WAITING], skipped)

    def _slots(self, job_ids: set[str]) -> Mapping[str, str]:
        wanted = {"_id": {"$in": list(job_ids)}, "status": JobState.ACTIVE.value}
        return {job["_id"]: job.get("slot", "") for job in self._jobs.find(wanted, {"slot": 1}).hint(BY_ID)}

    def _ask(self, job_id: str, cause: str, hints: Sequence[Hint], now: datetime) -> _Answer:
        def write(session: ClientSession) -> _Answer:
            job = self._jobs.find_one({"_id": job_id}, _FIELDS, session=session)
            if job is None:
                return _Answer.OUTDATED
            found = self._tasks.find(overlaps.open_steps(job_id), overlaps.OPEN_FIELDS, session=session)
            return _Contest(self, session, job, list(found.hint(OPEN_OF_JOB)), now).enter(cause, hints)

        for number in range(_TRIES):
            try:
                with pymongo.timeout(_PATIENCE_SECONDS), self._client.start_session() as session:
                    return session.with_transaction(lambda own: _unless_contended(write, own))
            except _Contended:
                time.sleep(_FIRST_PAUSE * 2**number)
        return _Answer.WAITING


class _Contended(Exception):
    """Somebody else writes the same job or its tasks."""


def _unless_contended(write: Callable[[ClientSession], _Answer], session: ClientSession) -> _Answer:
    try:
        return write(session)
    except OperationFailure as error:
        if error.code == _CONFLICT:
            raise _Contended from error  # left alone, the driver would try again for all its time
        raise


@dataclass
class _Contest:
    """One occurrence asks for the slot of its job, inside a transaction."""

    store: MongoAdmissions
    session: ClientSession
    job: Document
    open_steps: Sequence[Document]
    now: datetime

    def enter(self, cause: str, hints: Sequence[Hint]) -> _Answer:
        mine = {task["_id"]: task for task in self.open_steps if task["cause"] == cause}
        if not any(_is_true(hint, mine.get(hint.task_id)) for hint in hints):
            return _Answer.OUTDATED
        if self.job["status"] in _STOPPED:
            return _Answer.WAITING
        self._hand_over()
        if self.job.get("slot") == cause:
            return self._keep()
        if self.job.get("slot") is None:
            return self._take(cause)
        if not all(map(is_untouched, mine.values())):
            return _Answer.WAITING
        return self._contend(cause)

    def _hand_over(self) -> None:
        """A holder that has ended, and did not give the slot back yet, holds it no more."""
        slot, queued = self.job.get("slot"), self.job.get("queued")
        if queued is not None and not self._is_open(queued):
            self.job["queued"] = queued = None
        if slot is not None and self._is_open(slot):
            return
        self.job["slot"], self.job["queued"] = queued, None
        if queued is not None:
            self._move(overlaps.taken(queued, self.now))
            self._update(overlaps.waiting(self.job["_id"], queued), overlaps.due_now(self.now))

    def _contend(self, cause: str) -> _Answer:
        """The slot is taken by another."""
        holder, queued = self.job["slot"], self.job.get("queued")
        match Overlap(self.job["overlap"]):
            case Overlap.QUEUE if queued in (None, cause):
                return self._queue(cause)
            case Overlap.QUEUE:
                return self._skip(cause, f"overlap: the occurrence {_named(queued)} waits already")
            case Overlap.CANCEL_RUNNING:
                return self._replace(holder, queued, cause)
            case Overlap.ALLOW:  # the job was changed after this occurrence was made
                return _Answer.ADMITTED
            case Overlap.SKIP:
                return self._skip(cause, f"overlap: the occurrence {_named(holder)} still runs")

    def _replace(self, holder: str, queued: str | None, cause: str) -> _Answer:
        reason = f"overlap: replaced by the occurrence {_named(cause)}"
        if queued not in (None, cause):
            self._update(overlaps.unstarted(self.job["_id"], queued), overlaps.skipped(reason, self.now))
        self._update(overlaps.unstarted(self.job["_id"], holder), overlaps.cancelled(reason, self.now))
        if not self._update(overlaps.running(self.job["_id"], holder), overlaps.stopping(reason)):
            return self._take(cause)
        return self._queue(cause)

    def _keep(self) -> _Answer:
        """Holds what it holds; the write stops a release that is under way."""
        self._move(overlaps.kept(self.now))
        return _Answer.ADMITTED

    def _take(self, cause: str) -> _Answer:
        self._move(overlaps.taken(cause, self.now))
        return _Answer.ADMITTED

    def _queue(self, cause: str) -> _Answer:
        self._move({"$set": {"queued": cause}})
        self._update(overlaps.unstarted(self.job["_id"], cause), overlaps.held())
        return _Answer.WAITING

    def _skip(self, cause: str, reason: str) -> _Answer:
        self._update(overlaps.unstarted(self.job["_id"], cause), overlaps.skipped(reason, self.now))
        return _Answer.SKIPPED

    def _is_open(self, cause: str) -> bool:
        return any(task["cause"] == cause for task in self.open_steps)

    def _move(self, update: Document) -> None:
        self.store._jobs.update_one({"_id": self.job["_id"]}, update, session=self.session)

    def _update(self, wanted: Document, update: Document | list[Document]) -> int:
        return self.store._tasks.update_many(wanted, update, session=self.session).matched_count


def _may_be_reopened(hint: Hint) -> bool:
    """Handed back, or redriven: then the end of the occurrence may be about to free its slot, and only a
    write of the slot stops that."""
    return hint.token % VERSION_TOKENS > 0 and hint.attempts == 0


def _is_true(hint: Hint, task: Document | None) -> bool:
    """Whether the hint tells how the task is now."""
    return (
        task is not None
        and task["status"] == TaskState.READY.value
        and not task["held"]
        and (task["token"] == hint.token)
    )


def _named(cause: str | None) -> str:
    kind, _, rest = (cause or "").partition(":")
    return f"of {rest}" if kind == "at" else f"triggered as {rest}"
