"""The store, as the scheduler uses it: blocking, from the scheduler's own thread."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from karya.core.errors import StoreUnavailable
from karya.core.hint import Hint


@dataclass(frozen=True, slots=True)
class DueTask:
    """A READY task inside the look-ahead."""

    hint: Hint
    count: int
    recurring: bool


class Contended(StoreUnavailable):
    """Somebody else holds some jobs: they are to be tried again later, everything else is done."""

    def __init__(self, made: Sequence[DueTask], job_ids: Collection[str]) -> None:
        super().__init__(f"{len(job_ids)} jobs are held by somebody else: no next occurrence of them yet")
        self.made = made
        self.job_ids = frozenset(job_ids)


class Agenda(Protocol):
    """What is due, and what comes after it."""

    def due(self, until: datetime, after: tuple[datetime, str] | None, limit: int) -> Sequence[DueTask]:
        """READY, unheld tasks with `due_at <= until` in the order of (due_at, id), from behind `after` on."""

    def extend(self, tasks: Sequence[DueTask], until: datetime, now: datetime) -> Sequence[DueTask]:
        """Makes the occurrences that follow these recurring tasks, up to the first beyond `until`, unless
        they are there already; of a job that is far behind, only a bounded number at once.

        Tasks and cursor are written together, and only while the job is ACTIVE: a job that is cancelled
        meanwhile keeps no READY task, whatever dies in between. Idempotent. Returns the tasks made.
        Raises Contended, when all else is done, if somebody else holds some of the jobs.
        """

    def stalled(self, before: datetime, now: datetime, limit: int) -> int:
        """Makes the next occurrence of ACTIVE jobs whose newest one was due before this and does not wait
        any more: a crash cut their chain. Looks at `limit` jobs, and from call to call goes round all of
        them. Returns how many it mended."""


@dataclass(frozen=True, slots=True)
class LockLease:
    """A lock that is held; `token` is the fence, which rises with every change of holder."""

    name: str
    owner: str
    token: int


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
        """

    def renew(self, lease: LockLease, ttl: timedelta) -> bool:
        """Extends a lock that is still held under this token; False when it was lost."""

    def release(self, lease: LockLease) -> None:
        """Gives the lock back when it is still held under this token; otherwise does nothing."""
