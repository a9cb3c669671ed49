"""One pool as the scheduler sees it: what it holds of its tasks, and how far it has read them. No I/O."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from karya.actors.timetable import Timetable
from karya.core.hint import Hint
from karya.core.policies import MISFIRE_GRACE
from karya.core.ports import DueTask, Gap, Position
from karya.core.times import EPOCH, floor_millis

START: Position = (EPOCH, "")


@dataclass(slots=True)
class Look:
    """A look at what is due by `until`, page by page: at everything, from where something may be new, or on
    from where the room had ended."""

    until: datetime
    after: Position | None = None
    everything: bool = False
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
        """When (monotonic seconds) to look at everything again, and at anything at all."""
        self.fair_at = 0.0
        """When (monotonic seconds) to look again for those who are hidden by a crowd."""
        self._news: datetime | None = None

    def poke(self, due_at: datetime) -> None:
        """Something was stored or made READY, perhaps of this pool, and none of it is due before this."""
        due_at = floor_millis(due_at)
        self._news = min(self._news or due_at, due_at)

    def told(self, hints: Iterable[Hint]) -> Sequence[DueTask]:
        """What is new among the tasks that were told, as if they had been read: those of this pool. While
        older ones are still to be read they are left to the looks, which keep the order."""
        own = [hint for hint in hints if hint.pool == self.pool]
        if self.look is not None or self.unread_after is not None or self.timetable.room < len(own):
            for hint in own:
                self.poke(hint.due_at)
            return []
        return [DueTask(hint, 1, False) for hint in own if not self.timetable.has_met(hint.task_id)]

    def begins_at(self, until: datetime) -> float:
        """When (monotonic seconds) to look again: sooner when there is news that is due by `until`, and would
        be found too late otherwise."""
        return self.rested_at if self._is_urgent(until) else max(self.rested_at, self.scan_at)

    def begin(self, until: datetime, now: datetime, monotonic: float) -> Look:
        """A look begins: at everything when it is time for that, since pokes and hints may be lost, and else
        from where there is news, or where nobody has looked so far. What was due since anybody looked so far
        ahead was seen by nobody; what a leader that is gone had seen died with it."""
        if now - self.looked_to > MISFIRE_GRACE:
            self.gap = Gap(self.looked_to, now)
        start, self._news = min(self._news or self.looked_to, self.looked_to), None
        if monotonic < self.scan_at:
            return Look(until, (start, ""))
        self.timetable.forget(monotonic)
        return Look(until, everything=True, meets_known=not self.timetable.is_blank)

    def rest(self, look: Look, until: float, scan_at: float) -> None:
        """A look has ended: nothing is read until then (monotonic seconds), and not everything before
        `scan_at`."""
        self.looked_to = look.until
        self.rested_at = until
        if look.everything:
            self.scan_at = scan_at

    def _is_urgent(self, until: datetime) -> bool:
        if self._news is None or self._news > until:
            return False
        return self.unread_after is None or self._news < self.unread_after[0]
