"""One pool as the scheduler sees it: what it holds of its tasks, and how far it has read them. No I/O."""

from dataclasses import dataclass
from datetime import datetime

from karya.actors.timetable import Timetable
from karya.core.policies import MISFIRE_GRACE
from karya.core.ports import Gap
from karya.core.times import EPOCH

Position = tuple[datetime, str]
"""Behind which task to read on: its `due_at` and its id."""

START: Position = (EPOCH, "")


@dataclass(slots=True)
class Look:
    """A look at what is due by `until`, page by page: from the start, or on from where the room had ended."""

    until: datetime
    after: Position | None = None
    goes_on: bool = False
    seconds: float = 0.0
    """How long it has taken so far."""
    meets_known: bool = False
    """Most of what it meets is known."""


class Lane:
    """The lanes of several pools are independent of each other: each has a memory and a rhythm of its own."""

    def __init__(self, pool: str, capacity: int, resend_after: float) -> None:
        self.pool = pool
        self.timetable = Timetable(capacity, resend_after)
        self.forget()

    def forget(self) -> None:
        """Knows nothing any more: somebody else may have led meanwhile."""
        self.timetable.clear()
        self.look: Look | None = None
        """The one that is under way."""
        self.unread_after: Position | None = None
        """From where on there was no room for what is due."""
        self.looked_to = EPOCH
        """What was due by then has been seen ahead, or by the leader before this one."""
        self.gap: Gap | None = None
        self.scan_at = self.rested_at = 0.0
        self._poked: datetime | None = None

    def poke(self, due_at: datetime) -> None:
        """A task that is due then was stored, perhaps one of this pool."""
        self._poked = min(self._poked or due_at, due_at)

    def begins_at(self, until: datetime) -> float:
        """When (monotonic seconds) to look from the start again: sooner when a task was stored that is due
        by `until`, and would be found too late otherwise."""
        return self.rested_at if self._poked is not None and self._poked <= until else self.scan_at

    def begin(self, now: datetime, monotonic: float) -> None:
        """A look from the start begins. What was due since anybody looked so far ahead was seen by nobody;
        what a leader that is gone had seen died with it."""
        self._poked = None
        self.timetable.forget(monotonic)
        if now - self.looked_to > MISFIRE_GRACE:
            self.gap = Gap(self.looked_to, now)
