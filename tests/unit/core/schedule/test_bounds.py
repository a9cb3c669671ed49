"""What all recurring kinds share: exclusions, max_runs, the preview and the jitter."""

from datetime import UTC, date, datetime, timedelta
from itertools import islice, takewhile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from karya.core.schedule import LONGEST_JITTER, Cron, Interval, Once, Passed, Rrule
from karya.core.schedule.base import Recurring
from karya.core.times import MILLISECOND
from tests.support.zones import ODD_ZONES, change_days, wall_of

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
DAY = timedelta(days=1)
HOURLY = (
    Interval(every=timedelta(hours=1)),
    Cron(expression="0 * * * *", timezone="Asia/Tokyo"),
    Rrule(rule="FREQ=HOURLY;BYMINUTE=0;BYSECOND=0", timezone="Asia/Tokyo"),
)
kinds = pytest.mark.parametrize("schedule", HOURLY, ids=lambda schedule: schedule.kind)


def with_bounds(schedule: Recurring, **bounds: object) -> Recurring:
    return type(schedule).model_validate({**schedule.model_dump(), **bounds})


@settings(max_examples=150)
@given(
    st.sampled_from(["*/30 * * * *", "30 0 * * *", "15 */2 * * *", "0 0 * * *"]),
    st.sampled_from(ODD_ZONES),
    st.data(),
)
def test_excluded_days_are_left_out_wherever_they_begin(
    expression: str, zone: str, data: st.DataObject
) -> None:
    start = data.draw(st.sampled_from(change_days(zone, 2005, 2035) or (NOW,))) - 2 * DAY
    days = data.draw(st.sets(st.integers(0, 4)))
    every = Cron(expression=expression, timezone=zone, end_at=start + 6 * DAY)
    chosen = {start.date() + number * DAY for number in days}
    some = with_bounds(every, exclude=[day.isoformat() for day in chosen])
    expected = [at for at in every.preview(start, 999) if wall_of(at, zone).date() not in chosen]
    assert some.preview(start, 999) == expected
    for instant in (start + number * DAY / 3 for number in range(12)):
        behind = [at for at in expected if at > instant]
        assert some.next_after(start, instant, 0) == (behind[0] if behind else None)


@kinds
def test_excluded_instants_are_left_out(schedule: Recurring) -> None:
    all_of_them = schedule.preview(NOW, 10)
    some = with_bounds(schedule, exclude=(all_of_them[0], all_of_them[4], all_of_them[4] + MILLISECOND))
    assert some.preview(NOW, 8) == [*all_of_them[1:4], *all_of_them[5:]]


@kinds
def test_max_runs_does_not_count_what_is_excluded(schedule: Recurring) -> None:
    all_of_them = schedule.preview(NOW, 10)
    some = with_bounds(schedule, max_runs=3, exclude=(all_of_them[1],))
    assert some.preview(NOW, 9) == [all_of_them[at] for at in (0, 2, 3)]
    assert some.next_after(some.anchor(NOW), all_of_them[3], 3) is None


@kinds
def test_excluded_dates_are_local_days(schedule: Recurring) -> None:
    some = with_bounds(schedule, exclude=("2026-11-24",))
    zone = "UTC" if schedule.kind == "interval" else "Asia/Tokyo"
    walls = [wall_of(at, zone) for at in some.preview(NOW, 30)]
    assert date(2026, 11, 24) not in {wall.date() for wall in walls}
    assert datetime(2026, 11, 25) in walls


@kinds
def test_run_past_equals_iterating(schedule: Recurring) -> None:
    some = with_bounds(schedule, exclude=("2026-11-25", "2026-11-24T12:00:00Z"), end_at=NOW + 5 * DAY)
    anchor = some.anchor(NOW)
    for until in (NOW, NOW + DAY, NOW + 2.5 * DAY, NOW + 9 * DAY):
        for most in (0, 1, 24, 999):
            found = list(islice(takewhile(lambda at, end=until: at <= end, some.instants(anchor, NOW)), most))
            expected = Passed(len(found), found[-1] if found else None)
            assert some.run_past(anchor, NOW, until, most) == expected


@kinds
def test_everything_excluded_leaves_nothing_and_says_why(schedule: Recurring) -> None:
    some = with_bounds(schedule, end_at=NOW + DAY, exclude=["2026-11-23", "2026-11-24"])
    assert some.first(NOW) is None
    assert some.why_never(NOW) == (
        "exclude",
        "leaves no room for the first run, at 2026-11-23T09:00:00.000Z",
    )


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("2026-02-30", "2026-02-30 is no day of the calendar"),
        ("Christmas", "write a date such as 2026-12-25"),
        ("2026-12-25T08:00:00", "write a date such as 2026-12-25"),
        (20261225, "write a date such as 2026-12-25"),
    ],
)
def test_bad_exclusions_are_refused(entry: object, message: str) -> None:
    with pytest.raises(ValidationError, match=message) as caught:
        Cron.model_validate({"expression": "@daily", "exclude": [entry]})
    assert caught.value.errors()[0]["loc"] == ("exclude", 0)


def test_at_most_a_thousand_exclusions() -> None:
    days = [(NOW.date() + number * DAY).isoformat() for number in range(1001)]
    with pytest.raises(ValidationError, match="at most 1000"):
        Cron.model_validate({"expression": "@daily", "exclude": days})
    schedule = Cron.model_validate({"expression": "* * * * *", "exclude": days[:1000]})
    assert schedule.first(NOW) == datetime(2026, 11, 23, tzinfo=UTC) + 1000 * DAY


@given(st.integers(1, LONGEST_JITTER // MILLISECOND), st.text(max_size=20), st.integers(0, 10**9))
def test_jitter_is_the_same_each_time_and_within_its_bounds(spread: int, seed: str, offset: int) -> None:
    instant = NOW + offset * MILLISECOND
    schedule = Once(jitter=spread * MILLISECOND)
    due = schedule.due_at(seed, instant)
    assert instant <= due < instant + schedule.jitter
    assert (due - instant) % MILLISECOND == timedelta(0)
    assert due == Cron(expression="@daily", jitter=spread * MILLISECOND).due_at(seed, instant)


def test_jitter_spreads_jobs_and_instants() -> None:
    schedule = Cron(expression="@hourly", jitter=timedelta(minutes=10))
    by_job = {schedule.due_at(f"job-{number}", NOW) for number in range(100)}
    by_instant = {schedule.due_at("job", NOW + number * DAY) - number * DAY for number in range(100)}
    assert min(len(by_job), len(by_instant)) > 95
    assert max(by_job) - min(by_job) > timedelta(minutes=8)


def test_no_jitter_is_the_instant() -> None:
    assert Cron(expression="@hourly").due_at("job", NOW) == NOW


@pytest.mark.parametrize("jitter", ["P1DT0.001S", "-PT1S"])
def test_jitter_is_at_most_a_day(jitter: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Once.model_validate({"jitter": jitter})
    assert caught.value.errors()[0]["loc"] == ("jitter",)
