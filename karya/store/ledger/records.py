"""Documents as the records of an audit."""

from functools import lru_cache

from karya.core.audit.records import JobRecord, LogRecord, RangeRecord, Steer, TaskRecord
from karya.core.job import Cursor
from karya.core.misfire import SkipRange
from karya.core.outline import Outline
from karya.core.ports.lifecycle import ChangeKind
from karya.core.task import TaskKind, TaskState
from karya.store.client import Document
from karya.store.documents import job_entity, retry_policy

TASK_FIELDS = {
    "job_id": 1,
    "job_version": 1,
    "user_id": 1,
    "kind": 1,
    "step": 1,
    "cause": 1,
    "instant": 1,
    "count": 1,
    "due_at": 1,
    "status": 1,
    "attempts": 1,
    "token": 1,
    "retry": 1,
    "held": 1,
    "slotted": 1,
    "parked": 1,
    "waiting_on": 1,
    "outcomes": 1,
    "lease.id": 1,
    "lease.expires_at": 1,
    "cancel_requested": 1,
    "started_at": 1,
    "finished_at": 1,
    "reason": 1,
    "failed": {"$gt": ["$error", None]},
}
LOG_FIELDS = {"job_id": 1, "task_id": 1, "attempt": 1, "at": 1}
CHANGE_FIELDS = {
    "job_id": 1,
    "kind": 1,
    "version": 1,
    "at": 1,
    "outline": 1,
    "before": 1,
    "after": 1,
    "withdrawn": 1,
}
"""What an audit reads: actions, results, events and error texts, of any size, stay where they are."""


def job_record(document: Document) -> JobRecord:
    """A job."""
    return JobRecord.of(job_entity(document))


def task_record(document: Document) -> TaskRecord:
    """A task, of its TASK_FIELDS."""
    lease = document.get("lease", {})
    return TaskRecord(
        id=document["_id"],
        job_id=document["job_id"],
        version=document["job_version"],
        user_id=document.get("user_id"),
        kind=TaskKind(document["kind"]),
        step=document["step"],
        cause=document["cause"],
        instant=document["instant"],
        count=document["count"],
        due_at=document["due_at"],
        status=TaskState(document["status"]),
        attempts=document["attempts"],
        token=document["token"],
        retry=retry_policy(document),
        held=document.get("held", False),
        slotted=document.get("slotted", False),
        parked="parked" in document,
        waiting_on=frozenset(document.get("waiting_on", ())),
        outcomes={name: TaskState(state) for name, state in document.get("outcomes", {}).items()},
        leased="id" in lease,
        lease_until=lease.get("expires_at"),
        cancel_requested=document.get("cancel_requested", False),
        started_at=document.get("started_at"),
        finished_at=document.get("finished_at"),
        failed=document["failed"],
        reason=document.get("reason"),
    )


def log_record(document: Document) -> LogRecord:
    """An entry of the error log, of its LOG_FIELDS."""
    return LogRecord(document["_id"], document["task_id"], document["attempt"], document["at"])


def range_record(document: Document) -> RangeRecord:
    """A skipped range."""
    run = SkipRange(document["first"], document["last"], document["count"], document["reason"])
    return RangeRecord(run, document["job_version"], document["at"])


def steer(document: Document) -> Steer:
    """An entry of the history of a job, of its CHANGE_FIELDS."""
    outline, before, after = (document.get(name) for name in ("outline", "before", "after"))
    return Steer(
        kind=ChangeKind(document["kind"]),
        version=document["version"],
        at=document["at"],
        outline=None if outline is None else _outline(outline),
        before=None if before is None else Cursor.model_validate(before),
        after=None if after is None else Cursor.model_validate(after),
        withdrawn=tuple(document.get("withdrawn", ())),
    )


@lru_cache(maxsize=1024)
def _outline(text: str) -> Outline:
    return Outline.model_validate_json(text)
