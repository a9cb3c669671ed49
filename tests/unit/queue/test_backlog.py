"""What waits in front of the workers: no more than they take soon, so that turns are worth something."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import pytest

from karya.actors.handing import Handing
from karya.actors.lane import Lane
from karya.actors.metrics import SchedulerMetrics
from karya.actors.waking import Waking
from karya.core.hint import Hint
from karya.core.pools import DEFAULT_POOL
from karya.core.ports import WorkerInfo
from karya.queue.backlog import SOON_SECONDS, Backlog
from tests.unit.queue.stage import NOON, make_hints

_STEP = 0.01


class Crew:
    """Slots, and a clock; implements `Clock`, and `Producer` for them."""

    def __init__(self, slots: int = 0, capacity: int = 1_000) -> None:
        self.seconds = 0.0
        self.slots = slots
        self.ends: list[float] = []
        self.backlog = Backlog(capacity, self.credit, self.monotonic)

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.seconds)

    def credit(self) -> int:
        return self.slots - len(self.ends)

    def offer(self, hints: Iterable[Hint]) -> None:
        self.backlog.add(hints)

    def room(self, pool: str = DEFAULT_POOL) -> int:
        return self.backlog.room()

    def surplus(self, pool: str = DEFAULT_POOL) -> Sequence[Hint]:
        return self.backlog.surplus()

    def workers(self) -> Sequence[WorkerInfo]:
        return ()

    def work(self, seconds: float, most: int = 1_000) -> list[Hint]:
        """Ends what has been held for its time, and begins as many as there are slots for, or `most`."""
        self.ends = [end for end in self.ends if end > self.seconds]
        begun = self.backlog.take(min(most, self.credit()))
        self.ends += [self.seconds + seconds] * len(begun)
        self.backlog.sent(len(begun))
        return begun


def ids(hints: Iterable[Hint]) -> list[str]:
    return [hint.task_id for hint in hints]


def test_as_many_may_wait_as_workers_take_at_once_and_took_lately() -> None:
    crew = Crew(slots=30)
    assert crew.room() == 30
    crew.offer(make_hints(30))
    assert crew.room() == 0
    assert len(crew.work(9)) == 30
    assert (crew.credit(), crew.room()) == (0, 30)
    crew.seconds = SOON_SECONDS
    assert crew.room() == 0


def test_what_was_not_sent_does_not_count_and_is_the_first_again() -> None:
    crew = Crew(slots=30)
    crew.offer(make_hints(20))
    crew.backlog.put_back(crew.backlog.take(20)[5:])
    crew.backlog.sent(5)
    crew.slots = 0
    assert ids(crew.backlog.take(15)) == ids(make_hints(15, first=5))
    assert crew.room() == 5


def test_who_was_refused_is_told_once_when_half_is_free() -> None:
    crew = Crew(slots=10)
    crew.offer(make_hints(10))
    assert not crew.backlog.relieved(), "nobody asked"
    assert crew.room() == 0
    assert len(crew.work(9, most=4)) == 4
    assert not crew.backlog.relieved()
    assert len(crew.work(9, most=3)) == 3
    assert crew.backlog.relieved()
    assert not crew.backlog.relieved()


def test_where_no_worker_is_nobody_is_told_that_there_is_room() -> None:
    crew = Crew()
    assert crew.room() == 0
    assert not crew.backlog.relieved()
    crew.slots = 1
    assert crew.backlog.relieved()


def test_what_is_not_taken_soon_goes_back_and_the_first_stay() -> None:
    crew = Crew(slots=10)
    crew.offer(make_hints(20))
    assert crew.backlog.surplus() == [], "up to twice as many are borne with: the pace is not that even"
    crew.offer(make_hints(1, first=20))
    assert ids(crew.backlog.surplus()) == ids(make_hints(11, first=10))
    assert len(crew.backlog) == 10
    crew.slots = 0
    assert ids(crew.backlog.surplus()) == ids(make_hints(10))


@pytest.mark.parametrize("together", [False, True], ids=["one after the other", "all at once"])
@pytest.mark.parametrize("seconds", [1, 10])
def test_another_user_is_the_next_but_for_what_is_taken_within_moments(seconds: int, together: bool) -> None:
    """200 slots are held, and thousands of one user are due; then one of another comes."""
    crew, lane = Crew(slots=200), Lane(DEFAULT_POOL, 10_000, 3)
    handing = Handing(crew, None, Waking(None, crew), crew, SchedulerMetrics())  # type: ignore[arg-type]
    lane.timetable.add(make_hints(5_000, user_id="crowd"))
    crew.ends = [1.0 if together else number * seconds / 200 for number in range(200)]

    def lot() -> list[Hint]:
        crew.seconds += _STEP
        begun = crew.work(seconds)
        if crew.backlog.relieved() or round(crew.seconds / _STEP) % 20 == 0:
            handing.over([lane])
        return begun

    while crew.seconds < 2.5:
        lot()
    came_at = crew.seconds
    lane.timetable.add(make_hints(1, first=9_000, user_id="lone"))
    begun: list[Hint] = []
    while not any(hint.user_id == "lone" for hint in begun):
        begun += lot()
        assert crew.seconds < came_at + 2 * seconds
    before = [hint.user_id for hint in begun].index("lone")
    assert before <= 2 * SOON_SECONDS * 200 / seconds
    next_end = 1.0 + seconds * (2 if seconds == 1 else 1)
    assert crew.seconds <= (next_end if together else came_at) + 2 * SOON_SECONDS + 3 * _STEP
