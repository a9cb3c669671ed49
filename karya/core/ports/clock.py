"""Time."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Time, injected so that tests can hold it still."""

    def now(self) -> datetime:
        """The present instant by the database's clock, aware and in UTC."""

    def monotonic(self) -> float:
        """Seconds on a clock that never jumps."""
