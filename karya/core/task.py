"""One piece of work for a worker: a step of one occurrence of a job, or a hook."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from karya.core.action import ActionText
from karya.core.hook import Hook, Trigger
from karya.core.limits import Limits
from karya.core.made import unchecked
from karya.core.pools import DEFAULT_POOL
from karya.core.priority import DEFAULT_PRIORITY
from karya.core.retry import DEFAULT_RETRY, RetryPolicy
from karya.core.steps import StepTimeout, When
from karya.core.times import Instant
from karya.core.trace import Trace


class TaskState(StrEnum):
    """Where a task stands; the legal moves between states are in `transitions`."""

    BLOCKED = "BLOCKED"
    READY = "READY"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    DEAD = "DEAD"
    CANCELLED = "CANCELLED"
    SKIPPED = "SKIPPED"


CLOCKS_AGREE = timedelta(milliseconds=50)
"""Two processes tell the database's time to within this."""

CLAIM_AHEAD = timedelta(milliseconds=150)
"""A claim may come this much before the instant; the worker then waits, so that a start need not wait for its
claim. Hints go out 50 ms later: between them lies what the clocks of scheduler and database may differ by,
which would otherwise cost a refused claim."""

START_WITHIN = timedelta(milliseconds=300)
"""A claimed task starts within this of the later of claim and due time, less what clocks may differ by, or
its worker asks again first; who cancels waits as long before the cancel is acknowledged."""

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
    user_id: str | None = None
    kind: TaskKind = TaskKind.STEP
    step: str
    cause: str
    """What made the occurrence: `at:INSTANT` of the schedule, `trigger:ID` of a request, or `hook:…`."""
    partition: int
    instant: Instant
    """The nominal instant of the occurrence (of a hook: when it was fired)."""
    count: int = 0
    """The number of this occurrence in its job, from 1; 0 for a hook and for a triggered occurrence."""
    due_at: Instant
    """When it may start: the instant plus jitter, or later after a backoff."""
    status: TaskState = TaskState.READY
    held: bool = False
    """Not to be claimed for now: its job is paused, its occurrence waits for the slot of the job, or it is
    parked."""
    parked: str | None = None
    """The id of the limit that it waits for."""
    recurring: bool = False
    """Another occurrence may follow, so the scheduler must make it before this one starts."""
    solo: bool = False
    """The only task that the job will ever have: its end is the job's end."""
    slotted: bool = False
    """Its occurrence needs the slot of the job before it may start."""
    limits: Limits | None = None
    """What limits when it may start, besides its due time."""
    when: When = When.SUCCESS
    waiting_on: tuple[str, ...] = ()
    """The steps that must end before this one opens (BLOCKED)."""
    outcomes: Mapping[str, TaskState] = Field(default_factory=dict)
    """What became of the steps that it waited for."""
    next: tuple[str, ...] = ()
    """The steps that wait for this one."""
    templated: bool = False
    """Its action takes in results of earlier steps, or the event: see `template`."""
    action: ActionText
    event: str | None = None
    """What fired a hook: a CloudEvent 1.0 as JSON text."""
    retry: RetryPolicy = DEFAULT_RETRY
    timeout: StepTimeout | None = None
    pool: str = DEFAULT_POOL
    """Whose workers run it."""
    priority: int = DEFAULT_PRIORITY
    """Before which of the tasks of its user it starts when there are more than can."""
    hooks: tuple[Hook, ...] = ()
    """The hooks that this task itself can fire."""
    attempts: int = 0
    token: int = 0
    lease: Lease | None = None
    cancel_requested: bool = False
    start_by: Instant | None = None
    started_at: Instant | None = None
    """When the last attempt started, once it is over."""
    first_started_at: Instant | None = None
    """When the first attempt started, once one has failed: an attempt that died with its worker counts from
    its claim. A task that succeeds at once has `started_at` alone."""
    first_due_at: Instant | None = None
    """What `due_at` was at first, once it has become later: by a failure, or by a wait for a limit, a slot or
    the end of a pause."""
    limit_wait_ms: int = 0
    """How long it waited for room in its limits, all times together that are over."""
    finished_at: Instant | None = None
    result: str | None = None
    """What the last attempt returned, as JSON text."""
    error: str | None = None
    reason: str | None = None
    created_at: Instant
    trace: Trace | None = None
    """What it belongs to, where that is not a trace of its own."""

    @property
    def linked(self) -> bool:
        """Whether its success has consequences of its own: steps behind it, or hooks."""
        return bool(self.next) or any(hook.trigger is Trigger.ON_SUCCESS for hook in self.hooks)


task_of = unchecked(Task)
"""A task of values that were checked with their job."""
