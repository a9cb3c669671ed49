"""Chains: which instants a schedule has made, from version to version."""

from datetime import timedelta
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from karya.core.audit.chains import MOST_COUNTED, Chain, Epoch, line_of
from karya.core.audit.records import Steer
from karya.core.job import Cursor
from karya.core.ports.lifecycle import ChangeKind
from karya.core.schedule import Cron, Interval, Once, Schedule
from tests.support.story import NOW, at, every

MINUTE = Cron(expression="* * * * *")


def chain(schedule: Schedule, first: float, last: float, number: int = 1) -> Chain:
    return Chain(1, schedule, schedule.anchor(NOW), at(first), number, at(last), 0)


def updated(seconds: float, before: Cursor, after: Cursor, *withdrawn: float) -> Steer:
    return Steer(
        ChangeKind.UPDATED, 2, at(seconds), before=before, after=after, withdrawn=tuple(map(at, withdrawn))
    )


def cursor(seconds: float, count: int, *, exhausted: bool = False) -> Cursor:
    return Cursor(at=at(seconds), count=count, exhausted=exhausted)


def test_a_chain_has_its_instants_and_no_others() -> None:
    ten = chain(every(10), 20, 50)
    assert list(ten.between(NOW, at(999))) == [at(20), at(30), at(40), at(50)]
    assert list(ten.between(at(30), at(30))) == [at(30)]
    assert [ten.has(at(seconds)) for seconds in (10, 20, 25, 50, 60)] == [False, True, False, True, False]
    once = chain(Once(at=at(7)), 7, 7)
    assert (list(once.between(NOW, at(99))), once.has(at(8))) == ([at(7)], False)
    assert (once.passed(at(0), at(99)).count, once.passed(at(8), at(99)).count) == (1, 0)


@given(
    seconds=st.integers(1, 50),
    excluded=st.lists(st.integers(0, 500), max_size=5),
    first=st.integers(1, 9),
    then=st.integers(0, 900),
)
def test_an_interval_tells_numbers_without_counting(
    seconds: int, excluded: list[int], first: int, then: int
) -> None:
    """As many as there are when they are counted."""
    schedule = Interval(every=timedelta(seconds=seconds), exclude=tuple(map(at, excluded)))
    begun = next(islice(schedule.instants(NOW, NOW), first, None))
    one = Chain(1, schedule, NOW, begun, 7, at(99_999), 0)
    counted = sum(instant < at(then) for instant in islice(one.between(NOW, at(then)), 2_000))
    assert one.number_at(at(then)) == 7 + counted


def test_a_calendar_is_counted_only_so_far() -> None:
    long = chain(MINUTE, 60, 60 * 200_000)
    assert long.number_at(at(60)) == 1
    assert long.number_at(at(120)) is None
    assert long.passed(at(60), at(60 * 200_000)).count == MOST_COUNTED


def test_a_job_that_was_never_changed_has_one_chain() -> None:
    (only,) = line_of([Epoch(1, every(10), None)], NOW, cursor(40, 4)).chains
    assert (only.first, only.number, only.last, only.count) == (at(10), 1, at(40), 4)


def test_each_schedule_has_a_chain_of_its_own() -> None:
    change = updated(25, cursor(30, 3), cursor(28, 3), 30)
    line = line_of([Epoch(1, every(10), None), Epoch(2, every(7), change)], NOW, cursor(42, 5))
    old, new = line.chains
    assert (old.first, old.number, old.last, old.count) == (at(10), 1, at(30), 3)
    assert (new.first, new.number, new.last, new.count) == (at(28), 3, at(42), 5)
    assert (old.withdrawn, new.withdrawn) == ({at(30)}, frozenset())
    assert [line.of_version(number) for number in (1, 2, 3)] == [old, new, new]
    assert line.numbering(2, at(20)) is old, "it waited, was due, and stayed"
    assert line.numbering(2, at(28)) is new
    assert line.numbering(1, at(30)) is old


def test_bounds_that_move_leave_the_chain_where_it_was() -> None:
    """Behind an outage it goes on with an instant that had come; one without instants left makes no chain."""
    goes_on = updated(95, cursor(30, 3), cursor(40, 4))
    old, new = line_of([Epoch(1, every(10), None), Epoch(2, every(10), goes_on)], NOW, cursor(60, 6)).chains
    assert (old.last, old.count, new.first, new.number, new.last) == (at(30), 3, at(40), 4, at(60))
    rests = updated(95, cursor(90, 9), cursor(30, 9))
    line = line_of([Epoch(1, every(10), None), Epoch(2, every(10), rests)], NOW, cursor(30, 9))
    assert ([chain.last for chain in line.chains], line.rest) == ([at(90)], cursor(30, 9))


def test_what_a_later_update_withdraws_is_withdrawn_from_all_before() -> None:
    first = updated(25, cursor(30, 3), cursor(28, 3), 30)
    second = updated(29, cursor(35, 4), cursor(33, 3), 20, 28, 35)
    epochs = [Epoch(1, every(10), None), Epoch(2, every(7), first), Epoch(3, every(11), second)]
    old, new, newest = line_of(epochs, NOW, cursor(33, 3)).chains
    assert old.withdrawn == {at(20), at(28), at(30), at(35)}
    assert new.withdrawn == {at(20), at(28), at(35)}
    assert newest.withdrawn == frozenset()


def test_an_update_may_leave_nothing_to_make() -> None:
    rest = cursor(20, 2, exhausted=True)
    change = updated(25, cursor(30, 3), rest, 30)
    line = line_of([Epoch(1, every(10), None), Epoch(2, every(7, max_runs=2), change)], NOW, rest)
    (old,) = line.chains
    assert (old.last, line.rest) == (at(30), rest)
    assert line.numbering(2, at(20)) is old


def test_a_job_may_be_changed_to_run_once_more() -> None:
    """Even at a time that has passed."""
    change = updated(25, cursor(30, 3), cursor(5, 3, exhausted=True), 30)
    line = line_of([Epoch(1, every(10), None), Epoch(2, Once(at=at(5)), change)], NOW, cursor(5, 3))
    _, once = line.chains
    assert (once.first, once.number, line.rest) == (at(5), 3, None)
