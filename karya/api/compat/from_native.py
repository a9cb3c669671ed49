"""From native views to what upstream's clients read: pure functions."""

from collections.abc import Mapping
from datetime import datetime

from karya.api.compat.actions import action_of, hooks_of, period_of, plan_type_of
from karya.api.compat.models import (
    ErrorLog,
    ExecutorErrorLog,
    HookErrorLog,
    Plan,
    PlanStatus,
    Task,
    TaskStatus,
    User,
)
from karya.core.errorlog import ErrorSource
from karya.core.ids import partition_of
from karya.core.job import JobState
from karya.core.task import TaskState
from karya.core.times import to_millis
from karya.core.user import User as NativeUser
from karya.core.views import ErrorView, JobView, TaskView

NOBODY = "00000000-0000-0000-0000-000000000000"
"""The owner of a job that has none."""

TASK_STATUS: Mapping[TaskState, TaskStatus] = {
    TaskState.BLOCKED: TaskStatus.CREATED,
    TaskState.READY: TaskStatus.CREATED,
    TaskState.RUNNING: TaskStatus.PROCESSING,
    TaskState.SUCCEEDED: TaskStatus.SUCCESS,
    TaskState.DEAD: TaskStatus.FAILURE,
    TaskState.CANCELLED: TaskStatus.CANCELLED,
    TaskState.SKIPPED: TaskStatus.CANCELLED,
}

PLAN_STATUS: Mapping[JobState, PlanStatus] = {
    JobState.ACTIVE: PlanStatus.RUNNING,
    JobState.PAUSED: PlanStatus.RUNNING,
    JobState.COMPLETED: PlanStatus.COMPLETED,
    JobState.CANCELLED: PlanStatus.CANCELLED,
}
"""Apart from the active job whose first instant is still to come, which reads CREATED."""


def user_of(user: NativeUser) -> User:
    """A user."""
    return User(id=user.id, name=user.name, created_at=to_millis(user.created_at))


def plan_of(job: JobView, now: datetime) -> Plan:
    """A job as a plan, as it stands now."""
    return Plan(
        id=job.id,
        user_id=job.user_id or NOBODY,
        description=job.description,
        period_time=period_of(job.schedule, job.created_at),
        type=plan_type_of(job.schedule),
        status=_plan_status(job, now),
        max_failure_retry=job.retry.max_attempts - 1,
        action=action_of(job.action, job.id, job.user_id or NOBODY),
        hook=hooks_of([hook.model_dump(mode="json") for hook in job.hooks], job.id, job.user_id or NOBODY),
        parent_plan_id=job.parent_id,
        created_at=to_millis(job.created_at),
        updated_at=to_millis(job.updated_at),
    )


def task_of(task: TaskView) -> Task:
    """A step of one occurrence as a task. What failed and will be tried again reads FAILURE, as upstream
    has it."""
    failed = task.status is TaskState.READY and task.attempts > 0 and task.error is not None
    return Task(
        id=task.id,
        plan_id=task.job_id,
        partition_key=partition_of(task.job_id),
        status=TaskStatus.FAILURE if failed else TASK_STATUS[task.status],
        created_at=to_millis(task.created_at),
        executed_at=_executed_at(task),
        next_execution_at=to_millis(task.due_at),
    )


def error_of(job_id: str, error: ErrorView) -> ErrorLog:
    """A failed attempt, of a task or of a hook."""
    of_hook = error.source == ErrorSource.HOOK
    return ErrorLog(
        plan_id=job_id,
        error=error.error,
        type=HookErrorLog() if of_hook else ExecutorErrorLog(task_id=error.task_id),
        timestamp=to_millis(error.at),
    )


def _executed_at(task: TaskView) -> int | None:
    """When the last attempt came to something."""
    if task.started_at is None or task.status is TaskState.RUNNING:
        return None
    return to_millis(task.finished_at or task.started_at)


def _plan_status(job: JobView, now: datetime) -> PlanStatus:
    if job.status is JobState.ACTIVE and not _has_begun(job, now):
        return PlanStatus.CREATED
    return PLAN_STATUS[job.status]


def _has_begun(job: JobView, now: datetime) -> bool:
    first = job.schedule.first(job.created_at)
    return first is None or first < now
