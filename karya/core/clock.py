"""Time as the database tells it: this process's own clock plus the offset measured against it."""

import time
from datetime import UTC, datetime, timedelta

from karya.core.times import MILLISECOND

_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Where there is one, the clock that never jumps and goes on while the machine sleeps."""
_READINGS = 5


class SystemClock:
    """This process's own clock, shifted by the measured offset of the database's clock.

    Its own clock is the machine's wall clock as it was when the process began, and goes on from there by one
    that never jumps: whoever sets the wall clock of a machine does not move what is due.

    `observe` takes one measurement. The database cuts its time to whole milliseconds and the answer
    takes a while, so one measurement only says that the offset lies in a range: the estimate moves
    only when it falls outside that range. Two processes on one machine thus agree exactly.
    """

    def __init__(self) -> None:
        self._began = _began()
        self._offset = timedelta(0)

    def own(self) -> datetime:
        """The present instant by this process's own clock, as measurements of the offset need it."""
        return self._began + _steady()

    def now(self) -> datetime:
        """The present instant by the database's clock."""
        return self.own() + self._offset

    def monotonic(self) -> float:
        """Seconds on a clock that never jumps, for measuring how long something took. They pass while the
        machine sleeps, too: no lease waits for its holder."""
        return time.clock_gettime(_STEADY)

    def observe(self, server_time: datetime, asked_at: datetime, answered_at: datetime) -> timedelta:
        """Takes a measurement (own clock before and after asking) and returns the offset now in use."""
        lowest, highest = server_time - answered_at, server_time + MILLISECOND - asked_at
        self._offset = min(max(self._offset, lowest), highest)
        return self._offset


def wall_clock() -> datetime:
    """What this machine's clock shows, for those who know of no database."""
    return datetime.now(UTC)


def _steady() -> timedelta:
    return timedelta(seconds=time.clock_gettime(_STEADY))


def _began() -> datetime:
    """What the wall clock showed when the steady one began, by the fastest of several readings: between its
    two looks a process may have to wait."""

    def reading() -> tuple[timedelta, datetime]:
        before, wall = _steady(), wall_clock()
        return _steady() - before, wall - before

    return min(reading() for _ in range(_READINGS))[1]
