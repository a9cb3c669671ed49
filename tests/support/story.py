"""Jobs, tasks and moves for tests of the store, each in one line."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from karya.core.action import Action, NoopAction
from karya.core.hint import hint_of
from karya.core.hook import HookSpec, Trigger
from karya.core.job import Job, new_job
from karya.core.occurrence import occurrence_tasks, scheduled
from karya.core.ports import DueTask, Submission
from karya.core.schedule import Interval, Once, Schedule
from karya.core.spec import JobSpec
from karya.core.steps import StepSpec, When
from karya.core.task import Task, TaskState
from karya.core.transitions import Move, Transition

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def hook(trigger: Trigger, action: Action | None = None) -> HookSpec[Action]:
    """A hook that does nothing, or what it is told."""
    return HookSpec[Action](trigger=trigger, action=action or NoopAction())


ON_SUCCESS = hook(Trigger.ON_SUCCESS)
ON_RETRY = hook(Trigger.ON_RETRY)
ON_FAILURE = hook(Trigger.ON_FAILURE)
ON_DEAD_LETTER = hook(Trigger.ON_DEAD_LETTER)
ON_CANCELLED = hook(Trigger.ON_CANCELLED)
ON_MISFIRE = hook(Trigger.ON_MISFIRE)
ON_COMPLETION = hook(Trigger.ON_COMPLETION)


def at(seconds: float) -> datetime:
    """So many seconds after NOW."""
    return NOW + timedelta(seconds=seconds)


def every(seconds: float, max_runs: int | None = None, end_at: datetime | None = None) -> Interval:
    """An interval whose n-th instant is `at(n * seconds)`."""
    return Interval(every=timedelta(seconds=seconds), max_runs=max_runs, end_at=end_at)


def step(
    name: str, *after: str, when: When = When.SUCCESS, action: Action | None = None, **fields: Any
) -> StepSpec[Action]:
    """A step that comes after others."""
    return StepSpec[Action](name=name, after=after, when=when, action=action or NoopAction(), **fields)


def a_job(
    schedule: Schedule | None = None,
    *hooks: HookSpec[Action],
    steps: Sequence[StepSpec[Action]] = (),
    action: Action | None = None,
    created_at: datetime = NOW,
    **fields: Any,
) -> Job:
    """A job that is due at NOW, unless its schedule says otherwise; `fields` are those of its spec."""
    spec = JobSpec[Action](
        schedule=schedule or Once(at=NOW),
        action=None if steps else action or NoopAction(),
        steps=tuple(steps),
        hooks=hooks,
        **fields,
    )
    return new_job(spec, created_at)


def child_of(parent: Job, *, created_at: datetime = NOW) -> Job:
    """A job that a chained action of the parent has submitted."""
    return new_job(JobSpec[Action](action=NoopAction()), created_at, parent=parent)


def tasks_of(job: Job) -> tuple[Task, ...]:
    """The tasks of the job's first occurrence, in the order of its steps."""
    return occurrence_tasks(job, scheduled(job, job.cursor), job.created_at)


def first_task(job: Job) -> Task:
    """The first task of the job's first occurrence."""
    return tasks_of(job)[0]


def submission(job: Job, *more: Task) -> Submission:
    """The job with the tasks of its first occurrence, and perhaps others."""
    return Submission(job, (*tasks_of(job), *more))


def another_task(job: Job, number: int, status: TaskState = TaskState.READY) -> Task:
    """A further task of a job, due `number` seconds after its first."""
    cursor = job.cursor.model_copy(update={"at": job.cursor.at + number * SECOND, "count": 1 + number})
    return occurrence_tasks(job, scheduled(job, cursor), NOW)[0].model_copy(update={"status": status})


def due(task: Task) -> DueTask:
    """The task as the agenda shows it."""
    return DueTask(hint_of(task), task.count, task.recurring)


def succeed(result: str | None = None) -> Transition:
    return Transition(Move.SUCCEED, {"result": result, "finished_at": at(1), "error": None, "reason": None})


def retry(error: str = "boom", due_at: datetime = NOW + 60 * SECOND) -> Transition:
    return Transition(Move.RETRY, {"due_at": due_at, "error": error})


def bury(error: str = "boom") -> Transition:
    return Transition(Move.BURY, {"finished_at": at(1), "error": error, "reason": "the last attempt failed"})


def release() -> Transition:
    return Transition(Move.RELEASE, {"reason": "the worker was stopped"})


def cancel() -> Transition:
    return Transition(Move.CANCEL, {"finished_at": at(1), "reason": "the job was cancelled"})
