"""A process's clock that goes exactly with the held clock of the database."""

from datetime import datetime

from tests.conformance.store.kit import HeldTime
from tests.support.story import NOW


class HeldClock:
    """Implements `Clock`: both its hands stand still until the test moves `time`."""

    def __init__(self, time: HeldTime) -> None:
        self._time = time

    def now(self) -> datetime:
        return self._time.now

    def monotonic(self) -> float:
        return (self._time.now - NOW).total_seconds()
