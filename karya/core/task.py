"""One piece of work for a worker: a step of one occurrence of a job, or a hook."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from karya.core.action import ActionText
from karya.core.hook import Hook, Trigger
from karya.core.ids import partition_of, task_id
from karya.core.job import Cursor, Job
from karya.core.retry import RetryPolicy
from karya.core.times import Instant, format_instant

MAIN_STEP = "main"


class TaskState(StrEnum):
    """Where a task stands; the legal moves between states are in `transitions`."""

    BLOCKED = "BLOCKED"
    READY = "READY"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    DEAD = "DEAD"
    CANCELLED = "CANCELLED"
    SKIPPED = "SKIPPED"


CLAIM_AHEAD = timedelta(milliseconds=50)
"""A claim may come this much before the instant; the worker then waits. It absorbs the difference between
the clocks of scheduler and database, which would otherwise cost a refused claim."""

START_WITHIN = timedelta(milliseconds=300)
"""A claimed task starts within this of the later of claim and due time, or its worker asks again first; who
cancels waits as long before the cancel is acknowledged."""

OPEN_STATES = frozenset({TaskState.BLOCKED, TaskState.READY, TaskState.RUNNING})
"""The states from which a task still goes on by itself."""


class TaskKind(StrEnum):
    """A step belongs to an occurrence; a hook follows from an outcome and counts for nothing else."""

    STEP = "step"
    HOOK = "hook"


@dataclass(frozen=True, slots=True)
class Lease:
    """The right of one holder to run one task until `expires_at` (the database's clock)."""

    id: str
    owner: str
    expires_at: datetime


class Task(BaseModel):
    """A stored task. `token` rises with every claim; `attempts` counts the starts."""

    model_config = ConfigDict(frozen=True)

    id: str
    job_id: str
    job_version: int
    kind: TaskKind = TaskKind.STEP
    step: str = MAIN_STEP
    cause: str
    partition: int
    instant: Instant
    """The nominal instant of the occurrence (of a hook: when it was fired)."""
    count: int = 0
    """The number of this occurrence in its job, from 1; 0 for a hook."""
    due_at: Instant
    """When it may start: the instant, or later after a backoff."""
    status: TaskState = TaskState.READY
    recurring: bool = False
    """Another occurrence may follow, so the scheduler must make it before this one starts."""
    solo: bool = False
    """The only task that the job will ever have: its end is the job's end."""
    action: ActionText
    retry: RetryPolicy = Field(default_factory=RetryPolicy)
    hooks: tuple[Hook, ...] = ()
    """The hooks that this task itself can fire."""
    attempts: int = 0
    token: int = 0
    lease: Lease | None = None
    cancel_requested: bool = False
    start_by: Instant | None = None
    started_at: Instant | None = None
    finished_at: Instant | None = None
    result: str | None = None
    """What the last attempt returned, as JSON text."""
    error: str | None = None
    reason: str | None = None
    created_at: Instant


def occurrence_task(job: Job, cursor: Cursor, now: datetime) -> Task:
    """The task of the occurrence that the cursor stands on; the same cursor always gives the same id."""
    cause = f"at:{format_instant(cursor.at)}"
    return Task(
        id=task_id(job.id, cause, MAIN_STEP),
        job_id=job.id,
        job_version=job.version,
        cause=cause,
        partition=partition_of(job.id),
        instant=cursor.at,
        count=cursor.count,
        due_at=cursor.at,
        recurring=not cursor.exhausted,
        solo=cursor.exhausted and cursor.count == 1 and not job.hooks,
        action=job.action,
        retry=job.retry,
        hooks=job.hooks_on(Trigger.ON_FAILURE),
        created_at=now,
    )


def hook_tasks(
    hooks: Iterable[Hook], job_id: str, version: int, source: str, now: datetime
) -> tuple[Task, ...]:
    """The tasks that fire these hooks.

    `source` names the outcome that caused them (a task and its token, or the job), so that firing
    the same outcome twice cannot make two tasks of one hook (I7).
    """
    return tuple(
        Task(
            id=task_id(job_id, cause, hook.trigger.value),
            job_id=job_id,
            job_version=version,
            kind=TaskKind.HOOK,
            step=hook.trigger.value,
            cause=cause,
            partition=partition_of(job_id),
            instant=now,
            due_at=now,
            action=hook.action,
            retry=hook.retry,
            created_at=now,
        )
        for number, hook in enumerate(hooks)
        for cause in (f"hook:{source}/{number}",)
    )
