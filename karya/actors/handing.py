"""Handing over what is due: within its limits, with the slot of its job, and as much as the queue takes."""

from collections.abc import Iterable, Sequence

from karya.actors.lane import Lane
from karya.actors.metrics import SchedulerMetrics
from karya.actors.waking import Waking
from karya.core.errors import StoreUnavailable
from karya.core.hint import Hint
from karya.core.ports import Admissions, Clock, Producer

_ADMITTED_AT_ONCE = 50
"""How many tasks that need a slot are asked about in one go: some 15 ms, and whatever else is due waits as
long."""


class Handing:
    """The way from the timetables to the queue. What the store cannot be asked about goes back."""

    def __init__(
        self,
        producer: Producer,
        admissions: Admissions,
        waking: Waking,
        clock: Clock,
        metrics: SchedulerMetrics,
    ) -> None:
        self._producer = producer
        self._admissions = admissions
        self._waking = waking
        self._clock = clock
        self._metrics = metrics

    def over(self, lanes: Iterable[Lane]) -> None:
        """Hands over what is due in these pools; what would wait there for long takes its turn anew. Raises
        StoreUnavailable."""
        for lane in lanes:
            lane.timetable.put_back(self._producer.surplus(lane.pool))
            room = self._producer.room(lane.pool)
            if room > 0:
                self._hand_over(lane, room)

    def _hand_over(self, lane: Lane, room: int) -> None:
        due = self._within_limits(lane, room)
        slotted = [hint for hint in due if hint.slotted]
        self._offer([hint for hint in due if not hint.slotted] if slotted else due)
        lane.timetable.put_back(slotted[_ADMITTED_AT_ONCE:])
        if slotted:
            self._offer(self._admitted(lane, slotted[:_ADMITTED_AT_ONCE]))

    def _within_limits(self, lane: Lane, room: int) -> Sequence[Hint]:
        due = lane.timetable.hand_out(self._clock.now(), room, self._clock.monotonic())
        try:
            return self._waking.within(due)
        except StoreUnavailable:
            lane.timetable.put_back(due)
            raise

    def _offer(self, hints: Sequence[Hint]) -> None:
        if hints:
            self._producer.offer(hints)
            self._metrics.dispatched.inc(len(hints))

    def _admitted(self, lane: Lane, hints: Sequence[Hint]) -> Sequence[Hint]:
        """Those whose occurrence holds the slot of its job; the others are offered when they are read
        again."""
        try:
            admission = self._admissions.admit(hints, self._clock.now())
        except StoreUnavailable:
            lane.timetable.put_back(hints)
            raise
        lane.timetable.take_back([*admission.waiting, *admission.dropped])
        self._metrics.overlapped.inc(admission.skipped)
        return admission.admitted
