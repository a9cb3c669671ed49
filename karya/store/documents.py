"""How entities are laid out as documents, and back. Fields that say nothing are left out."""

from collections.abc import Callable, Iterable
from datetime import UTC, timedelta
from typing import Any, TypeVar

import orjson
import structlog
from pydantic import BaseModel

from karya.core.errorlog import ErrorLog
from karya.core.hint import Hint
from karya.core.hook import Hook
from karya.core.job import Cursor, Job
from karya.core.limits import Concurrency, Limits, Rate
from karya.core.policies import DEFAULT_MISFIRE, DEFAULT_RETENTION, Misfire, Retention
from karya.core.priority import DEFAULT_PRIORITY, HIGHEST_PRIORITY
from karya.core.retry import DEFAULT_RETRY, RetryPolicy, stored_retry
from karya.core.steps import Step
from karya.core.task import Lease, Task, TaskKind
from karya.core.times import MILLISECOND
from karya.core.trace import Trace
from karya.core.user import Token, User
from karya.store.blocking import Document, first_line

log = structlog.get_logger("karya.store")

T = TypeVar("T")

INLINE_ACTION_BYTES = 4096
"""Actions up to this size travel with the hint; larger ones are kept in a field that the scheduler never
reads, so that its memory does not depend on what users write."""


UNREADABLE = (ValueError, LookupError, TypeError)
"""What is raised when a document cannot be read."""


def readable(documents: Iterable[Document], parse: Callable[[Document], T]) -> list[T]:
    """What these documents say. One that cannot be read (written by a later version, or by hand) is told of
    in the log and left out: it must not keep all the others from being served."""
    entities: list[T] = []
    for document in documents:
        try:
            entities.append(parse(document))
        except UNREADABLE as error:
            ident, job = document.get("_id"), document.get("job_id")
            log.error("unreadable_document", document=ident, job=job, error=first_line(error))
    return entities


def job_document(job: Job) -> Document:
    """A job as it is stored. What the client wrote is JSON text; what is queried is a field of its own."""
    return _present(
        {
            "_id": job.id,
            **written_document(job),
            "parent_id": job.parent_id,
            "ancestors": list(job.ancestors) or None,
            "status": job.status.value,
            "version": job.version,
            "cursor": cursor_document(job.cursor),
            "slot": job.slot,
            "queued": job.queued,
            "created_at": job.created_at,
            "updated_at": job.updated_at,
            "paused_at": job.paused_at,
            "finished_at": job.finished_at,
            "trace": trace_document(job.trace),
        }
    )


def written_document(job: Job) -> Document:
    """The part of a job document that the client wrote, None where it is to be left out: what an update
    replaces."""
    return {
        "user_id": job.user_id,
        "name": job.name,
        "set": job.set,
        "description": job.description,
        "tags": list(job.tags) or None,
        "schedule": job.schedule.model_dump_json(),
        "steps": [step.model_dump_json() for step in job.steps],
        "retry": _text_of(job.retry, DEFAULT_RETRY),
        "timeout_ms": _millis(job.timeout),
        "pool": job.pool,
        "priority": None if job.priority == DEFAULT_PRIORITY else job.priority,
        "hooks": [hook.model_dump_json() for hook in job.hooks] or None,
        "misfire": _text_of(job.misfire, DEFAULT_MISFIRE),
        "overlap": job.overlap.value,
        "concurrency": _text_of(job.concurrency),
        "rate": _text_of(job.rate),
        "retention": _text_of(job.retention, DEFAULT_RETENTION),
    }


def cursor_document(cursor: Cursor) -> Document:
    """A cursor as it is stored, its instant as a date."""
    return {"at": cursor.at, "count": cursor.count, "exhausted": cursor.exhausted}


