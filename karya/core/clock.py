"""Time as the database tells it: this process's own clock plus the offset measured against it."""

import time
from datetime import UTC, datetime, timedelta

from karya.core.times import MILLISECOND


class SystemClock:
    """Reads this machine's clock, shifted by the measured offset of the database's clock.

    `observe` takes one measurement. The database cuts its time to whole milliseconds and the answer
    takes a while, so one measurement only says that the offset lies in a range: the estimate moves
    only when it falls outside that range. Two processes on one machine thus agree exactly.
    """

    def __init__(self) -> None:
        self._offset = timedelta(0)

    def now(self) -> datetime:
        """The present instant by the database's clock."""
        return datetime.now(UTC) + self._offset

    def monotonic(self) -> float:
        """Seconds on a clock that never jumps, for measuring how long something took."""
        return time.monotonic()

    def observe(self, server_time: datetime, asked_at: datetime, answered_at: datetime) -> timedelta:
        """Takes a measurement (own clock before and after asking) and returns the offset now in use."""
        lowest, highest = server_time - answered_at, server_time + MILLISECOND - asked_at
        self._offset = min(max(self._offset, lowest), highest)
        return self._offset
