"""The task state machine: every legal move listed once, one constructor each, and the decision between them.

A `Transition` is a value. The store applies it as one guarded write: only from the listed states,
and, out of RUNNING, only by the holder of the lease.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from karya.core.errorlog import shorten
from karya.core.outcome import JOB_CANCELLED, Failure, Outcome, Stopped, Success
from karya.core.retry import RetryPolicy, retry_wait
from karya.core.task import TaskState
from karya.core.times import ceil_millis

S = TaskState

DISCARDED = "the dead letter was discarded"
SKIPPED_ON_REQUEST = "skipped on request"
"""Reasons by which the ledger is audited."""


class Move(StrEnum):
    """The ways from one task state to another."""

    UNBLOCK = "unblock"
    CLAIM = "claim"
    SUCCEED = "succeed"
    RETRY = "retry"
    BURY = "bury"
    RELEASE = "release"
    CANCEL = "cancel"
    SKIP = "skip"
    REDRIVE = "redrive"
    REOPEN = "reopen"
    DISCARD = "discard"


LEGAL: Mapping[Move, tuple[frozenset[TaskState], TaskState]] = {
    Move.UNBLOCK: (frozenset({S.BLOCKED}), S.READY),
    Move.CLAIM: (frozenset({S.READY}), S.RUNNING),
    Move.SUCCEED: (frozenset({S.RUNNING}), S.SUCCEEDED),
    Move.RETRY: (frozenset({S.RUNNING}), S.READY),
    Move.BURY: (frozenset({S.RUNNING}), S.DEAD),
    Move.RELEASE: (frozenset({S.RUNNING}), S.READY),
    Move.CANCEL: (frozenset({S.BLOCKED, S.READY, S.RUNNING}), S.CANCELLED),
    Move.SKIP: (frozenset({S.BLOCKED, S.READY}), S.SKIPPED),
    Move.REDRIVE: (frozenset({S.DEAD}), S.READY),
    Move.REOPEN: (frozenset({S.SKIPPED, S.BLOCKED}), S.BLOCKED),
    Move.DISCARD: (frozenset({S.DEAD}), S.CANCELLED),
}
"""From which states each move may start, and where it leads."""


@dataclass(frozen=True, slots=True)
class Transition:
    """One move of one task, with the fields that change; None clears a field. `code` says which failure it
    answers to: hooks are told of it, the task does not keep it. `failed_at` says when: the error log tells
    it, and the backoff counts from it, however late the move is stored. Of the fields in `earliest` the task
    keeps the earliest value that it was ever given."""

    move: Move
    changes: Mapping[str, Any] = field(default_factory=dict)
    code: str | None = None
    failed_at: datetime | None = None
    earliest: Mapping[str, datetime] = field(default_factory=dict)

    @property
    def sources(self) -> frozenset[TaskState]:
        """The states from which it is legal."""
        return LEGAL[self.move][0]

    @property
    def target(self) -> TaskState:
        """The state it leads to."""
        return LEGAL[self.move][1]


def unblock(due_at: datetime) -> Transition:
    """BLOCKED to READY: the last step that it waited for has ended as it should."""
    return Transition(Move.UNBLOCK, {"due_at": due_at})


def claim(lease_id: str, owner: str) -> Transition:
    """READY to RUNNING. The store adds what only the database's clock and the stored counters can say."""
    return Transition(Move.CLAIM, {"lease": {"id": lease_id, "owner": owner}})


def succeed(result: str | None, started_at: datetime, now: datetime) -> Transition:
    """RUNNING to SUCCEEDED."""
    return Transition(
        Move.SUCCEED,
        {"result": result, "started_at": started_at, "finished_at": now, "error": None, "reason": None},
    )


def retry(
    due_at: datetime,
    error: str,
    started_at: datetime | None,
    now: datetime,
    result: str | None = None,
    code: str | None = None,
) -> Transition:
    """RUNNING to READY again, not before `due_at` (I6). Why it was handed back before is no longer so."""
    story = {"error": error, "reason": None, "result": result}
    return Transition(Move.RETRY, {"due_at": due_at, **story, "started_at": started_at}, code, failed_at=now)


