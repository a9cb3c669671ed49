"""What a change stream is asked for: the changes that are events of the wanted kinds, a few fields of each.

MongoDB looks at everything that is written, so what nobody waits for is left out there, not here; so are
actions, results, errors and whatever else a user wrote: no event carries them.
"""

from collections.abc import Collection, Mapping

from karya.core.events import CHANGED, MOVED, EventKind
from karya.core.job import JobState
from karya.core.ports.scheduling import SCHEDULER_LOCK
from karya.core.transitions import LEGAL
from karya.store.client import Document
from karya.store.names import JOB_CHANGES, JOBS, LOCKS, SKIPS, TASKS

_UPDATED = "updateDescription.updatedFields"
_INSERTED: Mapping[EventKind, str] = {
    EventKind.JOB_SUBMITTED: JOBS,
    EventKind.TASK_SCHEDULED: TASKS,
    EventKind.JOB_INSTANTS_SKIPPED: SKIPS,
}
_TASK_TARGETS = {kind: LEGAL[move][1].value for move, kind in MOVED.items()}
_HISTORY = {kind: change.value for change, kind in CHANGED.items()}
_LEADERSHIP = frozenset({EventKind.SCHEDULER_ELECTED, EventKind.SCHEDULER_RESIGNED})

_UPDATED_FIELDS = ("status", "attempts", "due_at", "waiting_on", "reason", "started_at", "finished_at")
_INSERTED_FIELDS = (
    *("job_id", "user_id", "step", "cause", "instant", "kind", "status", "due_at"),
    *("parent_id", "version", "first", "last", "count", "reason", "owner", "token"),
)
_FIELDS: Document = {
    "operationType": 1,
    "clusterTime": 1,
    "wallTime": 1,
    "ns.coll": 1,
    "documentKey._id": 1,
    "updateDescription.removedFields": 1,
    **{f"{_UPDATED}.{name}": 1 for name in (*_UPDATED_FIELDS, "owner", "token")},
    **{f"fullDocument.{name}": 1 for name in _INSERTED_FIELDS},
    # A lease that is replaced by another shows as changed fields whose names have a dot in them.
    "worker": {
        "$ifNull": [
            f"${_UPDATED}.lease.owner",
            {"$getField": {"field": "lease.owner", "input": f"${_UPDATED}"}},
        ]
    },
}


def stages(kinds: Collection[EventKind]) -> list[Document]:
    """The stages behind `$changeStream`."""
    return [{"$match": {"$or": _matches(frozenset(kinds))}}, {"$project": _FIELDS}]


def _matches(kinds: frozenset[EventKind]) -> list[Document]:
    matches = [_insert(coll) for kind, coll in _INSERTED.items() if kind in kinds]
    if states := {state for kind, state in _TASK_TARGETS.items() if kind in kinds}:
        matches.append(_update(TASKS, "status", {"$in": sorted(states)}))
    if EventKind.JOB_COMPLETED in kinds:
        matches.append(_update(JOBS, "status", JobState.COMPLETED.value))
    if changes := [change for kind, change in _HISTORY.items() if kind in kinds]:
        matches.append({**_insert(JOB_CHANGES), "fullDocument.kind": {"$in": changes}})
    if kinds & _LEADERSHIP:
        # MongoDB logs a change of most of a small document as a replacement.
        lock = {"documentKey._id": SCHEDULER_LOCK}
        matches.append({**_update(LOCKS, "owner", {"$exists": True}), **lock})
        matches.append({"ns.coll": LOCKS, "operationType": "replace", **lock})
    return matches


def _insert(collection: str) -> Document:
    return {"ns.coll": collection, "operationType": "insert"}


def _update(collection: str, field: str, value: object) -> Document:
    return {"ns.coll": collection, "operationType": "update", f"{_UPDATED}.{field}": value}
