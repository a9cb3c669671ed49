"""What a change says: which kind of event it is, about which document, with which data."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog

from karya.core.events import CHANGED, MOVED, EventKind
from karya.core.ports.lifecycle import ChangeKind
from karya.core.task import TaskState
from karya.core.transitions import DISCARDED, Move
from karya.store.client import Document, first_line
from karya.store.names import JOB_CHANGES, JOBS, LOCKS, SKIPS, TASKS

log = structlog.get_logger("karya.store")

_MOVE_TO: Mapping[str, Move] = {
    TaskState.RUNNING.value: Move.CLAIM,
    TaskState.SUCCEEDED.value: Move.SUCCEED,
    TaskState.DEAD.value: Move.BURY,
    TaskState.SKIPPED.value: Move.SKIP,
    TaskState.BLOCKED.value: Move.REOPEN,
}
"""The moves that their target tells."""

_READY = TaskState.READY.value
_CANCELLED = TaskState.CANCELLED.value
_DUE = {Move.RETRY: "next_attempt_at", Move.UNBLOCK: "due_at", Move.REDRIVE: "due_at"}


@dataclass(frozen=True, slots=True)
class Seen:
    """A change that is an event; whose it is may have to be looked up by the id of its task or its job."""

    position: str
    kind: EventKind
    at: datetime
    """In UTC."""
    data: Mapping[str, Any]
    task_id: str | None = None
    job_id: str | None = None
    document: Document | None = None
    """What was inserted: a task or a job, with its owner."""


def readable_changes(changes: Iterable[Document]) -> Iterator[Seen]:
    """The events that these changes are. A change that says what nobody here understands (made by a later
    version, or by hand) is told of in the log and left out: whoever resumes before it would meet it again and
    again."""
    for change in changes:
        try:
            seen = read(change)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            document, collection = change["documentKey"]["_id"], change["ns"]["coll"]
            log.error("unreadable_change", document=document, collection=collection, error=first_line(error))
            continue
        if seen is not None:
            yield seen


def read(change: Document) -> Seen | None:
    """The event that a change is; None for one that is none."""
    collection, operation = change["ns"]["coll"], change["operationType"]
    position = change["_id"]["_data"]
    stored = change["wallTime"] if "wallTime" in change else change["clusterTime"].as_datetime()
    at = stored.replace(tzinfo=UTC)
    ident, document = change["documentKey"]["_id"], change.get("fullDocument", {})
    match collection, operation:
        case (_, "insert") if collection == TASKS:
            data = {"status": document["status"], "due_at": instant_text(document["due_at"])}
            return Seen(position, EventKind.TASK_SCHEDULED, at, data, task_id=ident, document=document)
        case (_, "update") if collection == TASKS:
            move = move_of(change["updateDescription"])
            return Seen(position, MOVED[move], at, _moved(move, change), task_id=ident)
        case (_, "insert") if collection == JOBS:
            data = _some(document, "version", "parent_id")
            return Seen(position, EventKind.JOB_SUBMITTED, at, data, job_id=ident, document=document)
        case (_, "update") if collection == JOBS:
            data = _times(change["updateDescription"]["updatedFields"])
            return Seen(position, EventKind.JOB_COMPLETED, at, data, job_id=ident)
        case (_, "insert") if collection == JOB_CHANGES:
            kind = CHANGED[ChangeKind(document["kind"])]
            return Seen(position, kind, at, _some(document, "version"), job_id=document["job_id"])
        case (_, "insert") if collection == SKIPS:
            ends = {name: instant_text(document[name]) for name in ("first", "last")}
            data = {**ends, **_some(document, "count", "reason")}
            return Seen(position, EventKind.JOB_INSTANTS_SKIPPED, at, data, job_id=document["job_id"])
        case _ if collection == LOCKS:
            return _leadership(position, at, document or change["updateDescription"]["updatedFields"])
        case _:
            return None


def move_of(description: Document) -> Move:
    """The move of a task that an update of its status is. Each way to READY writes what no other does: a
    redrive takes away when the task had ended, an unblock empties what it waits for, a release counts an
    attempt back. What is left is the retry."""
    updated = description["updatedFields"]
    state = updated["status"]
    if state == _CANCELLED:
        return Move.DISCARD if updated.get("reason") == DISCARDED else Move.CANCEL
    if state != _READY:
        return _MOVE_TO[state]
    if "finished_at" in description.get("removedFields", ()):
        return Move.REDRIVE
    if "waiting_on" in updated:
        return Move.UNBLOCK
    return Move.RELEASE if "attempts" in updated else Move.RETRY


def _moved(move: Move, change: Document) -> Mapping[str, Any]:
    updated = change["updateDescription"]["updatedFields"]
    data: dict[str, Any] = {}
    if move is Move.CLAIM:
        data["attempt"] = updated["attempts"]
        if change.get("worker"):
            data["worker"] = change["worker"]
    if move in _DUE and "due_at" in updated:
        data[_DUE[move]] = instant_text(updated["due_at"])
    return {**data, **_times(updated), **_some(updated, "reason")}


def _times(updated: Document) -> dict[str, str]:
    named = ("started_at", "finished_at")
    return {name: instant_text(updated[name]) for name in named if name in updated}


def _leadership(position: str, at: datetime, lock: Document) -> Seen:
    if not lock["owner"]:
        return Seen(position, EventKind.SCHEDULER_RESIGNED, at, {})
    return Seen(position, EventKind.SCHEDULER_ELECTED, at, _some(lock, "owner", "token"))


def _some(document: Document, *names: str) -> dict[str, Any]:
    return {name: document[name] for name in names if name in document}


def instant_text(instant: datetime) -> str:
    """RFC 3339 of a date in UTC; the driver gives naive ones here."""
    return f"{instant.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"
