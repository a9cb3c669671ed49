"""What the ledger holds, as an audit reads it: without actions, results and events, of any size."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from karya.core.job import Cursor, Job, JobState
from karya.core.misfire import SkipRange
from karya.core.occurrence import VERSION_TOKENS
from karya.core.outline import Outline
from karya.core.policies import Misfire
from karya.core.ports.lifecycle import ChangeKind
from karya.core.retry import RetryPolicy
from karya.core.task import TaskKind, TaskState


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A job."""

    id: str
    user_id: str | None
    ancestors: tuple[str, ...]
    status: JobState
    version: int
    cursor: Cursor
    slot: str | None
    queued: str | None
    created_at: datetime
    paused_at: datetime | None
    finished_at: datetime | None
    misfire: Misfire
    outline: Outline

    @classmethod
    def of(cls, job: Job) -> "JobRecord":
        """What an audit needs to know of the job."""
        same = ("id", "user_id", "ancestors", "status", "version", "cursor", "slot", "queued")
        times = ("created_at", "paused_at", "finished_at")
        kept = {name: getattr(job, name) for name in (*same, *times, "misfire")}
        return cls(**kept, outline=Outline.of(job))


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """A task. `leased` says whether it names a lease, `failed` whether it tells an error."""

    id: str
    job_id: str
    version: int
    user_id: str | None
    kind: TaskKind
    step: str
    cause: str
    instant: datetime
    count: int
    due_at: datetime
    status: TaskState
    attempts: int
    token: int
    retry: RetryPolicy
    held: bool = False
    slotted: bool = False
    parked: bool = False
    waiting_on: frozenset[str] = frozenset()
    outcomes: Mapping[str, TaskState] = field(default_factory=dict)
    leased: bool = False
    lease_until: datetime | None = None
    cancel_requested: bool = False
    started_at: datetime | None = None
    finished_at: datetime | None = None
    failed: bool = False
    reason: str | None = None

    @property
    def is_step(self) -> bool:
        """A step of an occurrence, rather than a hook."""
        return self.kind is TaskKind.STEP

    @property
    def is_scheduled(self) -> bool:
        """A step of an occurrence that the schedule made."""
        return self.is_step and self.count > 0

    @property
    def first_token(self) -> int:
        """The token with which it was made: each version starts its own far above those before it."""
        return (self.version - 1) * VERSION_TOKENS if self.is_step else 0

    @property
    def claims(self) -> int:
        """How often its token has risen."""
        return self.token - self.first_token


@dataclass(frozen=True, slots=True)
class LogRecord:
    """A failed attempt."""

    id: str
    task_id: str
    attempt: int
    at: datetime


@dataclass(frozen=True, slots=True)
class RangeRecord:
    """Instants that were skipped, when, and by which version of the job."""

    range: SkipRange
    version: int
    at: datetime

    def holds(self, instant: datetime) -> bool:
        """Whether the instant lies between its ends."""
        return self.range.first <= instant <= self.range.last


@dataclass(frozen=True, slots=True)
class Steer:
    """What was done to a job by request. Of an update: the outline that it replaced, the cursor before and
    after it, and the instants whose tasks it took back."""

    kind: ChangeKind
    version: int
    at: datetime
    outline: Outline | None = None
    before: Cursor | None = None
    after: Cursor | None = None
    withdrawn: tuple[datetime, ...] = ()


@dataclass(frozen=True, slots=True)
class Stretch:
    """The instants from `since` on and before `until`; without a bound where it is None."""

    since: datetime | None = None
    until: datetime | None = None

    def holds(self, instant: datetime) -> bool:
        """Whether the instant lies in it."""
        begun = self.since is None or self.since <= instant
        return begun and (self.until is None or instant < self.until)


@dataclass(frozen=True, slots=True)
class Entry:
    """What is stored of one job, as of one moment, for a stretch of its instants (of hooks: when they fired).

    `steers` are all that was done to it, but for triggers, the oldest first; when there are too many of them,
    `is_whole` is False and the oldest are left out. `triggers` are the times of those in the stretch.
    `related` are tasks outside the stretch that those inside point to: hooks that they should have fired,
    what fired the hooks inside, and the ON_MISFIRE hooks of what was skipped; `related_ranges` the ranges
    that those inside name. `logs` are those of all of them.

    What concerns the job as a whole comes with its last stretch (`is_last`): how many open steps it has, when
    its last step ended (where it has no open one and no instant is left), and when an ancestor of it
    was cancelled.
    """

    job: JobRecord
    stretch: Stretch
    steers: Sequence[Steer] = ()
    is_whole: bool = True
    tasks: Sequence[TaskRecord] = ()
    ranges: Sequence[RangeRecord] = ()
    triggers: Sequence[datetime] = ()
    logs: Mapping[str, Sequence[LogRecord]] = field(default_factory=dict)
    related: Mapping[str, TaskRecord] = field(default_factory=dict)
    related_ranges: Sequence[RangeRecord] = ()
    is_last: bool = True
    open_steps: int = 0
    ended_at: datetime | None = None
    ancestor_cancelled_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """When the ledger is judged. `alive_since` and `alive_until` say from when to when a scheduler has led
    without a break: what a cluster is to do in time, it must have been up to do."""

    now: datetime
    patience: timedelta
    alive_since: datetime | None = None
    alive_until: datetime | None = None

    def is_overdue(self, since: datetime) -> bool:
        """Whether what was to happen after `since` has had all its time."""
        if self.alive_since is None or self.alive_until is None:
            return False
        return max(since, self.alive_since) + self.patience < self.alive_until
