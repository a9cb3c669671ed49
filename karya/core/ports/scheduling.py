"""The store, as the scheduler uses it: blocking, from the scheduler's own thread."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from karya.core.hint import Hint
from karya.core.policies import MISFIRE_GRACE
from karya.core.pools import DEFAULT_POOL
from karya.core.ports.position import Position
from karya.core.task import TaskKind
from karya.core.times import EPOCH

SCHEDULER_LOCK = "scheduler"
"""The lock that the leading scheduler holds."""


@dataclass(frozen=True, slots=True)
class DueTask:
    """A READY task inside the look-ahead."""

    hint: Hint
    count: int
    recurring: bool

    @property
    def is_fresh(self) -> bool:
        """Whether it was made by a schedule and never started."""
        return self.count > 0 and self.hint.attempts == 0 and self.hint.kind is TaskKind.STEP


class DueKey(NamedTuple):
    """In which state a READY task is: what tells it from what was seen before."""

    task_id: str
    token: int
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of time in which no scheduler looked: what was due in it is first seen at its end."""

    since: datetime
    until: datetime

    def holds(self, task: DueTask) -> bool:
        """Whether the task may be misfired for it: no job's grace is shorter than the one asked for here."""
        return task.is_fresh and self.since < task.hint.due_at < self.until - MISFIRE_GRACE


@dataclass(frozen=True, slots=True)
class Extension:
    """What was done to the chains of some jobs."""

    made: Sequence[DueTask] = ()
    """The tasks that were made, are READY, and due inside the look-ahead."""
    moved: frozenset[str] = frozenset()
    """The jobs whose cursor moved."""
    unfinished: frozenset[str] = frozenset()
    """The jobs that are to be looked at again soon: more is to be made or skipped than could be at once."""
    contended: frozenset[str] = frozenset()
    """The jobs that somebody else holds: nothing was done for them, and they are to be tried again later. A
    transaction whose client was killed holds its jobs for a while, and must hold up no others."""
    dropped: frozenset[str] = frozenset()
    """The tasks that were skipped as misfired."""
    misfired: Mapping[str, int] = field(default_factory=dict)
    """How many instants were skipped, by misfire policy."""
    fired: bool = False
    """Whether hooks became tasks, which are due now."""


class Agenda(Protocol):
    """What is due, and what comes after it.

    Whatever is written for a job (occurrences, skipped ranges with the hooks they fire, the cursor) is
    written together, and only while the job is ACTIVE and its cursor where it was read: a job that is
    cancelled meanwhile keeps no READY task, whatever dies in between. Everything is idempotent.
    """

    def due(
        self, until: datetime, after: Position | None, limit: int, pool: str = DEFAULT_POOL
    ) -> Sequence[DueTask]:
        """READY, unheld tasks of the pool with `due_at <= until` in the order of (due_at, id), from behind
        `after` on. What other pools have costs nothing."""

    def keys(
        self, until: datetime, after: Position | None, limit: int, pool: str = DEFAULT_POOL
    ) -> Sequence[DueKey]:
        """The keys of what `due` would give, at a fraction of the cost."""

    def tasks(self, ids: Sequence[str]) -> Sequence[DueTask]:
        """Those of these tasks that are READY and not held, in the order of `due`."""

    def shares(self, after: str, limit: int, pool: str = DEFAULT_POOL) -> Sequence[str]:
        """Whose tasks, and of what priority, are READY and not held in the pool, due or not: by user, and of
        each user the most urgent first; the next `limit` of them behind this one, from the empty text on. It
        says nothing of tasks without a user and of ordinary priority."""

    def keys_of(self, share: str, until: datetime, limit: int, pool: str = DEFAULT_POOL) -> Sequence[DueKey]:
        """The keys of the first tasks of a share that are due by then."""

    def weights(self) -> Mapping[str, int]:
        """The weights of users, where they are not 1."""

    def extend(
        self, tasks: Sequence[DueTask], until: datetime, now: datetime, gap: Gap | None = None
    ) -> Extension:
        """Makes what follows these tasks (karya.core.misfire), unless it is there already, and skips
        those of them that are misfired by their job's policy.

        A task that was made by a schedule and never started counts as first seen at the end of the `gap`
        that holds it; or now, when the cursor of its job still stands on it, since whoever sees a task makes
        what follows it. An occurrence any step of which was started is never skipped.
        """

    def catch_up(self, job_ids: Collection[str], until: datetime, now: datetime) -> Extension:
        """Goes on with chains that were left unfinished."""

    def stalled(self, before: datetime, now: datetime, limit: int) -> Extension:
        """Makes what follows for ACTIVE jobs whose newest instant was before this and has no task that
        waits to be seen: a crash cut their chain. Looks at `limit` jobs, and from call to call goes round
        all of them."""


@dataclass(frozen=True, slots=True)
class LockLease:
    """A lock that is held; `token` is the fence, which rises with every change of holder."""

    name: str
    owner: str
    token: int
    idle_since: datetime = field(default=EPOCH, compare=False)
    """When the last holder that made use of it was last known to hold it (the database's clock)."""


@dataclass(frozen=True, slots=True)
class LockHolder:
    """Who holds a lock, as anybody may read it."""

    owner: str
    token: int
    info: Mapping[str, str]


class Locks(Protocol):
    """Leases by name (findAndModify), expiring by the database's clock."""

    def holder(self, name: str) -> LockHolder | None:
        """The last holder, whether or not its lease still runs; None when there is none. For information:
        only `acquire` decides."""

    def acquire(self, name: str, owner: str, ttl: timedelta, info: Mapping[str, str]) -> LockLease | None:
        """Takes the lock when it is free, expired or already this owner's; None when another holds it.

        `token` rises whenever the lock changes hands. `info` is published with it (an endpoint, say).
        `idle_since` says since when nobody is known to have made use of it, which begins with a renewal:
        whoever acquired it and never renewed it may have died before it knew. The epoch when never.
        """

    def renew(self, lease: LockLease, ttl: timedelta) -> bool:
        """Extends a lock that is still held under this token; False when it was lost."""

    def release(self, lease: LockLease) -> None:
        """Gives the lock back when it is still held under this token; otherwise does nothing."""
