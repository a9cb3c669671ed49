"""How entities are laid out as documents, and back. Fields that say nothing are left out."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import orjson
import structlog

from karya.core.errorlog import ErrorLog
from karya.core.hook import Hook
from karya.core.job import Cursor, Job
from karya.core.retry import RetryPolicy
from karya.core.task import Lease, Task
from karya.core.user import User
from karya.store.client import Document, first_line

log = structlog.get_logger("karya.store")

T = TypeVar("T")

INLINE_ACTION_BYTES = 4096
"""Actions up to this size travel with the hint; larger ones are kept in a field that the scheduler never
reads, so that its memory does not depend on what users write."""

_DEFAULT_RETRY = RetryPolicy()


def readable(documents: Iterable[Document], parse: Callable[[Document], T]) -> list[T]:
    """What these documents say. One that cannot be read (written by a later version, or by hand) is told of
    in the log and left out: it must not keep all the others from being served."""
    entities: list[T] = []
    for document in documents:
        try:
            entities.append(parse(document))
        except (ValueError, LookupError, TypeError) as error:
            log.error("unreadable_document", id=document.get("_id"), error=first_line(error))
    return entities


def job_document(job: Job) -> Document:
    """A job as it is stored. What the client wrote is JSON text; what is queried is a field of its own."""
    return _present(
        {
            "_id": job.id,
            "user_id": job.user_id,
            "description": job.description,
            "schedule": job.model_dump_json(include={"schedule"}),
            "action": job.action,
            "retry": job.retry.model_dump_json(),
            "hooks": [hook.model_dump_json() for hook in job.hooks] or None,
            "status": job.status.value,
            "version": job.version,
            "cursor": cursor_document(job.cursor),
            "created_at": job.created_at,
            "updated_at": job.updated_at,
            "finished_at": job.finished_at,
        }
    )


def cursor_document(cursor: Cursor) -> Document:
    """A cursor as it is stored, its instant as a date."""
    return {"at": cursor.at, "count": cursor.count, "exhausted": cursor.exhausted}


def job_entity(document: Document) -> Job:
    """The stored job."""
    fields = {key: value for key, value in document.items() if key != "_id"}
    fields["schedule"] = orjson.loads(document["schedule"])["schedule"]
    fields["retry"] = RetryPolicy.model_validate_json(document["retry"])
    fields["hooks"] = tuple(Hook.model_validate_json(text) for text in document.get("hooks", ()))
    return Job(id=document["_id"], **fields)


def task_document(task: Task) -> Document:
    """A task as it is stored."""
    large = len(task.action) > INLINE_ACTION_BYTES
    return _present(
        {
            "_id": task.id,
            "job_id": task.job_id,
            "job_version": task.job_version,
            "kind": task.kind.value,
            "step": task.step,
            "cause": task.cause,
            "partition": task.partition,
            "instant": task.instant,
            "count": task.count,
            "due_at": task.due_at,
            "status": task.status.value,
            "held": False,
            "recurring": task.recurring or None,
            "solo": task.solo or None,
            "action_large" if large else "action": task.action,
            "retry": None if task.retry == _DEFAULT_RETRY else task.retry.model_dump_json(),
            "hooks": [hook.model_dump_json() for hook in task.hooks] or None,
            "attempts": task.attempts,
            "token": task.token,
            "created_at": task.created_at,
        }
    )


def task_entity(document: Document) -> Task:
    """The stored task."""
    moved = {"_id", "held", "lease", "retry", "hooks", "action_large"}
    fields = {key: value for key, value in document.items() if key not in moved}
    fields["action"] = action_text(document)
    fields["retry"] = retry_policy(document)
    fields["hooks"] = task_hooks(document)
    lease = document.get("lease")
    return Task(id=document["_id"], lease=Lease(**lease) if lease else None, **fields)


def action_text(document: Document) -> str:
    """The action of a task document, wherever its size put it."""
    text: str = document["action"] if "action" in document else document["action_large"]
    return text


def retry_policy(document: Document) -> RetryPolicy:
    """The retry policy of a task document."""
    text = document.get("retry")
    return RetryPolicy.model_validate_json(text) if text else _DEFAULT_RETRY


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


def _without_id(document: Document) -> Document:
    return {key: value for key, value in document.items() if key != "_id"}


def _present(fields: dict[str, Any]) -> Document:
    return {key: value for key, value in fields.items() if value is not None}
