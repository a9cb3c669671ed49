"""How many workers a pool should have. No I/O, no clock reads."""

import math
from collections import deque

from karya.core.ports import PoolLoad
from karya.core.settings import PoolSettings

GROW_AFTER_SECONDS = 2.0
"""For how long hints must have waited at a stretch, with no slot free, before a pool grows."""

FULLNESS = 0.8
"""A pool shrinks to the size at which its busiest moment of late would have filled so much of its slots: with
none to spare it would soon grow again."""


class PoolSize:
    """Decides, from look to look, how many workers one pool should have.

    It grows when tasks have waited for a slot for 2 seconds at a stretch: by as many workers as the waiting
    ones would fill, at most to twice its size, and not again before the newcomers are connected. It shrinks
    when for a whole `quiet` (seconds) fewer workers would have done, to as many as would have.
    """

    def __init__(self, pool: PoolSettings, slots: int, quiet: float) -> None:
        self._pool = pool
        self._slots = slots
        self._quiet = quiet
        self._short_since: float | None = None
        self._since: float | None = None
        self._busy: deque[tuple[float, int]] = deque()

    def wanted(self, present: int, load: PoolLoad, now: float) -> int:
        """How many it should have, when it has `present` (connected or not yet)."""
        self._remember(load, now)
        if self._is_short(load, now) and load.workers >= present:
            return self.bounded(present + self._missing(present, load))
        if self._has_been_quiet(now):
            return self.bounded(min(present, self._enough()))
        return self.bounded(present)

    def resized(self) -> None:
        """Its size has changed: what was seen before says nothing about the new one."""
        self._short_since = self._since = None
        self._busy.clear()

    def bounded(self, size: int) -> int:
        """The nearest size that it may have."""
        return max(self._pool.count, min(self._pool.most, size))

    def _remember(self, load: PoolLoad, now: float) -> None:
        self._since = now if self._since is None else self._since
        self._busy.append((now, load.running + load.waiting))
        while self._busy[0][0] < now - self._quiet:
            self._busy.popleft()

    def _is_short(self, load: PoolLoad, now: float) -> bool:
        if load.free or not load.waiting:
            self._short_since = None
            return False
        self._short_since = now if self._short_since is None else self._short_since
        return now - self._short_since >= GROW_AFTER_SECONDS or not load.workers

    def _missing(self, present: int, load: PoolLoad) -> int:
        return min(math.ceil(load.waiting / self._slots), max(1, present))

    def _has_been_quiet(self, now: float) -> bool:
        return self._since is not None and now - self._since >= self._quiet

    def _enough(self) -> int:
        return math.ceil(max(busy for _, busy in self._busy) / (self._slots * FULLNESS))
