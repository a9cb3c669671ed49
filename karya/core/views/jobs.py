"""How jobs read on the wire: what the gateway answers and the actor handle returns."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from karya.core.errorlog import ErrorLog
from karya.core.hook import Hook, Trigger
from karya.core.job import Job, JobState
from karya.core.limits import Concurrency, Rate
from karya.core.made import unchecked
from karya.core.policies import Misfire, Overlap, Retention
from karya.core.retry import RetryPolicy
from karya.core.schedule import Schedule
from karya.core.steps import Step, StepTimeout, When
from karya.core.task import Task, TaskState
from karya.core.times import Instant
from karya.core.views.base import View
from karya.core.views.tasks import ErrorView, TaskView


class HookView(View):
    """A hook of a job."""

    trigger: Trigger
    action: dict[str, Any]
    retry: RetryPolicy

    @classmethod
    def of(cls, hook: Hook) -> "HookView":
        """The wire form of a stored hook."""
        return cls(trigger=hook.trigger, action=orjson.loads(hook.action), retry=hook.retry)


class StepView(View):
    """A step of a job; `retry`, `timeout` and `pool` are null where the job's own hold."""

    name: str
    action: dict[str, Any]
    after: tuple[str, ...]
    when: When
    retry: RetryPolicy | None
    timeout: StepTimeout | None
    pool: str | None

    @classmethod
    def of(cls, step: Step) -> "StepView":
        """The wire form of a stored step."""
        return cls(**{**dict(step), "action": orjson.loads(step.action)})


class JobView(View):
    """A job, with either an `action` or `steps`. `next_at` is its next instant, null when none is left;
    `occurrences` counts the instants that have been made into tasks, the next one included; `occurred` those
    of them that have come."""

    id: str
    user_id: str | None
    parent_id: str | None
    name: str | None
    set: str | None
    description: str
    tags: tuple[str, ...]
    status: JobState
    schedule: Schedule
    action: dict[str, Any] | None
    steps: tuple[StepView, ...]
    retry: RetryPolicy
    timeout: StepTimeout | None
    pool: str
    priority: int
    misfire: Misfire
    overlap: Overlap
    concurrency: Concurrency | None
    rate: Rate | None
    retention: Retention
    hooks: tuple[HookView, ...]
    version: int
    next_at: Instant | None
    occurrences: int
    occurred: int
    created_at: Instant
    updated_at: Instant
    paused_at: Instant | None
    finished_at: Instant | None
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(cls, job: Job, now: datetime, warnings: Sequence[str] = ()) -> "JobView":
        """The wire form of a stored job, as it stands now."""
        return _job_view(
            id=job.id,
            user_id=job.user_id,
            parent_id=job.parent_id,
            name=job.name,
            set=job.set,
            description=job.description,
            tags=job.tags,
            status=job.status,
            schedule=job.schedule,
            action=orjson.loads(job.steps[0].action) if job.single else None,
            steps=() if job.single else tuple(map(StepView.of, job.steps)),
            retry=job.retry,
            timeout=job.timeout,
            pool=job.pool,
            priority=job.priority,
            misfire=job.misfire,
            overlap=job.overlap,
            concurrency=job.concurrency,
            rate=job.rate,
            retention=job.retention,
            hooks=tuple(HookView.of(hook) for hook in job.hooks),
            version=job.version,
            next_at=job.upcoming(now),
            occurrences=job.cursor.count,
            occurred=job.occurred(now),
            created_at=job.created_at,
            updated_at=job.updated_at,
            paused_at=job.paused_at,
            finished_at=job.finished_at,
            warnings=tuple(warnings),
        )


_job_view = unchecked(JobView)


class SummaryView(View):
    """A job with its latest tasks, the number of its steps in each state, and its latest errors. `at_least`
    says that there may be more: of a job with many tasks those that are open or dead and the latest ones are
    counted."""

    job: JobView
    counts: dict[TaskState, int]
    at_least: bool = False
    tasks: tuple[TaskView, ...]
    errors: tuple[ErrorView, ...]

    @classmethod
    def of(
        cls,
        job: Job,
        now: datetime,
        counts: Mapping[TaskState, int],
        tasks: Sequence[Task],
        errors: Sequence[ErrorLog],
        *,
        at_least: bool = False,
    ) -> "SummaryView":
        """The wire form of all that is known about a job, as it stands now."""
        return cls(
            job=JobView.of(job, now),
            counts={state: counts[state] for state in TaskState if state in counts},
            at_least=at_least,
            tasks=tuple(TaskView.of(task) for task in tasks),
            errors=tuple(ErrorView.of(error) for error in errors),
        )


class JobPage(View):
    """One page of jobs, the newest first."""

    jobs: tuple[JobView, ...]
    next_cursor: str | None


class BulkView(View):
    """What a request about many came to."""

    count: int


class BatchView(View):
    """The jobs that a batch has made, in its order."""

    count: int
    ids: tuple[str, ...]


class NamesakeView(View):
    """A stored job, as far as whoever declares one of its name must know it. `spec` is what its client wrote,
    as it would be stored today."""

    id: str
    version: int
    status: JobState
    spec: dict[str, Any]


class CheckedView(View):
    """What a job would come to if it were submitted: either `errors`, or the `spec` as it would be stored.

    `over` says that the last instant of its schedule has passed. `namesake` is the live job of its owner that
    has its name, or else the newest such that has completed.
    """

    errors: tuple[dict[str, str], ...]
    spec: dict[str, Any] | None
    over: bool
    namesake: NamesakeView | None


class CheckView(View):
    """What each of many jobs would come to, in their order."""

    jobs: tuple[CheckedView, ...]


class Readiness(View):
    """Whether the whole system can run jobs, and if not, what is missing: one reason for each part."""

    ready: bool
    reasons: dict[str, str]