def bury(
    error: str,
    reason: str,
    started_at: datetime | None,
    now: datetime,
    result: str | None = None,
    code: str | None = None,
) -> Transition:
    """RUNNING to DEAD: a dead letter, kept with its reason until somebody redrives or discards it."""
    story = {"error": error, "reason": reason, "result": result}
    ended = {"started_at": started_at, "finished_at": now}
    return Transition(Move.BURY, {**story, **ended}, code, failed_at=now)


def release(reason: str) -> Transition:
    """RUNNING back to READY without having started: the attempt is not counted."""
    return Transition(Move.RELEASE, {"reason": reason})


def skip(reason: str, now: datetime) -> Transition:
    """BLOCKED or READY to SKIPPED: it will never run, for a reason that is kept."""
    return Transition(Move.SKIP, {"finished_at": now, "reason": reason})


def redrive(now: datetime) -> Transition:
    """DEAD to READY, with a new set of attempts: somebody mended what had failed."""
    changes = {"due_at": now, "attempts": 0, "finished_at": None, "reason": None}
    return Transition(Move.REDRIVE, changes)


def reopen(waiting_on: Iterable[str], outcomes: Mapping[str, TaskState]) -> Transition:
    """SKIPPED to BLOCKED: a step before it, for whose failure it was skipped, has been redriven; one that is
    still BLOCKED forgets how that step had ended."""
    gate = {"waiting_on": sorted(waiting_on), "outcomes": {name: s.value for name, s in outcomes.items()}}
    return Transition(Move.REOPEN, {**gate, "finished_at": None, "reason": None})


def discard(now: datetime) -> Transition:
    """DEAD to CANCELLED: somebody gave the dead letter up."""
    return Transition(Move.DISCARD, {"finished_at": now, "reason": DISCARDED})


def cancel(reason: str, now: datetime) -> Transition:
    """Any open state to CANCELLED."""
    return Transition(Move.CANCEL, {"finished_at": now, "reason": reason})


def stop(reason: str, started_at: datetime | None, now: datetime) -> Transition:
    """RUNNING to CANCELLED by its own worker, which knows whether it had started."""
    changes = {"finished_at": now, "reason": reason, "started_at": started_at}
    return Transition(Move.CANCEL, changes)


def heeding_cancel(
    transition: Transition, *, cancelled: bool, now: datetime, reason: str | None = None
) -> Transition:
    """The transition to make of a running task for which a cancel was requested, or not, meanwhile: it
    must not become claimable again, nor a dead letter; what it achieved stands. `reason` is that of the
    cancel, where it was not that of the whole job."""
    if cancelled and transition.move in (Move.RETRY, Move.RELEASE, Move.BURY):
        return cancel(reason or JOB_CANCELLED, now)
    if cancelled and transition.move is Move.CANCEL and reason:
        return Transition(Move.CANCEL, {**transition.changes, "reason": reason})
    return transition


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at a task, as far as the decision about its outcome needs to know it; `claimed_at` tells
    when it began where nobody can say when it started."""

    task_id: str
    number: int
    policy: RetryPolicy
    started_at: datetime | None
    due_at: datetime | None = None
    claimed_at: datetime | None = None

    @property
    def firsts(self) -> Mapping[str, datetime]:
        """What a task keeps of the first of its attempts. It is stored with a failure alone: a task that
        succeeds at once says it already."""
        found = {"first_started_at": self.started_at or self.claimed_at, "first_due_at": self.due_at}
        return {name: at for name, at in found.items() if at is not None}


def decide(attempt: Attempt, outcome: Outcome, result: str | None, now: datetime) -> Transition:
    """What becomes of a running task after this outcome: a pure function, the same for worker and reaper."""
    match outcome:
        case Success():
            return succeed(result, attempt.started_at or now, now)
        case Stopped(reason):
            return stop(reason, attempt.started_at, now)
        case Failure():
            wait = retry_wait(attempt.policy, outcome, attempt.number, attempt.task_id)
            error, code, began = shorten(outcome.error), outcome.code, attempt.started_at
            if wait is not None:
                failed = retry(ceil_millis(now + wait), error, began, now, result, code)
            else:
                failed = bury(error, _last_word(outcome, attempt), began, now, result, code)
            return replace(failed, earliest=attempt.firsts)


def _last_word(failure: Failure, attempt: Attempt) -> str:
    if failure.permanent:
        return "permanent failure: never retried"
    if not attempt.policy.covers(failure):
        return f"the retry policy does not retry {failure.code!r}"
    return f"attempt {attempt.number} of {attempt.policy.max_attempts} failed"