def job_entity(document: Document) -> Job:
    """The stored job."""
    fields = {key: value for key, value in document.items() if key not in ("_id", "timeout_ms")}
    fields["schedule"] = orjson.loads(document["schedule"])
    fields["steps"] = tuple(Step.model_validate_json(text) for text in document["steps"])
    fields["retry"] = retry_policy(document)
    fields["timeout"] = _duration(document.get("timeout_ms"))
    fields["hooks"] = tuple(Hook.model_validate_json(text) for text in document.get("hooks", ()))
    if "misfire" in document:
        fields["misfire"] = Misfire.model_validate_json(document["misfire"])
    if "concurrency" in document:
        fields["concurrency"] = Concurrency.model_validate_json(document["concurrency"])
    if "rate" in document:
        fields["rate"] = Rate.model_validate_json(document["rate"])
    fields["retention"] = retention_policy(document)
    return Job(id=document["_id"], **fields)


def task_document(task: Task) -> Document:
    """A task as it is stored. The action of a hook is kept apart like a large one: its worker has to read
    the event in any case."""
    apart = task.kind is TaskKind.HOOK or len(task.action) > INLINE_ACTION_BYTES
    return _present(
        {
            "_id": task.id,
            "job_id": task.job_id,
            "job_version": task.job_version,
            "user_id": task.user_id,
            "kind": task.kind.value,
            "step": task.step,
            "cause": task.cause,
            "partition": task.partition,
            "instant": task.instant,
            "count": task.count,
            "due_at": task.due_at,
            "status": task.status.value,
            "held": task.held,
            "recurring": task.recurring or None,
            "solo": task.solo or None,
            "linked": task.linked or None,
            "slotted": task.slotted or None,
            "limits": _text_of(task.limits),
            "seat": None if task.limits is None else task.limits.seat,
            "when": task.when.value if task.waiting_on else None,
            "waiting_on": list(task.waiting_on) or None,
            "next": list(task.next) or None,
            "templated": task.templated or None,
            "action_large" if apart else "action": task.action,
            "event": task.event,
            "retry": _text_of(task.retry, DEFAULT_RETRY),
            "timeout_ms": _millis(task.timeout),
            "pool": task.pool,
            "priority": None if task.priority == DEFAULT_PRIORITY else task.priority,
            "share": share_of(task),
            "hooks": [hook.model_dump_json() for hook in task.hooks] or None,
            "attempts": task.attempts,
            "token": task.token,
            "created_at": task.created_at,
            "trace": trace_document(task.trace),
        }
    )


def trace_document(trace: Trace | None) -> Document | None:
    """A trace as it is stored; without one, nothing is."""
    return None if trace is None else trace.model_dump(exclude_defaults=True)


def trace_of(document: Document) -> Trace | None:
    """The trace of a job or task document."""
    stored = document.get("trace")
    return Trace(**stored) if stored else None


def share_of(task: Task) -> str | None:
    """Whose task it is and how urgent, in one text that sorts by user, and of each user the most urgent
    first. A task that has no user and nothing special about it needs none."""
    if task.user_id is None and task.priority == DEFAULT_PRIORITY:
        return None
    return f"{task.user_id or ''}/{HIGHEST_PRIORITY - task.priority}"


def task_entity(document: Document) -> Task:
    """The stored task."""
    moved = {
        "_id",
        "linked",
        "share",
        "lease",
        "retry",
        "timeout_ms",
        "hooks",
        "action_large",
        "limits",
        "parked",
    }
    fields = {key: value for key, value in document.items() if key not in moved}
    fields["action"] = action_text(document)
    fields["retry"] = retry_policy(document)
    fields["timeout"] = _duration(document.get("timeout_ms"))
    fields["hooks"] = task_hooks(document)
    fields["limits"] = task_limits(document)
    if "parked" in document:
        fields["parked"] = document["parked"]["for"]
    lease = document.get("lease")
    return Task(id=document["_id"], lease=Lease(**lease) if lease else None, **fields)


