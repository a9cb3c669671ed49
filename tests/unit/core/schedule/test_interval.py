"""Instants come from the schedule and its anchor, checked against an oracle that counts one by one (I5)."""

from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise, takewhile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from karya.core.schedule import LONGEST_INTERVAL, SHORTEST_INTERVAL, Interval, Passed, Schedule
from karya.core.times import EPOCH, LATEST, MILLISECOND

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
MOST_STEPS = 300  # how far the oracle counts
SECOND = timedelta(seconds=1)


def millis(least: int, most: int) -> st.SearchStrategy[timedelta]:
    return st.integers(least, most).map(lambda count: count * MILLISECOND)


any_instant = st.datetimes(datetime(1970, 1, 1), datetime(8999, 12, 31), timezones=st.just(UTC)).map(
    lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000)
)
any_interval = st.builds(
    Interval,
    every=millis(SHORTEST_INTERVAL // MILLISECOND, LONGEST_INTERVAL // MILLISECOND),
    start_at=st.none() | any_instant,
    end_at=st.none() | any_instant,
    max_runs=st.none() | st.integers(1, 2**53),
)


@st.composite
def countable_interval(draw: st.DrawFn) -> Interval:
    """An interval whose anchor is near enough to NOW for the oracle to count from there."""
    every = draw(millis(100, 10_000) | st.just(timedelta(days=1)))
    start = draw(st.none() | millis(-200 * (every // MILLISECOND), 20 * (every // MILLISECOND)))
    end = draw(st.none() | st.integers(-5, 60).map(lambda steps: steps * every) | millis(-1_000, 100_000))
    return Interval(
        every=every,
        start_at=None if start is None else NOW + start,
        end_at=None if end is None else NOW + end,
        max_runs=draw(st.none() | st.integers(1, 40)),
    )


def counted(schedule: Interval, created_at: datetime) -> list[datetime]:
    """The oracle: anchor + n x every, one after the other, of which those after the submission count."""
    instant, found = schedule.start_at or created_at, []
    for _ in range(MOST_STEPS):
        instant += schedule.every
        ended = schedule.end_at is not None and instant >= schedule.end_at
        if ended or len(found) == schedule.max_runs:
            break
        if instant > created_at:
            found.append(instant)
    return found


def chain(schedule: Interval, created_at: datetime, most: int) -> list[datetime]:
    """What the scheduler does: the first instant, then always the one after it."""
    anchor, found = schedule.anchor(created_at), []
    instant = schedule.first(created_at)
    while instant is not None and len(found) < most:
        found.append(instant)
        instant = schedule.next_after(anchor, instant, len(found))
    return found


@given(countable_interval())
def test_chain_equals_the_instants_counted_one_by_one(schedule: Interval) -> None:
    expected = list(islice(counted(schedule, NOW), 60))
    assert chain(schedule, NOW, 60) == expected


@given(any_interval, any_instant)
def test_chain_has_neither_drift_nor_gap_nor_double(schedule: Interval, created_at: datetime) -> None:
    instants = chain(schedule, created_at, 20)
    anchor = schedule.anchor(created_at)
    assert all(after - before == schedule.every for before, after in pairwise(instants))
    assert all((at - anchor) % schedule.every == timedelta(0) for at in instants)


@given(any_interval, any_instant, any_instant)
def test_next_after_is_the_first_multiple_behind_any_instant(
    schedule: Interval, created_at: datetime, instant: datetime
) -> None:
    anchor = schedule.anchor(created_at)
    following = schedule.next_after(anchor, instant, 0)
    if following is None:
        return
    assert following > instant
    assert following == anchor + schedule.every or following - schedule.every <= instant
    assert (following - anchor) % schedule.every == timedelta(0)


@given(any_interval, st.sampled_from([EPOCH, NOW, LATEST - MILLISECOND]), any_instant)
def test_extreme_values_never_raise_nor_leave_the_calendar(
    schedule: Interval, created_at: datetime, instant: datetime
) -> None:
    for at in (schedule.first(created_at), schedule.next_after(schedule.anchor(created_at), instant, 0)):
        assert at is None or at < LATEST


@pytest.mark.parametrize("every", [SHORTEST_INTERVAL, LONGEST_INTERVAL])
def test_calendar_ends_before_the_year_9000(every: timedelta) -> None:
    schedule = Interval(every=every, start_at=LATEST - every - MILLISECOND)
    last = LATEST - MILLISECOND
    assert schedule.first(NOW) == last
    assert schedule.next_after(schedule.anchor(NOW), last, 1) is None
    assert Interval(every=every, start_at=LATEST - every).first(NOW) is None


def test_a_century_of_the_shortest_interval_is_still_exact() -> None:
    schedule = Interval(every=SHORTEST_INTERVAL, start_at=EPOCH)
    created_at = datetime(8999, 1, 1, tzinfo=UTC)
    assert schedule.first(created_at) == created_at + SHORTEST_INTERVAL


def test_interval_counts_from_the_submission_without_a_start() -> None:
    assert Interval(every=SECOND).first(NOW) == NOW + SECOND


def test_start_in_the_past_is_not_back_filled() -> None:
    schedule = Interval(every=timedelta(hours=1), start_at=NOW - timedelta(days=400, minutes=20))
    assert schedule.first(NOW) == NOW + timedelta(minutes=40)


def test_start_in_the_future_is_the_anchor_and_no_run_itself() -> None:
    start = NOW + timedelta(days=1)
    assert Interval(every=SECOND, start_at=start).first(NOW) == start + SECOND


def test_end_is_exclusive() -> None:
    end = NOW + 2 * SECOND
    assert chain(Interval(every=SECOND, end_at=end), NOW, 9) == [NOW + SECOND]
    assert chain(Interval(every=SECOND, end_at=end + MILLISECOND), NOW, 9) == [NOW + SECOND, end]


def test_max_runs_bounds_the_chain() -> None:
    assert len(chain(Interval(every=SECOND, max_runs=3), NOW, 9)) == 3


@pytest.mark.parametrize("every", ["PT0S", "-PT5S", "PT0.099S", "P36526D"])
def test_interval_refuses_lengths_out_of_bounds(every: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Interval.model_validate({"every": every})
    assert caught.value.errors()[0]["loc"] == ("every",)


def test_interval_survives_json() -> None:
    adapter: TypeAdapter[Interval] = TypeAdapter(Schedule)
    schedule = Interval(every=SECOND, end_at=NOW, max_runs=2, exclude=(date(2026, 12, 25), NOW))
    assert adapter.validate_json(adapter.dump_json(schedule)) == schedule


@given(
    countable_interval(),
    st.lists(st.integers(-2, 90), max_size=8),
    st.lists(st.integers(0, 3), max_size=3),
    st.integers(0, 90),
    st.integers(0, 60),
)
def test_run_past_equals_iterating(
    schedule: Interval, multiples: list[int], days: list[int], until: int, most: int
) -> None:
    instants = [NOW + number * schedule.every for number in multiples]
    schedule = schedule.model_copy(
        update={"exclude": (*instants, *(NOW.date() + timedelta(days=day) for day in days)), "max_runs": None}
    )
    anchor, end = schedule.anchor(NOW), NOW + until * schedule.every
    expected = list(islice(takewhile(lambda at: at <= end, schedule.instants(anchor, NOW)), most))
    assert schedule.run_past(anchor, NOW, end, most) == Passed(
        len(expected), expected[-1] if expected else None
    )


def test_a_century_of_the_shortest_interval_is_passed_without_counting() -> None:
    century = timedelta(days=36_525)
    runs = century // SHORTEST_INTERVAL
    schedule = Interval(every=SHORTEST_INTERVAL, exclude=(NOW.date() + timedelta(days=1),))
    a_day = timedelta(days=1) // SHORTEST_INTERVAL
    assert schedule.run_past(NOW, NOW, NOW + century, 10**12) == Passed(runs - a_day, NOW + century)
    assert schedule.model_copy(update={"exclude": ()}).run_past(NOW, NOW, NOW + century, 10**9) == Passed(
        10**9, NOW + 10**9 * SHORTEST_INTERVAL
    )


def test_jitter_must_keep_the_order() -> None:
    with pytest.raises(ValidationError, match="jitter must be shorter than every"):
        Interval(every=SECOND, jitter=SECOND)
