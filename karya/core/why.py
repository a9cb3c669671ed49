"""Why an open task does not run: one reason each, for a person who asks."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from karya.core.job import Job, JobState
from karya.core.limits import Limits
from karya.core.pools import DEFAULT_POOL
from karya.core.ports.queue import WorkerInfo
from karya.core.task import Task, TaskKind, TaskState
from karya.core.times import format_duration, format_instant
from karya.core.views import Wait, WhyView

_MOST_ERROR = 200


class Reason(StrEnum):
    """What a task can wait for."""

    INSTANT = "instant"
    RETRY = "retry"
    STEP = "step"
    PAUSE = "pause"
    OVERLAP = "overlap"
    LIMIT = "limit"
    NO_WORKER = "no_worker"
    NO_CREDIT = "no_credit"
    DISPATCH = "dispatch"
    LEASE = "lease"


Crew = Sequence[WorkerInfo] | None
"""The workers as the dispatcher sees them; None when nobody could be asked."""


Taken = Mapping[str, int]
"""How much of the limits that tasks wait for is taken, by the ids of the limits."""


def limits_of(tasks: Iterable[Task]) -> frozenset[Limits]:
    """The limits that these tasks wait for."""
    return frozenset(task.limits for task in tasks if task.parked and task.limits)


def asks_for_crew(tasks: Iterable[Task], now: datetime) -> bool:
    """Whether one of these tasks waits for nothing but a worker: only then does the crew tell anything."""
    return any(
        task.status is TaskState.READY and task.parked is None and task.due_at <= now for task in tasks
    )


def why(
    job: Job,
    open_tasks: Sequence[Task],
    crew: Crew,
    now: datetime,
    taken: Taken = MappingProxyType({}),
    *,
    others: bool = False,
) -> WhyView:
    """What each of these open tasks of the job waits for, and in one line how the job stands; `others` of its
    tasks may be open besides."""
    waits = tuple(wait_of(job, task, crew, now, taken) for task in _in_order(job, open_tasks))
    return WhyView(job_id=job.id, text=_standing(job, others or bool(open_tasks), now), tasks=waits)


def wait_of(job: Job, task: Task, crew: Crew, now: datetime, taken: Taken = MappingProxyType({})) -> Wait:
    """What this open task waits for; of a running one, who holds it."""
    reason, text, until = _reason(job, task, crew, now, taken)
    return Wait(
        task_id=task.id, step=task.step, instant=task.instant, kind=reason.value, text=text, until=until
    )


def _in_order(job: Job, tasks: Sequence[Task]) -> Sequence[Task]:
    """The earliest instant first, and of one occurrence the steps as the job has them."""
    places = {step.name: number for number, step in enumerate(job.steps)}
    return sorted(tasks, key=lambda task: (task.instant, task.cause, places.get(task.step, len(places))))


_Reason = tuple[Reason, str, datetime | None]


def _reason(job: Job, task: Task, crew: Crew, now: datetime, taken: Taken) -> _Reason:
    if task.status is TaskState.RUNNING:
        return _running(task, now)
    if task.kind is TaskKind.STEP and job.status is JobState.PAUSED:
        since = f" since {format_instant(job.paused_at)}" if job.paused_at else ""
        return Reason.PAUSE, f"the job has been paused{since}: resume it", None
    if task.status is TaskState.BLOCKED:
        return Reason.STEP, f"waits for {_names(task.waiting_on)} to end", None
    if task.due_at > now:
        return _not_due(task)
    if task.slotted and job.slot not in (None, task.cause):
        return Reason.OVERLAP, f"{_named(job.slot)} still runs, and overlap is {job.overlap.value!r}", None
    if task.parked is not None and task.limits is not None:
        return Reason.LIMIT, _limited(task.limits, task.parked, taken.get(task.parked, 0)), None
    return _due(task, crew)


def _limited(limits: Limits, ident: str, taken: int) -> str:
    if limits.concurrency is not None and ident == limits.seat:
        one = limits.concurrency
        return f"waits for the concurrency key {one.key!r}: {taken} of {one.limit} running"
    if limits.rate is None:
        raise ValueError(f"{ident} is none of the limits of this task")
    key, limit, per = limits.rate.key, limits.rate.limit, format_duration(limits.rate.per)
    return f"waits for the rate key {key!r}: {taken} of {limit} started in the last {per}"


def _running(task: Task, now: datetime) -> _Reason:
    if task.lease is None:
        return Reason.LEASE, "runs", None
    until = task.lease.expires_at
    if until <= now:
        return Reason.LEASE, f"{task.lease.owner} let its lease expire: the task will be taken from it", until
    return Reason.LEASE, f"runs on {task.lease.owner}, which holds its lease", until


def _not_due(task: Task) -> _Reason:
    at = format_instant(task.due_at)
    if task.attempts:
        most = task.retry.max_attempts
        failed = f": the last one failed with {(task.error or 'no error')[:_MOST_ERROR]!r}"
        return Reason.RETRY, f"attempt {task.attempts + 1} of {most} follows at {at}{failed}", task.due_at
    jitter = " (with jitter)" if task.due_at != task.instant else ""
    return Reason.INSTANT, f"is due at {at}{jitter}", task.due_at


def _due(task: Task, crew: Crew) -> _Reason:
    if crew is None:
        return (
            Reason.DISPATCH,
            "is due; the scheduler does not answer, so nobody can say who will run it",
            None,
        )
    of_pool = "" if task.pool == DEFAULT_POOL else f" of the pool {task.pool!r}"
    mates = [worker for worker in crew if worker.pool == task.pool]
    if not mates:
        return Reason.NO_WORKER, f"is due, and no worker{of_pool} is connected: start one", None
    if not any(worker.free for worker in mates):
        running = sum(worker.running for worker in mates)
        counts = f"workers: {len(mates)}, tasks that run: {running}"
        full = f"is due; no worker{of_pool} has room ({counts})"
        return Reason.NO_CREDIT, full, None
    late = " again" if task.attempts else ""
    return Reason.DISPATCH, f"is due and about to be handed to a worker{late}", None


def _standing(job: Job, is_open: bool, now: datetime) -> str:
    if job.status is JobState.PAUSED:
        return "paused"
    if job.status is not JobState.ACTIVE:
        return f"{job.status.value.lower()}: nothing will run any more" + (
            " but what is listed" if is_open else ""
        )
    following = job.upcoming(now)
    if following is not None:
        return f"active; the next instant is {format_instant(following)}"
    return "active; no further instant follows" if is_open else "active; about to be completed"


def _names(steps: Sequence[str]) -> str:
    names = ", ".join(repr(step) for step in steps)
    return f"step {names}" if len(steps) == 1 else f"steps {names}"


def _named(cause: str | None) -> str:
    kind, _, rest = (cause or "").partition(":")
    return f"the occurrence of {rest}" if kind == "at" else f"the occurrence triggered as {rest}"
