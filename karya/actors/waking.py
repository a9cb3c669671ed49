"""When the scheduler looks after those that wait for a limit by key: never, where nobody uses limits."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from operator import attrgetter

from karya.core.hint import Hint
from karya.core.ports import Clock, Limits

_IN_USE_SECONDS = 2.0
"""How long after a task with limits was handed over somebody may come to wait without telling."""

_CHECK_SECONDS = 0.1
"""How often to see whether somebody does, and whether anybody has to be let go sooner than was known."""


class Waking:
    """Looks when something was given back, when a rate has room again, and now and then; and keeps what
    cannot start anyway from being handed over."""

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self._limits = limits
        self._clock = clock
        self._used_until = 0.0
        self._look_at: float | None = None

    @property
    def look_at(self) -> float | None:
        """When (monotonic seconds) to look; None where nobody waits."""
        return self._look_at

    def suspect(self) -> None:
        """Somebody may wait: it is time for a look."""
        self._look_at = 0.0

    def hear(self) -> None:
        """Something was given back, perhaps."""
        if self._look_at is not None:
            self._look_at = 0.0

    def look(self) -> datetime | None:
        """Lets go who may go now, if it is time to; since when they are due."""
        monotonic = self._clock.monotonic()
        if self._look_at is None or monotonic < self._look_at:
            return None
        woken = self._limits.wake()
        if woken.again_at is not None and woken.now is not None:
            wait = min(woken.again_at - woken.now, timedelta(seconds=_CHECK_SECONDS))
            self._look_at = monotonic + wait.total_seconds()
        else:
            self._look_at = monotonic + _CHECK_SECONDS if monotonic < self._used_until else None
        return woken.now if woken.tasks else None

    def within(self, hints: Sequence[Hint]) -> Sequence[Hint]:
        """Those that may be handed over. Of what is due together, more than a limit allows cannot start, and
        is parked at once, the latest instants first: handed over, it would take the room of others in the
        workers."""
        if all(hint.limits is None for hint in hints):
            return hints
        self._used_until = self._clock.monotonic() + _IN_USE_SECONDS
        if self._look_at is None:
            self._look_at = self._clock.monotonic() + _CHECK_SECONDS
        seen: Counter[str] = Counter()
        by_instant = sorted(hints, key=attrgetter("instant"))
        hopeless = [hint for hint in by_instant if _is_beyond(hint, seen)]
        if not hopeless:
            return hints
        left = {hint.task_id for hint in self._limits.park(hopeless)}
        gone = {hint.task_id for hint in hopeless} - left
        return [hint for hint in hints if hint.task_id not in gone]


def _is_beyond(hint: Hint, seen: Counter[str]) -> bool:
    """One that needs the slot of its job is not counted: it may not get it."""
    if hint.limits is None or hint.slotted:
        return False
    ident, limit = next(iter(hint.limits.allowed.items()))
    seen[ident] += 1
    return seen[ident] > limit