def task_hint(document: Document) -> Hint:
    """What a worker is told of a task document (its HINT_FIELDS), whose dates are in UTC and naive: it was
    checked when it was stored, and making them aware here costs a third of what the driver takes."""
    linked = document.get("linked", False)
    needs_cause = linked or document.get("slotted") or document.get("templated")
    return Hint(
        task_id=document["_id"],
        job_id=document["job_id"],
        kind=TaskKind(document["kind"]),
        token=document["token"],
        attempts=document["attempts"],
        instant=document["instant"].replace(tzinfo=UTC),
        due_at=document["due_at"].replace(tzinfo=UTC),
        solo=document.get("solo", False),
        linked=linked,
        slotted=document.get("slotted", False),
        limits=task_limits(document),
        templated=document.get("templated", False),
        cause=document["cause"] if needs_cause else None,
        timeout=_duration(document.get("timeout_ms")),
        retry=retry_policy(document),
        pool=document["pool"],
        user_id=document.get("user_id"),
        priority=document.get("priority", DEFAULT_PRIORITY),
        action=document.get("action"),
        trace=trace_of(document),
    )


HINT_FIELDS = {
    "job_id": 1,
    "kind": 1,
    "cause": 1,
    "token": 1,
    "attempts": 1,
    "instant": 1,
    "due_at": 1,
    "solo": 1,
    "slotted": 1,
    "limits": 1,
    "templated": 1,
    "linked": 1,
    "timeout_ms": 1,
    "retry": 1,
    "pool": 1,
    "user_id": 1,
    "priority": 1,
    "action": 1,
    "count": 1,
    "recurring": 1,
    "trace": 1,
}
"""What `task_hint` and the scheduler read of a task."""


def action_text(document: Document) -> str:
    """The action of a task document, wherever its size put it."""
    text: str = document["action"] if "action" in document else document["action_large"]
    return text


def task_limits(document: Document) -> Limits | None:
    """The limits of a task document."""
    text = document.get("limits")
    return Limits.model_validate_json(text) if text else None


def retry_policy(document: Document) -> RetryPolicy:
    """The retry policy of a job or task document."""
    text = document.get("retry")
    return stored_retry(text) if text else DEFAULT_RETRY


def retention_policy(document: Document) -> Retention:
    """The retention of a job document."""
    text = document.get("retention")
    return Retention.model_validate_json(text) if text else DEFAULT_RETENTION


def task_hooks(document: Document) -> tuple[Hook, ...]:
    """The hooks of a task document."""
    return tuple(Hook.model_validate_json(text) for text in document.get("hooks", ()))


def error_document(log: ErrorLog) -> Document:
    """An error log entry as it is stored."""
    return {"_id": log.id, **log.model_dump(exclude={"id"})}


def error_entity(document: Document) -> ErrorLog:
    """The stored error log entry."""
    return ErrorLog(id=document["_id"], **_without_id(document))


def user_document(user: User) -> Document:
    """A user as it is stored."""
    return {"_id": user.id, **user.model_dump(exclude={"id"})}


def user_entity(document: Document) -> User:
    """The stored user."""
    return User(id=document["_id"], **_without_id(document))


def token_document(token: Token) -> Document:
    """A token as it is stored."""
    return {"_id": token.id, **token.model_dump(exclude={"id"})}


def token_entity(document: Document) -> Token:
    """The stored token."""
    return Token(id=document["_id"], **_without_id(document))


def _without_id(document: Document) -> Document:
    return {key: value for key, value in document.items() if key != "_id"}


def _text_of(model: BaseModel | None, default: BaseModel | None = None) -> str | None:
    """A model as JSON text; None for the default, which is nearly always the very same object."""
    return None if model is default or model == default or model is None else model.model_dump_json()


def _millis(duration: timedelta | None) -> int | None:
    return None if duration is None else duration // MILLISECOND


def _duration(millis: int | None) -> timedelta | None:
    return None if millis is None else timedelta(milliseconds=millis)


def _present(fields: dict[str, Any]) -> Document:
    return {key: value for key, value in fields.items() if value is not None}
