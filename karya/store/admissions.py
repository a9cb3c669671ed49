"""Taking the slot of a job, or not: blocking, for the scheduler's thread."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import NamedTuple

import pymongo
from pymongo import UpdateOne
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.errors import OperationFailure

from karya.core.hint import Hint
from karya.core.job import JobState
from karya.core.occurrence import VERSION_TOKENS
from karya.core.policies import Overlap
from karya.core.ports import Admission
from karya.core.task import TaskState
from karya.store import overlaps
from karya.store.blocking import Document, SyncDatabase, translated
from karya.store.names import BY_ID, JOBS, SLOTTED, TASKS
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


class _Occurrence(NamedTuple):
    """Of a job, and what caused it."""

    job_id: str
    cause: str


_Asking = Mapping[_Occurrence, Sequence[Hint]]
_Answers = Mapping[_Occurrence, _Answer]


class MongoAdmissions:
    """Implements `Admissions`."""

    def __init__(self, database: SyncDatabase) -> None:
        self._client = database.client
        self._jobs = database[JOBS]
        self._tasks = database[TASKS]

    def admit(self, hints: Sequence[Hint], now: datetime) -> Admission:
        """See `Admissions.admit`."""
        groups: dict[_Occurrence, list[Hint]] = defaultdict(list)
        for hint in hints:
            groups[_Occurrence(hint.job_id, hint.cause or "")].append(hint)
        with translated():
            slots = self._slots({job_id for job_id, _ in groups})
            answers = {
                each: _Answer.ADMITTED
                for each, group in groups.items()
                if slots.get(each.job_id) == each.cause and not any(map(_may_be_reopened, group))
            }
            for lot in _one_of_each_job([each for each in groups if each not in answers]):
                answers |= self._ask({each: groups[each] for each in lot}, now)
        found: dict[_Answer, list[Hint]] = defaultdict(list)
        for each, group in groups.items():
            found[answers[each]] += group
        dropped = [*found[_Answer.SKIPPED], *found[_Answer.OUTDATED]]
        skipped = sum(answer is _Answer.SKIPPED for answer in answers.values())
        return Admission(found[_Answer.ADMITTED], dropped, found[_Answer.WAITING], skipped)

    def _slots(self, job_ids: set[str]) -> Mapping[str, str]:
        wanted = {"_id": {"$in": list(job_ids)}, "status": JobState.ACTIVE.value}
        return {job["_id"]: job.get("slot", "") for job in self._jobs.find(wanted, {"slot": 1}).hint(BY_ID)}

    def _ask(self, lot: _Asking, now: datetime) -> _Answers:
        """All in one transaction; those of jobs that nobody else writes do not wait for the others."""
        try:
            return self._in_one(lot, now)
        except _Contended:
            if len(lot) == 1:
                return self._ask_again(lot, now)
        half, lots = len(lot) // 2, list(lot.items())
        return {**self._ask(dict(lots[:half]), now), **self._ask(dict(lots[half:]), now)}

    def _ask_again(self, lot: _Asking, now: datetime) -> _Answers:
        for number in range(_TRIES - 1):
            time.sleep(_FIRST_PAUSE * 2**number)
            with suppress(_Contended):
                return self._in_one(lot, now)
        return dict.fromkeys(lot, _Answer.WAITING)

    def _in_one(self, lot: _Asking, now: datetime) -> _Answers:
        def write(session: ClientSession) -> _Answers:
            ids = {"$in": [each.job_id for each in lot]}
            jobs = {job["_id"]: job for job in self._jobs.find({"_id": ids}, _FIELDS, session=session)}
            steps = self._open_steps([each for each in lot if each.job_id in jobs], jobs, session)
            moves: list[UpdateOne] = []
            answers = dict.fromkeys(lot, _Answer.OUTDATED)
            for each, hints in lot.items():
                if each.job_id in jobs:
                    job = jobs[each.job_id]
                    contest = _Contest(self._tasks, session, job, steps[each.job_id], now, moves)
                    answers[each] = contest.enter(each.cause, hints)
            if moves:
                self._jobs.bulk_write(moves, session=session)
            return answers

        with pymongo.timeout(_PATIENCE_SECONDS), self._client.start_session() as session:
            return session.with_transaction(lambda own: _unless_contended(write, own))

    def _open_steps(
        self, lot: Iterable[_Occurrence], jobs: Mapping[str, Document], session: ClientSession
    ) -> Mapping[str, Sequence[Document]]:
        """By job: of those that ask, and of those that have the slot or wait for it, but of none of the
        others, of which a job may have any number."""
        steps: dict[str, list[Document]] = defaultdict(list)
        if wanted := {concerned for each in lot for concerned in _concerned(each, jobs[each.job_id])}:
            found = self._tasks.find(overlaps.open_steps(wanted), overlaps.OPEN_FIELDS, session=session)
            for task in found.hint(SLOTTED):
                steps[task["job_id"]].append(task)
        return steps


def _concerned(asking: _Occurrence, job: Document) -> Iterable[_Occurrence]:
    causes = {asking.cause, job.get("slot"), job.get("queued")}
    return [asking._replace(cause=cause) for cause in causes if cause is not None]


def _one_of_each_job(occurrences: Iterable[_Occurrence]) -> Iterable[Sequence[_Occurrence]]:
    """Lots, in their order: what becomes of one occurrence of a job depends on the one before."""
    lots: list[list[_Occurrence]] = []
    seen: Counter[str] = Counter()
    for each in occurrences:
        if seen[each.job_id] == len(lots):
            lots.append([])
        lots[seen[each.job_id]].append(each)
        seen[each.job_id] += 1
    return lots


class _Contended(Exception):
    """Somebody else writes the same job or its tasks."""


def _unless_contended(write: Callable[[ClientSession], _Answers], session: ClientSession) -> _Answers:
    try:
        return write(session)
    except OperationFailure as error:
        if error.code == _CONFLICT:
            raise _Contended from error  # left alone, the driver would try again for all its time
        raise


@dataclass
class _Contest:
    """One occurrence asks for the slot of its job, inside a transaction."""

    tasks: Collection[Document]
    session: ClientSession
    job: Document
    open_steps: Sequence[Document]
    """Of this occurrence, the holder of the slot and the one that waits for it."""
    now: datetime
    moves: list[UpdateOne]
    """The updates of jobs, to be written in the end."""

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
        self.moves.append(UpdateOne({"_id": self.job["_id"]}, update))

    def _update(self, wanted: Document, update: Document | list[Document]) -> int:
        return self.tasks.update_many(wanted, update, hint=SLOTTED, session=self.session).matched_count


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
