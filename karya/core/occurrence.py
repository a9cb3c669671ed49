"""Breaking one occurrence of a job into its tasks: one for each step."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from karya.core.graph import successors
from karya.core.hook import TASK_TRIGGERS
from karya.core.ids import partition_of, task_id
from karya.core.job import Cursor, Job
from karya.core.limits import limits_of
from karya.core.misfire import plan
from karya.core.policies import Overlap
from karya.core.steps import Step
from karya.core.task import Task, TaskState, task_of
from karya.core.template import holds_templates
from karya.core.times import format_instant
from karya.core.trace import Trace

_MOST_AT_ONCE, _MOST_BYTES, _TASK_BYTES = 1_000, 8 * 1024 * 1024, 1024
"""What one transaction makes of a job at most: occurrences, about how many bytes of tasks, and what one task
takes besides its actions."""

VERSION_TOKENS = 1 << 20
"""How far the tokens of two versions of a job lie apart. A change makes unclaimed tasks anew under their ids;
a hint about the one before, which may be on its way, must not claim them."""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One run of a job, made by an instant of its schedule or by a request."""

    cause: str
    instant: datetime
    due_at: datetime
    count: int = 0
    last: bool = False
    """No instant of the schedule follows it."""
    trace: Trace | None = None
    """The span that asked for it; without one it belongs to that of the job."""


def scheduled(job: Job, cursor: Cursor) -> Occurrence:
    """The occurrence that the cursor stands on; the same cursor always gives the same one."""
    return Occurrence(
        cause=f"at:{format_instant(cursor.at)}",
        instant=cursor.at,
        due_at=job.schedule.due_at(job.id, cursor.at),
        count=cursor.count,
        last=cursor.exhausted,
    )


def triggered(request: str, now: datetime, trace: Trace | None = None) -> Occurrence:
    """The occurrence that somebody asked for now; the same request always gives the same one."""
    return Occurrence(cause=f"trigger:{request}", instant=now, due_at=now, trace=trace)


def opening(job: Job) -> tuple[Job, tuple[Task, ...]]:
    """A new job as it is stored, with the tasks that it begins with: those of its first occurrence and, since
    jitter may let a later one be due earlier, of as many more as the scheduler needs to see it in time."""
    ahead = plan(job, job.created_at, job.created_at)
    occurrences = [scheduled(job, cursor) for cursor in (job.cursor, *ahead.cursors)]
    tasks = [task for each in occurrences for task in occurrence_tasks(job, each, job.created_at)]
    return job.model_copy(update={"cursor": ahead.cursor}) if ahead.cursors else job, tuple(tasks)


def most_at_once(job: Job) -> int:
    """How many occurrences of a job are made in one transaction at most, however many there are to make: at
    least one."""
    weight = job.text_bytes + len(job.steps) * _TASK_BYTES
    return max(1, min(_MOST_AT_ONCE, _MOST_BYTES // weight))


def occurrence_tasks(job: Job, occurrence: Occurrence, now: datetime) -> tuple[Task, ...]:
    """The tasks of an occurrence in the order of the job's steps: those that wait for others are BLOCKED."""
    behind = successors(job.steps)
    return tuple(_task(job, step, behind.get(step.name, ()), occurrence, now) for step in job.steps)


def _task(job: Job, step: Step, behind: Sequence[str], occurrence: Occurrence, now: datetime) -> Task:
    is_scheduled = occurrence.count > 0
    return task_of(
        id=task_id(job.id, occurrence.cause, step.name),
        job_id=job.id,
        job_version=job.version,
        user_id=job.user_id,
        step=step.name,
        cause=occurrence.cause,
        partition=partition_of(job.id),
        instant=occurrence.instant,
        count=occurrence.count,
        due_at=occurrence.due_at,
        status=TaskState.BLOCKED if step.after else TaskState.READY,
        recurring=is_scheduled and not occurrence.last,
        solo=_is_solo(job, occurrence),
        slotted=job.overlap is not Overlap.ALLOW,
        limits=limits_of(job.user_id, job.concurrency, job.rate),
        when=step.when,
        waiting_on=step.after,
        next=tuple(behind),
        templated=not job.single and holds_templates(step.action),
        action=step.action,
        retry=step.retry or job.retry,
        timeout=step.timeout or job.timeout,
        pool=step.pool or job.pool,
        priority=job.priority,
        hooks=job.hooks_on(*TASK_TRIGGERS),
        token=(job.version - 1) * VERSION_TOKENS,
        created_at=now,
        trace=occurrence.trace or job.trace,
    )


def _is_solo(job: Job, occurrence: Occurrence) -> bool:
    alone = occurrence.last and occurrence.count == 1 and job.single
    return alone and not job.hooks and job.overlap is Overlap.ALLOW
