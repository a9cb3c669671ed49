"""When the scheduler looks after those that wait for a limit."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from karya.actors.waking import Waking
from karya.core.hint import Hint, hint_of
from karya.core.limits import Concurrency, Limits, Rate
from karya.core.ports import Woken
from tests.support.story import NOW, a_job, at, first_task


class Time:
    """Implements `Clock`."""

    seconds = 0.0

    def now(self):  # type: ignore[no-untyped-def]
        return at(self.seconds)

    def monotonic(self) -> float:
        return self.seconds


class Stub:
    """Implements the port `Limits`; `left` are the hints that it does not park."""

    def __init__(self) -> None:
        self.woken = Woken()
        self.looks = 0
        self.parked: list[Hint] = []
        self.left: list[Hint] = []

    def wake(self) -> Woken:
        self.looks += 1
        return self.woken

    def park(self, hints: Sequence[Hint]) -> Sequence[Hint]:
        self.parked += hints
        return self.left


def of(limit: int, key: str = "k", *, rate: int | None = None, slotted: bool = False) -> Hint:
    """A hint of a task with limits."""
    paced = None if rate is None else Rate(key=key, limit=rate, per=timedelta(seconds=1))
    limits = Limits(concurrency=Concurrency(key=key, limit=limit), rate=paced)
    return replace(hint_of(first_task(a_job())), limits=limits, slotted=slotted)


def made() -> tuple[Waking, Stub, Time]:
    limits, time = Stub(), Time()
    return Waking(limits, time), limits, time


def test_where_nobody_uses_limits_there_is_nothing_to_look_at() -> None:
    waking, limits, _ = made()
    hints = [hint_of(first_task(a_job()))]
    assert waking.within(hints) is hints
    waking.hear()
    assert waking.look() is waking.look_at is None
    assert limits.looks == 0


def test_it_looks_until_nobody_waits_any_more() -> None:
    waking, limits, time = made()
    waking.within([of(3)])
    time.seconds = 0.2
    assert waking.look() is None
    assert waking.look_at is not None, "a worker may have parked it"
    time.seconds = 5
    assert waking.look() is None
    assert (limits.looks, waking.look_at) == (2, None)


def test_what_is_let_go_is_due_since_then() -> None:
    waking, limits, time = made()
    waking.suspect()
    limits.woken = Woken(1, at(7), at(7.04))
    assert waking.look() == at(7)
    assert waking.look_at is not None and abs(waking.look_at - 0.04) < 1e-6
    assert waking.look() is None, "not before it is time"
    waking.hear()
    assert waking.look() == at(7)
    limits.woken = Woken(0, NOW, at(60))
    time.seconds = 0.05
    assert waking.look() is None
    assert waking.look_at <= 0.16, "somebody may come to wait for less"


def test_more_than_a_limit_allows_is_parked_at_once() -> None:
    waking, limits, _ = made()
    plain = hint_of(first_task(a_job()))
    mine, theirs = [of(2) for _ in range(4)], of(2, "other")
    assert waking.within([*mine, plain, theirs]) == [*mine[:2], plain, theirs]
    assert limits.parked == mine[2:]


def test_those_with_the_earliest_instants_are_handed_over() -> None:
    waking, limits, _ = made()
    late, early = of(1), replace(of(1), instant=NOW - timedelta(seconds=1))
    assert waking.within([late, early]) == [early]
    assert limits.parked == [late]


def test_what_could_not_be_parked_is_handed_over() -> None:
    waking, limits, _ = made()
    hints = [of(1), of(1), of(1)]
    limits.left = hints[1:2]
    assert waking.within(hints) == hints[:2]


def test_one_that_needs_the_slot_of_its_job_is_for_the_claim_to_decide() -> None:
    waking, limits, _ = made()
    hints = [of(1, slotted=True), of(1, slotted=True), of(1)]
    assert waking.within(hints) == hints
    assert limits.parked == []
