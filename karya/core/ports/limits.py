"""Tasks that wait for a limit by key (karya.core.limits); the scheduler's side, blocking.

Claims keep to the limits: see `Claims.claim`. Nothing here could let more run than allowed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from karya.core.hint import Hint


@dataclass(frozen=True, slots=True)
class Woken:
    """What came of looking at those that wait."""

    tasks: int = 0
    """How many were let go."""
    now: datetime | None = None
    """When, by the database's clock: none of them is due before this. None where nobody waits."""
    again_at: datetime | None = None
    """When to look again, by the same clock, if nothing is given back before."""


class Limits(Protocol):
    """Parking and letting go."""

    def wake(self) -> Woken:
        """Lets go as many of the tasks that are parked as their limits have room for, the earliest instant
        first: they are due now. Looks at a few limits in one go, the most urgent ones."""

    def park(self, hints: Sequence[Hint]) -> Sequence[Hint]:
        """Parks tasks that could not start now, whoever else runs: more of the same limits are due before
        them than these allow. Returns those that were left as they are. Hints that are no longer true change
        nothing."""
