"""Jobs, tasks and moves for tests of the store, each in one line."""

from datetime import UTC, datetime, timedelta

from karya.core.action import Action, NoopAction
from karya.core.hint import Hint
from karya.core.hook import HookSpec, Trigger
from karya.core.job import Job, JobSpec, new_job
from karya.core.ports import DueTask, Submission
from karya.core.schedule import Interval, Once, Schedule
from karya.core.task import Task, TaskState, occurrence_task
from karya.core.transitions import Move, Transition

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ON_FAILURE = HookSpec[Action](trigger=Trigger.ON_FAILURE, action=NoopAction())
ON_COMPLETION = HookSpec[Action](trigger=Trigger.ON_COMPLETION, action=NoopAction())


def at(seconds: float) -> datetime:
    """So many seconds after NOW."""
    return NOW + timedelta(seconds=seconds)


def every(seconds: float, max_runs: int | None = None, end_at: datetime | None = None) -> Interval:
    """An interval whose n-th instant is `at(n * seconds)`."""
    return Interval(every=timedelta(seconds=seconds), max_runs=max_runs, end_at=end_at)


def a_job(
    schedule: Schedule | None = None,
    *hooks: HookSpec[Action],
    user_id: str | None = None,
    description: str = "",
    action: Action | None = None,
    created_at: datetime = NOW,
) -> Job:
    """A job that is due at NOW, unless its schedule says otherwise."""
    spec = JobSpec[Action](
        schedule=schedule or Once(at=NOW),
        action=action or NoopAction(),
        hooks=hooks,
        user_id=user_id,
        description=description,
    )
    return new_job(spec, created_at)


def first_task(job: Job) -> Task:
    """The task of the job's first occurrence."""
    return occurrence_task(job, job.cursor, job.created_at)


def submission(job: Job, *more: Task) -> Submission:
    """The job with its first task, and perhaps others."""
    return Submission(job, (first_task(job), *more))


def another_task(job: Job, number: int, status: TaskState = TaskState.READY) -> Task:
    """A further task of a job, due `number` seconds after its first."""
    cursor = job.cursor.model_copy(update={"at": job.cursor.at + number * SECOND, "count": 1 + number})
    return occurrence_task(job, cursor, NOW).model_copy(update={"status": status})


def hint_of(task: Task) -> Hint:
    """What the scheduler would tell of this task."""
    return Hint(
        task_id=task.id,
        job_id=task.job_id,
        kind=task.kind,
        token=task.token,
        attempts=task.attempts,
        instant=task.instant,
        due_at=task.due_at,
        solo=task.solo,
        retry=task.retry,
        action=task.action,
    )


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
