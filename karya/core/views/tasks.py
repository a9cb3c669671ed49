"""How tasks read on the wire: what the gateway answers and the actor handle returns."""

from collections.abc import Iterable
from typing import Any

import orjson

from karya.core.errorlog import ErrorLog
from karya.core.made import unchecked
from karya.core.task import OPEN_STATES, Task, TaskKind, TaskState
from karya.core.times import Instant
from karya.core.views.base import View


class TaskView(View):
    """A task. `started_at` is the start of the last attempt that is over, `first_started_at` that of the
    first one, and `lateness_ms` how long after the moment when it was first due that was: null until one
    attempt is over. `limit_wait_ms` says how long it has waited for a concurrency key or a rate, up to when
    it was last let go; what of it came before the first start is part of the lateness."""

    id: str
    job_id: str
    kind: TaskKind
    step: str
    cause: str
    status: TaskState
    pool: str
    held: bool
    instant: Instant
    due_at: Instant
    waiting_on: tuple[str, ...]
    attempts: int
    started_at: Instant | None
    first_started_at: Instant | None
    finished_at: Instant | None
    lateness_ms: int | None
    limit_wait_ms: int
    worker: str | None
    result: Any
    error: str | None
    reason: str | None
    created_at: Instant

    @classmethod
    def of(cls, task: Task) -> "TaskView":
        """The wire form of a stored task."""
        return _task_view(
            id=task.id,
            job_id=task.job_id,
            kind=task.kind,
            step=task.step,
            cause=task.cause,
            status=task.status,
            pool=task.pool,
            held=task.held and task.status in OPEN_STATES,
            instant=task.instant,
            due_at=task.due_at,
            waiting_on=task.waiting_on,
            attempts=task.attempts,
            started_at=task.started_at,
            first_started_at=task.first_started_at or task.started_at,
            finished_at=task.finished_at,
            lateness_ms=_lateness(task),
            limit_wait_ms=task.limit_wait_ms,
            worker=task.lease.owner if task.lease else None,
            result=orjson.loads(task.result) if task.result is not None else None,
            error=task.error,
            reason=task.reason,
            created_at=task.created_at,
        )


_task_view = unchecked(TaskView)


class ErrorView(View):
    """One failed attempt."""

    task_id: str
    attempt: int
    source: str
    error: str
    at: Instant

    @classmethod
    def of(cls, log: ErrorLog) -> "ErrorView":
        """The wire form of an error log entry."""
        return cls(task_id=log.task_id, attempt=log.attempt, source=log.source, error=log.error, at=log.at)


class ErrorPage(View):
    """One page of failed attempts, the latest first."""

    errors: tuple[ErrorView, ...]
    next_cursor: str | None

    @classmethod
    def of(cls, errors: Iterable[ErrorLog], next_cursor: str | None) -> "ErrorPage":
        """The wire form of a page of error log entries."""
        return cls(errors=tuple(map(ErrorView.of, errors)), next_cursor=next_cursor)


class TaskPage(View):
    """One page of the tasks of a job, the latest instant first."""

    tasks: tuple[TaskView, ...]
    next_cursor: str | None

    @classmethod
    def of(cls, tasks: Iterable[Task], next_cursor: str | None) -> "TaskPage":
        """The wire form of a page of stored tasks."""
        return cls(tasks=tuple(map(TaskView.of, tasks)), next_cursor=next_cursor)


class TaskStory(View):
    """A task with a page of its failed attempts that are on record, the latest first. `action` is what it
    does, as it was stored with `job_version` of its job: a later change of the job does not reach a task that
    was claimed before, and a redrive runs this again."""

    task: TaskView
    errors: tuple[ErrorView, ...]
    next_cursor: str | None = None
    job_version: int
    action: dict[str, Any]

    @classmethod
    def of(cls, task: Task, errors: Iterable[ErrorLog], next_cursor: str | None = None) -> "TaskStory":
        """The wire form of a stored task and of a page of its failed attempts."""
        return cls(
            task=TaskView.of(task),
            errors=tuple(map(ErrorView.of, errors)),
            next_cursor=next_cursor,
            job_version=task.job_version,
            action=orjson.loads(task.action),
        )


def _lateness(task: Task) -> int | None:
    started, due_at = task.first_started_at, task.first_due_at or task.due_at
    if started is None and task.status in (TaskState.SUCCEEDED, TaskState.DEAD):
        started = task.started_at
    return None if started is None else round((started - due_at).total_seconds() * 1000)
