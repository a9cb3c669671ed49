"""Resuming a job: what passed is one range, and the count goes on as if it had run."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from karya.core.action import Action, NoopAction
from karya.core.job import Cursor, Job, new_job
from karya.core.misfire import SkipRange
from karya.core.policies import Misfire
from karya.core.resuming import Resumption, resumption
from karya.core.schedule import Cron, Interval, Once, Schedule
from karya.core.spec import JobSpec
from karya.core.steps import step_of

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def a_job(schedule: Schedule) -> Job:
    return new_job(JobSpec[Action](schedule=schedule, action=NoopAction()), NOW)


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@given(st.integers(1, 8), st.none() | st.integers(1, 12), st.none() | st.integers(2, 60), st.integers(0, 70))
def test_it_goes_on_where_one_by_one_would_have_come(
    every: int, max_runs: int | None, end: int | None, now: int
) -> None:
    if end is not None and end <= every:
        return
    job = a_job(Interval(every=every * SECOND, max_runs=max_runs, end_at=None if end is None else at(end)))
    cursor, passed = job.cursor, list[datetime]()
    while cursor.at <= at(now) and (following := job.next_cursor(cursor.at, cursor.count)) is not None:
        cursor = following
        if cursor.at <= at(now):
            passed.append(cursor.at)
    plan = resumption(job, at(now))
    assert plan.cursor == cursor
    assert plan.made == ((cursor,) if cursor.at > at(now) and cursor != job.cursor else ())
    expected = SkipRange(passed[0], passed[-1], len(passed), "the job was paused") if passed else None
    assert plan.skips == ((expected,) if expected else ())


def test_a_job_that_runs_once_stays_where_it_is() -> None:
    job = a_job(Once(at=at(5)))
    assert resumption(job, at(99)) == Resumption(job.cursor)


def test_an_exhausted_job_stays_where_it_is() -> None:
    job = a_job(Interval(every=SECOND, max_runs=1))
    assert resumption(job, at(99)) == Resumption(job.cursor)


@pytest.mark.parametrize("days", [0.1, 3, 400])
def test_a_calendar_goes_on_at_its_next_instant(days: float) -> None:
    job = a_job(Cron(expression="30 * * * *"))
    now = NOW + timedelta(days=days)
    plan = resumption(job, now)
    (skip,) = plan.skips
    assert skip.count == int(days * 24) - 1 + (now.minute >= 30)
    assert (skip.first, plan.cursor.count) == (at(5400), skip.count + 2)
    assert now < plan.cursor.at <= now + timedelta(hours=1)


def test_a_year_of_tenths_of_a_second_is_counted_at_once() -> None:
    job = a_job(Interval(every=timedelta(milliseconds=100)))
    plan = resumption(job, NOW + timedelta(days=365))
    (skip,) = plan.skips
    assert skip.count == 365 * 864_000 - 1
    assert isinstance(plan.cursor, Cursor)


def paused(schedule: Schedule, seconds: float, grace: float) -> Job:
    misfire = Misfire(grace=grace * SECOND)
    job = new_job(JobSpec[Action](schedule=schedule, action=NoopAction(), misfire=misfire), NOW)
    return job.model_copy(update={"paused_at": at(seconds)})


def test_what_was_due_before_the_pause_and_within_the_grace_is_made() -> None:
    """The scheduler was away when it came, and has made nothing behind the first."""
    plan = resumption(paused(Interval(every=SECOND), 4.5, 60), at(9.5))
    assert [cursor.at for cursor in plan.made] == [at(2), at(3), at(4), at(10)]
    assert [cursor.count for cursor in plan.made] == [2, 3, 4, 10]
    assert plan.skips == (SkipRange(at(5), at(9), 5, "the job was paused"),)
    assert plan.cursor == plan.made[-1]


def test_what_was_later_than_its_grace_when_the_pause_came_is_not_made_up_for() -> None:
    plan = resumption(paused(Interval(every=SECOND), 9.5, 2), at(12.5))
    assert [cursor.at for cursor in plan.made] == [at(8), at(9), at(13)]
    assert [(skip.first, skip.last, skip.count) for skip in plan.skips] == [
        (at(2), at(7), 6),
        (at(10), at(12), 3),
    ]


@pytest.mark.parametrize(("max_runs", "instants"), [(3, [2, 3]), (4, [2, 3, 4]), (5, [2, 3, 4])])
def test_the_last_of_them_may_be_the_last_of_all(max_runs: int, instants: list[int]) -> None:
    plan = resumption(paused(Interval(every=SECOND, max_runs=max_runs), 4.5, 60), at(9.5))
    assert [cursor.at for cursor in plan.made] == [at(second) for second in instants]
    assert (plan.cursor.exhausted, plan.cursor.count) == (True, max_runs)


def test_no_more_are_made_at_once_than_one_transaction_bears() -> None:
    plan = resumption(paused(Interval(every=SECOND / 10), 3_000, 3_600), at(3_001))
    assert len(plan.made) == 1_000 + 1
    assert plan.skips[0].first == plan.made[-2].at + SECOND / 10
    assert plan.skips[0].count + len(plan.made) == plan.cursor.count - 1


@pytest.mark.parametrize("steps, size, most", [(1, 9, 1_000), (50, 9, 163), (1, 1 << 20, 7)])
def test_what_is_made_at_once_fits_into_a_transaction(steps: int, size: int, most: int) -> None:
    """Else a job that was paused behind an outage could never be resumed."""
    job = paused(Interval(every=SECOND), 2_000.5, 3_600)
    several = tuple(step_of(name=str(number), action="x" * (size // steps)) for number in range(steps))
    plan = resumption(job.model_copy(update={"steps": several}), at(2_100.5))
    assert [cursor.at for cursor in plan.made] == [*(at(2 + number) for number in range(most)), at(2_101)]
    assert sum(skip.count for skip in plan.skips) == 2_099 - most
