"""The store, as servers and workers use it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, Protocol, TypeVar

from karya.core.action import ActionText
from karya.core.errorlog import ErrorLog
from karya.core.hint import Hint
from karya.core.job import Job, JobState
from karya.core.limits import Limits
from karya.core.ports.position import Position
from karya.core.queries import JobQuery
from karya.core.task import Task, TaskState
from karya.core.trace import Trace
from karya.core.transitions import Transition

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Submission:
    """A job and its first tasks, written together or not at all."""

    job: Job
    tasks: tuple[Task, ...]


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list; `next_cursor` asks for the one behind it, None on the last."""

    items: tuple[T, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class StepCounts:
    """How many steps of a job are in each state."""

    of: Mapping[TaskState, int]
    at_least: bool = False
    """There may be more: not all were looked at."""


class JobRepository(Protocol):
    """The stored jobs. A write is acknowledged by a majority and journaled, or raises StoreUnavailable."""

    async def submit(self, submissions: Sequence[Submission]) -> None:
        """Stores all of these jobs with their tasks, or none. Storing the same ones again changes nothing:
        they are told by id, owner and time of creation. Raises Conflict for an id that is another job's, and
        for a name that another live job of the same owner has."""

    async def get(self, job_id: str) -> Job | None:
        """The job, read from the primary."""

    async def list(self, query: JobQuery, *, cursor: str | None, limit: int) -> Page[Job]:
        """The jobs that the query finds, the newest first. The cursor is one that an earlier page gave;
        another raises InvalidInput, and so does a search that takes too long."""

    async def descendants(
        self, job_id: str, states: Collection[JobState], after: str | None, limit: int
    ) -> Sequence[str]:
        """The ids of jobs in these states that chained actions of this one submitted, over any number of
        generations, in the order of their ids from behind `after` on."""

    async def any_cancelled(self, job_ids: Collection[str]) -> bool:
        """Whether one of these jobs is CANCELLED."""

    async def list_with_dead(
        self, query: JobQuery, *, cursor: str | None, limit: int, most: int
    ) -> tuple[Page[Job], Mapping[str, int]]:
        """The same page, and how many dead letters its jobs have, by their ids, those without any left out.
        It looks at `most` of them in all."""

    async def named(self, user_id: str | None, names: Collection[str]) -> Mapping[str, Job]:
        """The jobs of this owner (None: those that have none) under these names: of each name the live one,
        or else the newest that has completed."""

    async def cancel(self, job_id: str, now: datetime, version: int | None = None) -> Job | None:
        """ACTIVE or PAUSED to CANCELLED, with the ON_CANCELLED hooks in the same transaction, and no slot any
        more; a cancelled job stays as it is; None when there is no such job.

        Raises Outdated unless the job is at this `version` (None: any), Conflict for a completed job. The
        caller then cancels the tasks: in this order no task that is inserted meanwhile can be missed, since
        a successor is written only with an ACTIVE job.
        """

    async def half_cancelled(
        self, before: datetime, after: Position | None, limit: int
    ) -> Sequence[Position]:
        """CANCELLED jobs whose cancel began before this and is not known to have reached their tasks and
        descendants, as (when it began, id) and in that order from behind `after` on: whoever was at it may
        have died."""

    async def cancelled_wholly(self, job_ids: Sequence[str]) -> None:
        """Notes that the cancel of these jobs has reached all that it must."""

    async def complete_solo(self, job_ids: Sequence[str], now: datetime) -> None:
        """ACTIVE to COMPLETED for jobs whose only task has just ended, unless they were triggered or changed
        since they were submitted: these are settled."""

    async def settle(self, job_ids: Sequence[str], now: datetime) -> bool:
        """ACTIVE to COMPLETED, with the ON_COMPLETION hooks in the same transaction, for those of the
        jobs that have no open step and no further occurrence; leaves the others alone. Returns whether
        hooks were fired, which are due now."""

    async def unsettled(self, before: datetime, after: Position | None, limit: int) -> Sequence[Position]:
        """ACTIVE jobs without a further occurrence whose last one was due before this, as (instant, id) and
        in that order from behind `after` on: a crash may have cut in between the end of their last task
        and their own."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim that won: the lease under which the outcome must be written."""

    hint: Hint
    lease_id: str
    action: ActionText
    event: str | None = None
    """Of a hook: what fired it, a CloudEvent as JSON text."""


@dataclass(frozen=True, slots=True)
class Commit:
    """One transition out of RUNNING, fenced by the lease.

    The reaper, who holds no lease, also gives the expiry that it saw: a renewal since then refuses it.
    `linked` says that a success has consequences (steps behind it, hooks), as the hint did; `seat` is the
    concurrency limit for which others may wait; `trace` is what the hooks that it fires belong to.
    """

    task_id: str
    lease_id: str
    transition: Transition
    linked: bool = False
    seen_expiry: datetime | None = None
    seat: str | None = None
    trace: Trace | None = None


@dataclass(frozen=True, slots=True)
class StepResult:
    """What a step has come to, for the templates of the steps behind it; `result` is the parsed JSON of its
    last attempt."""

    status: TaskState
    result: Any = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Renewal:
    """What a bulk renewal learnt: the leases that are lost, and the tasks that should be stopped."""

    lost: frozenset[str]
    cancelled: frozenset[str]
    held: frozenset[str] = frozenset()
    """Those that may not start any more, their job having been paused meanwhile; what has started goes on."""


class TaskRepository(Protocol):
    """The stored tasks, as the server sees them."""

    async def get(self, task_id: str) -> Task | None:
        """The task, read from the primary."""

    async def of_job(self, job_id: str, *, cursor: str | None, limit: int) -> Page[Task]:
        """The tasks of a job, the latest instant first. A foreign cursor raises InvalidInput."""

    async def open_of_job(self, job_id: str, *, cursor: str | None, limit: int) -> Page[Task]:
        """The open tasks of a job, hooks included, the earliest instant first. A foreign cursor raises
        InvalidInput."""

    async def counts(self, job_id: str, most: int) -> StepCounts:
        """How many steps of a job are in each state. Of a job with more than `most` tasks, hooks included, it
        looks at the latest ones, and besides at so many that are open and so many that are dead."""

    async def cancel_of_job(self, job_id: str, now: datetime) -> datetime | None:
        """Cancels all open steps of a job in one write: READY and BLOCKED ones change state, RUNNING ones
        are flagged. Returns what `may_start_until` does then."""

    async def may_start_until(self, job_id: str) -> datetime | None:
        """The latest `start_by` of the RUNNING steps of a job, None where there are none: until then one that
        was claimed a moment ago may still start as it was, and only afterwards may a cancel, a pause or an
        update be acknowledged (I4)."""

    async def taken(self, limits: Collection[Limits]) -> Mapping[str, int]:
        """How much of these limits is taken now, by the ids of the limits: how many RUNNING tasks there are,
        or starts in the present stretch of time."""


class Claims(Protocol):
    """Taking, keeping and losing the lease of a task."""

    async def claim(self, hints: Sequence[Hint], owner: str, ttl: timedelta) -> Sequence[Claim]:
        """READY to RUNNING for every hint that is still true: same token, not held, due.

        Of all who try, at most one wins a task (I3). The lease runs `ttl` by the database's clock; `token`
        and `attempts` rise by one. The hints that lost are missing from the answer.

        With limits, only as many as these allow, all claims of the cluster together: RUNNING tasks are what
        is counted for concurrency, claims for a rate, by the database's clock. The others are parked: held
        until `Limits.wake` lets them go.
        """

    async def renew(self, leases: Mapping[str, str], ttl: timedelta, *, starting: bool = False) -> Renewal:
        """Extends the leases (task id to lease id) that are still held, even if expired but not reaped.

        With `starting` the tasks may start within START_WITHIN from now: their `start_by` is set anew.
        """

    async def expired(self, limit: int) -> Sequence[Task]:
        """RUNNING tasks whose lease has expired by the database's clock, the longest expired first."""

    async def results(self, job_id: str, cause: str, steps: Iterable[str]) -> Mapping[str, StepResult]:
        """What these steps of one occurrence have come to so far, by name; unknown ones are missing."""


class Commits(Protocol):
    """Storing what became of claimed tasks."""

    async def commit(self, commits: Sequence[Commit], now: datetime) -> frozenset[str]:
        """Applies the transitions, each only while the task is RUNNING under that very lease, with all that
        follows from it: the error log, the hooks that it fires, and the steps that wait for a step that has
        ended, which open or are SKIPPED, as are those behind a skipped one. Returns the ids of the tasks
        whose lease was lost: of these nothing is written. Doing it again after an unknown result changes
        nothing more. Raises ValueError, and writes nothing, for a move that does not lead out of RUNNING.

        Those who wait for the seat of one that ran are to be looked at by the next `Limits.wake`.

        RETRY, RELEASE and BURY become CANCEL when a cancel was requested meanwhile. Of a success nothing
        follows unless the commit says that it is `linked`.
        """


class ErrorLogRepository(Protocol):
    """The error logs, written by Commits.commit."""

    async def of_job(self, job_id: str, *, cursor: str | None, limit: int) -> Page[ErrorLog]:
        """The errors of a job that are on record, the latest first. A foreign cursor raises InvalidInput."""

    async def of_task(self, task_id: str, *, cursor: str | None, limit: int) -> Page[ErrorLog]:
        """The failed attempts at a task that are on record, the latest first; a cursor as in `of_job`."""
