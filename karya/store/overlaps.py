"""How a slot changes hands, as MongoDB updates: what giving back and taking have in common.

All that is looked for here is of single occurrences, and found along the index of that: hint SLOTTED.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from karya.core.ports import Holder
from karya.core.task import TaskState
from karya.core.transitions import cancel, skip
from karya.store.blocking import Document
from karya.store.names import OPEN
from karya.store.updates import due_again, update_of

_OPEN: Document = {"$in": OPEN}
"""As the index has it, and so in every query: from a narrower list MongoDB does not infer that the index has
all that is looked for, and reads it from end to end."""
_UNSTARTED = {**_OPEN, "$ne": TaskState.RUNNING.value}
_RUNNING = {**_OPEN, "$eq": TaskState.RUNNING.value}
_HELD = {"held": True}

OPEN_FIELDS = {"job_id": 1, "cause": 1, "status": 1, "attempts": 1, "token": 1, "held": 1}


def open_steps(occurrences: Iterable[Holder]) -> Document:
    """The open steps of these occurrences, of one or of many jobs."""
    return {"$or": [_of(*each, _OPEN) for each in occurrences]}


def _of(job_id: str, cause: str, status: Document) -> Document:
    return {"job_id": job_id, "cause": cause, "status": status, "slotted": True}


def holds(job_id: str, cause: str) -> Document:
    """The job, while this occurrence holds its slot."""
    return {"_id": job_id, "slot": cause}


def taken(cause: str, now: datetime) -> dict[str, Any]:
    """The slot is taken by an occurrence, which thereby waits no longer."""
    return {"$set": {"slot": cause, "slot_at": now}, "$unset": {"queued": ""}}


def kept(now: datetime) -> dict[str, Any]:
    """The slot stays with its holder."""
    return {"$set": {"slot_at": now}}


def freed() -> dict[str, Any]:
    """The slot is nobody's, and nobody waits for it."""
    return {"$unset": {"slot": "", "slot_at": "", "queued": ""}}


def unstarted(job_id: str, cause: str) -> Document:
    """The tasks of an occurrence that wait."""
    return _of(job_id, cause, _UNSTARTED)


def running(job_id: str, cause: str) -> Document:
    """The tasks of an occurrence that run."""
    return _of(job_id, cause, _RUNNING)


def waiting(job_id: str, cause: str) -> Document:
    """The tasks of an occurrence that wait for the slot."""
    return {**unstarted(job_id, cause), **_HELD}


def held() -> dict[str, Any]:
    """A task waits for the slot, or its job is paused: whatever limit it waited for, it asks for it later."""
    return {"$set": _HELD, "$unset": {"parked": ""}}


def due_now(now: datetime) -> list[dict[str, Any]]:
    """A task that waited for the slot may start: it was not late before."""
    return [{"$set": {"held": False, **due_again({"$max": ["$due_at", now]})}}, {"$unset": "parked"}]


def skipped(reason: str, now: datetime) -> dict[str, Any]:
    """A waiting task is skipped."""
    update = update_of(skip(reason, now))
    return {**update, "$set": {**update["$set"], "held": False}}


def cancelled(reason: str, now: datetime) -> dict[str, Any]:
    """A waiting task is cancelled."""
    return update_of(cancel(reason, now))


def stopping(reason: str) -> dict[str, Any]:
    """A running task is asked to stop."""
    return {"$set": {"cancel_requested": True, "cancel_reason": reason}}
