"""How the cluster stands, in numbers whose cost is bounded however much is stored."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from karya.core.job import JobState
from karya.core.ports.census import LimitKind, Parked
from karya.core.ports.queue import PoolLoad, WorkerInfo
from karya.core.schedule import Schedule
from karya.core.task import TaskState
from karya.core.views.overview import OverviewView


@dataclass(frozen=True, slots=True)
class Standing:
    """What the scheduler says of itself and of the workers."""

    leads: bool
    crew: Sequence[WorkerInfo]
    pools: Mapping[str, PoolLoad]


class Chain(NamedTuple):
    """A recurring job, as far as its next instants follow from it; `at` is the newest that has tasks."""

    schedule: Schedule
    created_at: datetime
    at: datetime
    seen: int


class OpenTask(NamedTuple):
    """Where an open task stands."""

    status: TaskState
    held: bool
    due_at: datetime
    parked: bool = False


class Tallies(Protocol):
    """Counts that stop at `most`, each answered by an index."""

    async def ready(self, pools: Collection[str], since: datetime | None, until: datetime, most: int) -> int:
        """READY tasks of these pools that are not held, due after `since` and at `until` or before."""

    async def dead(self, user_id: str | None, most: int) -> int:
        """Dead letters, of one user or all."""

    async def parked(self, most: int) -> Mapping[LimitKind, Parked]:
        """READY tasks that wait for room in a limit, by its kind, `most` of all together."""

    async def jobs(self, status: JobState, user_id: str | None, most: int) -> int:
        """Jobs in this state, of one user or all."""

    async def chains(self, until: datetime, limit: int) -> Sequence[Chain]:
        """ACTIVE jobs that go on behind an instant at `until` or before, the earliest first."""

    async def open_of(self, user_id: str, jobs: int, limit: int) -> Sequence[OpenTask]:
        """Open tasks of the newest ACTIVE `jobs` of this user."""


class OverviewService(Protocol):
    """What the gateway asks."""

    async def overview(self, user_id: str | None, within: float = 0.0) -> OverviewView:
        """How everything stands, or stood so many seconds ago at most; with a user, as far as it concerns the
        jobs of that one. Raises Unavailable while the store is away."""
