"""How many tasks stand how, in the whole cluster."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

LATE = timedelta(seconds=10)
"""A task that nobody has claimed so long after it was due is late."""

MOST_COUNTED = 100_000
"""So many are counted at most: beyond it, the exact number helps nobody and its count costs everybody."""


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

    pools: Mapping[str, Queued]
    running: int
    dead: int
    """Dead letters; at most MOST_COUNTED."""


class CensusTaker(Protocol):
    """Counts by indexes alone."""

    async def take(self, pools: Iterable[str], now: datetime) -> Census:
        """How the tasks of these pools stand. Raises StoreUnavailable."""
