"""What is told of jobs and tasks while it happens: the kinds of events, and from which change each follows.

Only what is stored is told, so every kind is a change of a stored document, and none of them is a guess. That
an attempt has started, for one, is not stored: the claim is.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from karya.core.errors import InvalidInput
from karya.core.ports.lifecycle import ChangeKind
from karya.core.transitions import Move


class EventKind(StrEnum):
    """The `type` of an event. Where a hook can be fired by the same, the type is the same."""

    JOB_SUBMITTED = "karya.job.submitted"
    JOB_UPDATED = "karya.job.updated"
    JOB_PAUSED = "karya.job.paused"
    JOB_RESUMED = "karya.job.resumed"
    JOB_TRIGGERED = "karya.job.triggered"
    JOB_SKIPPED_NEXT = "karya.job.skipped_next"
    JOB_INSTANTS_SKIPPED = "karya.job.instants_skipped"
    JOB_CANCELLED = "karya.job.cancelled"
    JOB_COMPLETED = "karya.job.completed"
    TASK_SCHEDULED = "karya.task.scheduled"
    TASK_UNBLOCKED = "karya.task.unblocked"
    TASK_CLAIMED = "karya.task.claimed"
    TASK_SUCCEEDED = "karya.task.succeeded"
    TASK_RETRYING = "karya.task.retrying"
    TASK_RELEASED = "karya.task.released"
    TASK_DEAD_LETTERED = "karya.task.dead_lettered"
    TASK_REDRIVEN = "karya.task.redriven"
    TASK_DISCARDED = "karya.task.discarded"
    TASK_CANCELLED = "karya.task.cancelled"
    TASK_SKIPPED = "karya.task.skipped"
    TASK_REOPENED = "karya.task.reopened"
    SCHEDULER_ELECTED = "karya.scheduler.elected"
    SCHEDULER_RESIGNED = "karya.scheduler.resigned"


ALL_KINDS = frozenset(EventKind)

MOVED: Mapping[Move, EventKind] = {
    Move.UNBLOCK: EventKind.TASK_UNBLOCKED,
    Move.CLAIM: EventKind.TASK_CLAIMED,
    Move.SUCCEED: EventKind.TASK_SUCCEEDED,
    Move.RETRY: EventKind.TASK_RETRYING,
    Move.RELEASE: EventKind.TASK_RELEASED,
    Move.BURY: EventKind.TASK_DEAD_LETTERED,
    Move.REDRIVE: EventKind.TASK_REDRIVEN,
    Move.DISCARD: EventKind.TASK_DISCARDED,
    Move.CANCEL: EventKind.TASK_CANCELLED,
    Move.SKIP: EventKind.TASK_SKIPPED,
    Move.REOPEN: EventKind.TASK_REOPENED,
}
"""What is told of each move of a task."""

CHANGED: Mapping[ChangeKind, EventKind] = {
    ChangeKind.UPDATED: EventKind.JOB_UPDATED,
    ChangeKind.PAUSED: EventKind.JOB_PAUSED,
    ChangeKind.RESUMED: EventKind.JOB_RESUMED,
    ChangeKind.TRIGGERED: EventKind.JOB_TRIGGERED,
    ChangeKind.SKIPPED_NEXT: EventKind.JOB_SKIPPED_NEXT,
    ChangeKind.CANCELLED: EventKind.JOB_CANCELLED,
}
"""What is told of each entry in the history of a job."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `position` names the place behind it in the order of all events: positions sort as texts do.
    `user_id` owns the job that it is about; what is about no job is for admins."""

    position: str
    kind: EventKind
    user_id: str | None
    job_id: str | None
    at: datetime
    """When the store noted it, by its own clock."""
    text: bytes
    """The CloudEvent as JSON, on one line."""


def kinds_of(words: Iterable[str]) -> frozenset[EventKind]:
    """The kinds that these words name, each of them a kind or a family such as `karya.task`; all for none.

    Raises InvalidInput, with what is allowed, for a word that names none.
    """
    given = tuple(words)
    found = frozenset[EventKind]().union(*map(_named, given))
    return found if given else ALL_KINDS


def _named(word: str) -> frozenset[EventKind]:
    named = frozenset(kind for kind in EventKind if kind == word or _family(kind) == word)
    if not named:
        raise InvalidInput.at("kind", f"{word!r} is no kind of event: give {_allowed(word)}")
    return named


def _allowed(word: str) -> str:
    families = {family: [k for k in EventKind if _family(k) == family] for family in map(_family, EventKind)}
    meant = next((family for family in families if word.startswith(f"{family}.")), None)
    if meant is None:
        return f"{', '.join(families)}, or one of their kinds, such as {EventKind.TASK_SUCCEEDED}"
    return (
        f"{meant}, or with one of these behind it: {', '.join(k.rpartition('.')[2] for k in families[meant])}"
    )


def _family(kind: str) -> str:
    return kind.rpartition(".")[0]
