"""How many tasks stand how, in the whole cluster."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

LATE = timedelta(seconds=1)
"""A task that nobody has claimed so long after it was due is late, wherever it is told: longer than a start
ever takes on a cluster that keeps up."""

MOST_COUNTED = 100_000
"""So many are counted at most: beyond it, the exact number helps nobody and its count costs everybody."""

MOST_PARKED = 10_000
"""So many are counted of those that wait for a limit: each of them has to be read."""


class LimitKind(StrEnum):
    """What a task may have to wait for room in."""

    CONCURRENCY = "concurrency"
    RATE = "rate"


@dataclass(frozen=True, slots=True)
class Parked:
    """The tasks that wait for room in a limit. Where there are more than are counted, `since` is that of
    those that are."""

    count: int = 0
    since: datetime | None = None
    """When the first of them was due."""


@dataclass(frozen=True, slots=True)
class Queued:
    """What waits for the workers of one pool."""

    due: int = 0
    """READY tasks whose time has come; at most MOST_COUNTED."""
    late: int = 0
    """Those of them that are LATE."""
    oldest: timedelta = timedelta(0)
    """For how long the first of them has been due."""


@dataclass(frozen=True, slots=True)
class Census:
    """All of it at one moment."""

    at: datetime
    pools: Mapping[str, Queued]
    running: int
    dead: int
    """Dead letters; at most MOST_COUNTED."""
    parked: Mapping[LimitKind, Parked] = field(default_factory=dict)
    """All together at most MOST_PARKED."""


class CensusTaker(Protocol):
    """Counts by indexes alone."""

    async def take(self, pools: Iterable[str], now: datetime) -> Census:
        """How the tasks of these pools stand. Raises StoreUnavailable."""
