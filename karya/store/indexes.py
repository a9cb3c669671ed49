"""The indexes: one for everything that is listed or swept, made at start-up under a lock."""

import time
from collections.abc import Mapping
from datetime import timedelta

from pymongo import ASCENDING as UP
from pymongo import DESCENDING as DOWN
from pymongo import IndexModel

from karya.core.errors import StoreUnavailable
from karya.core.ports import LockLease, Locks
from karya.store.blocking import SyncDatabase, translated
from karya.store.names import (
    ERROR_LOGS,
    ERRORS_OF_TASK,
    JOB_CHANGES,
    JOBS,
    LIMITS,
    LIVE,
    LOCKS,
    NAMED,
    OPEN,
    OPEN_OF_JOB,
    PARKED,
    PLACES,
    REQUESTS,
    SKIPS,
    SLOTTED,
    STEERED,
    TASKS,
    TOKENS,
    USERS,
)

_OWNED = {"user_id": {"$exists": True}}
_NAMED = {"name": {"$exists": True}}
_NAMED_AND_LIVE = {**_NAMED, "status": {"$in": LIVE}}
_DEAD = {"status": "DEAD"}
_REQUESTS_KEPT = timedelta(hours=24)

INDEXES: Mapping[str, tuple[IndexModel, ...]] = {
    JOBS: (
        IndexModel([("user_id", UP), ("_id", DOWN)], name="by_user", partialFilterExpression=_OWNED),
        IndexModel([("status", UP), ("_id", DOWN)], name="by_status"),
        IndexModel(
            [("user_id", UP), ("status", UP), ("_id", DOWN)],
            name="by_user_and_status",
            partialFilterExpression=_OWNED,
        ),
        IndexModel(
            [("cursor.exhausted", UP), ("cursor.at", UP), ("_id", UP)],
            name="active",
            partialFilterExpression={"status": "ACTIVE"},
        ),
        IndexModel(
            [("cancelling_at", UP), ("_id", UP)],
            name="half_cancelled",
            partialFilterExpression={"cancelling_at": {"$exists": True}},
        ),
        IndexModel(
            [("forget_at", UP)],
            name="forgotten",
            partialFilterExpression={"forget_at": {"$exists": True}},
        ),
        IndexModel(
            [("slot_at", UP), ("_id", UP)],
            name="slots",
            partialFilterExpression={"slot_at": {"$exists": True}},
        ),
        IndexModel(
            [("tags", UP), ("_id", DOWN)], name="by_tag", partialFilterExpression={"tags": {"$exists": True}}
        ),
        IndexModel(  # two live jobs of one owner never have the same name
            [("user_id", UP), ("name", UP)], name=NAMED, unique=True, partialFilterExpression=_NAMED_AND_LIVE
        ),
        IndexModel([("name", UP), ("_id", DOWN)], name="by_name", partialFilterExpression=_NAMED),
        IndexModel(
            [("name", UP), ("user_id", UP), ("status", UP), ("_id", DOWN)],
            name="by_name_and_status",
            partialFilterExpression=_NAMED,
        ),
        IndexModel(
            [("set", UP), ("_id", DOWN)], name="by_set", partialFilterExpression={"set": {"$exists": True}}
        ),
        IndexModel(
            [("ancestors", UP), ("_id", UP)],
            name="by_ancestor",
            partialFilterExpression={"ancestors": {"$exists": True}},
        ),
    ),
    TASKS: (
        IndexModel(  # with all that `Agenda.keys` asks for; a partial filter alone covers no query
            [("pool", UP), ("status", UP), ("held", UP), ("due_at", UP), ("_id", UP), ("token", UP)],
            name="ready",
            partialFilterExpression={"status": "READY", "held": False},
        ),
        IndexModel(  # those that have a share: what a crowd of one user must not hide
            [
                ("pool", UP),
                ("status", UP),
                ("held", UP),
                ("share", UP),
                ("due_at", UP),
                ("_id", UP),
                ("token", UP),
            ],
            name="shares",
            partialFilterExpression={"status": "READY", "held": False, "share": {"$exists": True}},
        ),
        IndexModel([("lease.expires_at", UP)], name="running", partialFilterExpression={"status": "RUNNING"}),
        IndexModel(
            [("job_id", UP), ("instant", UP), ("_id", UP)],
            name=OPEN_OF_JOB,
            partialFilterExpression={"status": {"$in": OPEN}},
        ),
        IndexModel(  # however many wait: who asks for the slot looks at three occurrences
            [("job_id", UP), ("cause", UP)],
            name=SLOTTED,
            partialFilterExpression={"slotted": True, "status": {"$in": OPEN}},
        ),
        IndexModel([("job_id", UP), ("instant", DOWN), ("_id", DOWN)], name="by_job"),
        IndexModel([("finished_at", DOWN), ("_id", DOWN)], name="dead", partialFilterExpression=_DEAD),
        IndexModel(
            [("user_id", UP), ("finished_at", DOWN), ("_id", DOWN)],
            name="dead_by_user",
            partialFilterExpression=_DEAD,
        ),
        IndexModel(
            [("job_id", UP), ("finished_at", DOWN), ("_id", DOWN)],
            name="dead_of_job",
            partialFilterExpression=_DEAD,
        ),
        IndexModel(
            [("seat", UP)],
            name="seats",
            partialFilterExpression={"status": "RUNNING", "seat": {"$exists": True}},
        ),
        IndexModel(  # by limit first: those that there is no room for are never looked at
            [("parked.for", UP), ("status", UP), ("parked.limit", UP), ("instant", UP), ("_id", UP)],
            name=PARKED,
            partialFilterExpression={"status": "READY", "parked.for": {"$exists": True}},
        ),
    ),
    SKIPS: (IndexModel([("job_id", UP), ("first", DOWN)], name="by_job"),),
    JOB_CHANGES: (
        IndexModel([("job_id", UP), ("_id", DOWN)], name="by_job"),
        IndexModel(
            [("job_id", UP), ("_id", UP)],
            name="steered",
            partialFilterExpression={"kind": {"$in": STEERED}},
        ),
    ),
    ERROR_LOGS: (
        IndexModel([("job_id", UP), ("at", DOWN), ("_id", DOWN)], name="latest_of_job"),
        IndexModel([("task_id", UP), ("at", DOWN), ("_id", DOWN)], name=ERRORS_OF_TASK),
    ),
    USERS: (
        IndexModel([("name", UP)], name="by_name", unique=True),
        IndexModel([("weight", UP)], name="weights", partialFilterExpression={"weight": {"$gt": 1}}),
    ),
    TOKENS: (
        IndexModel([("digest", UP)], name="by_digest", unique=True),
        IndexModel([("user_id", UP), ("_id", DOWN)], name="by_user"),
    ),
    REQUESTS: (
        IndexModel(
            [("created_at", UP)], name="forgotten", expireAfterSeconds=int(_REQUESTS_KEPT.total_seconds())
        ),
    ),
    LIMITS: (
        IndexModel([("wake_at", UP)], name="waiting", partialFilterExpression={"waiting": True}),
        IndexModel([("forget_at", UP)], name="forgotten", expireAfterSeconds=0),
    ),
    LOCKS: (),
    PLACES: (),
}

_LOCK = "indexes"
_LOCK_TTL = timedelta(seconds=60)


def prepare(database: SyncDatabase, locks: Locks, owner: str, patience: timedelta = _LOCK_TTL) -> None:
    """Makes the collections and indexes that are missing; one process at a time, the others wait.

    Raises StoreUnavailable when the lock cannot be had within `patience`.
    """
    lease = _take(locks, owner, patience)
    try:
        with translated():
            existing = set(database.list_collection_names())
            for name, indexes in INDEXES.items():
                if name not in existing:
                    database.create_collection(name)
                if indexes:
                    database[name].create_indexes(list(indexes))
    finally:
        locks.release(lease)


def _take(locks: Locks, owner: str, patience: timedelta) -> LockLease:
    deadline = time.monotonic() + patience.total_seconds()
    while (lease := locks.acquire(_LOCK, owner, _LOCK_TTL, {})) is None:
        if time.monotonic() > deadline:
            raise StoreUnavailable("another process has been preparing the indexes for too long")
        time.sleep(0.1)
    return lease
