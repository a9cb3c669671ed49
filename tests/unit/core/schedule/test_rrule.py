"""RRULE against dateutil counting from DTSTART, against cron, and the examples of RFC 5545 (I5)."""

from datetime import UTC, datetime, timedelta
from itertools import dropwhile, islice, takewhile
from time import process_time

import pytest
from dateutil.rrule import rrulestr
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from karya.core.schedule import Cron, Rrule, Schedule, rrule
from karya.core.schedule.rrule_text import parse_rule
from karya.core.schedule.rrule_walls import rule_walls
from karya.core.times import LATEST
from tests.support.zones import ODD_ZONES, change_days, wall_of

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
DAY = timedelta(days=1)
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
SLOW = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY")
STEP = {
    "YEARLY": 366 * DAY,
    "MONTHLY": 31 * DAY,
    "WEEKLY": 7 * DAY,
    "DAILY": DAY,
    "HOURLY": timedelta(hours=1),
    "MINUTELY": timedelta(minutes=1),
    "SECONDLY": timedelta(seconds=1),
}


def numbers(low: int, high: int, most: int = 3) -> st.SearchStrategy[str]:
    return st.lists(st.integers(low, high).filter(bool), min_size=1, max_size=most, unique=True).map(
        lambda found: ",".join(map(str, found))
    )


@st.composite
def rules(draw: st.DrawFn) -> str:
    """A rule that is valid and fires with an interval of one."""
    freq = draw(st.sampled_from(list(STEP)))
    coarse = freq in ("YEARLY", "MONTHLY")
    day = st.sampled_from(DAYS)
    numbered = st.builds(lambda n, d: f"{n}{d}", st.sampled_from([-2, -1, 1, 2, 4]), day)
    wanted = {
        "INTERVAL": st.sampled_from([1, 2, 3, 4, 5, 6, 12, 15]).map(str),
        "WKST": day,
        "BYMONTH": numbers(1, 12),
        "BYMONTHDAY": numbers(-31, 31),
        "BYYEARDAY": numbers(-366, 366),
        "BYWEEKNO": numbers(-53, 53),
        "BYDAY": st.lists(numbered | day if coarse else day, min_size=1, max_size=3, unique=True).map(
            ",".join
        ),
        "BYHOUR": numbers(1, 23),
        "BYMINUTE": numbers(1, 59),
        "BYSECOND": numbers(1, 59),
        "BYSETPOS": numbers(-4, 4, 2),
    }
    names = draw(st.lists(st.sampled_from(list(wanted)), max_size=3, unique=True))
    text = ";".join([f"FREQ={freq}", *(f"{name}={draw(wanted[name])}" for name in names)])
    try:
        return Rrule(rule=text).rule
    except ValidationError:
        assume(False)
        raise


@settings(max_examples=80)
@given(
    rules(),
    st.datetimes(datetime(1999, 1, 1), datetime(2001, 1, 1)),
    st.integers(-5, 150),
    st.integers(0, 10**6),
)
@example("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU;WKST=SU;BYSETPOS=-1", datetime(1999, 12, 30, 9), 100, 0)
@example("FREQ=YEARLY;BYWEEKNO=53,1;BYDAY=MO,SU", datetime(1999, 12, 30, 9), 4, 0)
@example("FREQ=SECONDLY;INTERVAL=15;BYSECOND=30", datetime(2000, 1, 1, 9), 150, 7)
def test_walls_equal_those_that_dateutil_counts(
    rule: str, start: datetime, periods: int, seconds: int
) -> None:
    start = start.replace(microsecond=0)
    freq = parse_rule(rule).freq
    after = start + periods * STEP[freq] + timedelta(seconds=seconds % 90_000)
    after = max(after, start - timedelta(seconds=1))
    found = list(islice(rule_walls(parse_rule(rule), start, after), 5))
    assume(found)  # dateutil would look for what is not there until the year 9999
    assume(freq in SLOW or found[-1] - start < 2 * DAY)  # dateutil goes through every second
    counted = dropwhile(lambda at: at <= after, rrulestr(rule, dtstart=start))
    assert found == list(takewhile(lambda at: at <= found[-1], counted))


@st.composite
def moments(draw: st.DrawFn) -> tuple[str, datetime]:
    zone = draw(st.sampled_from(ODD_ZONES))
    day = draw(st.sampled_from(change_days(zone, 2005, 2035) or (NOW,)))
    return zone, day + draw(st.integers(-2 * 86_400, 86_400)) * timedelta(seconds=1)


SAME = [
    ("30 2 * * *", "FREQ=DAILY;BYHOUR=2;BYMINUTE=30;BYSECOND=0"),
    ("30 23 * * *", "FREQ=DAILY;BYHOUR=23;BYMINUTE=30;BYSECOND=0"),
    ("0 0 * * *", "FREQ=HOURLY;BYHOUR=0;BYMINUTE=0;BYSECOND=0"),
    ("*/15 * * * *", "FREQ=MINUTELY;BYMINUTE=0,15,30,45;BYSECOND=0"),
    ("0 * * * 1-5", "FREQ=HOURLY;BYDAY=MO,TU,WE,TH,FR;BYMINUTE=0;BYSECOND=0"),
    ("0,30 1-3 * * *", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYHOUR=1,2,3;BYMINUTE=0,30;BYSECOND=0"),
]


@settings(max_examples=200)
@given(st.sampled_from(SAME), moments())
def test_daylight_saving_is_that_of_cron(same: tuple[str, str], moment: tuple[str, datetime]) -> None:
    zone, start = moment
    cron = Cron(expression=same[0], timezone=zone, end_at=start + 4 * DAY).preview(start, 1000)
    assert Rrule(rule=same[1], timezone=zone, end_at=start + 4 * DAY).preview(start, 1000) == cron


@settings(max_examples=200)
@given(rules(), moments(), st.sampled_from(["", ";COUNT=9", ";UNTIL=20300101T000000Z"]))
def test_starting_anywhere_is_going_on(rule: str, moment: tuple[str, datetime], end: str) -> None:
    zone, start = moment
    schedule = Rrule(rule=rule + end, timezone=zone, start_at=start)
    chain = schedule.preview(start, 10)
    for before, after in zip([start, *chain], chain, strict=False):
        middle = before + (after - before) / 2
        assert schedule.next_after(start, before, 0) == after
        assert schedule.next_after(start, middle.replace(microsecond=0), 0) in (after, before)
    if chain:
        assert schedule.run_past(start, start, chain[-1], 50).count == len(chain)
        assert schedule.run_past(start, start, chain[-1], 3).last == chain[:3][-1]


NEW_YORK = datetime(1997, 9, 2, 13, tzinfo=UTC)  # 09:00 in New York, the DTSTART of the RFC's examples
RFC_EXAMPLES = [
    ("FREQ=DAILY;COUNT=10", "9/2 9/3 9/4 9/5 9/6 9/7 9/8 9/9 9/10 9/11"),
    ("FREQ=DAILY;INTERVAL=10;COUNT=5", "9/2 9/12 9/22 10/2 10/12"),
    ("FREQ=WEEKLY;COUNT=10", "9/2 9/9 9/16 9/23 9/30 10/7 10/14 10/21 10/28 11/4"),
    (
        "FREQ=WEEKLY;UNTIL=19971007T000000Z;WKST=SU;BYDAY=TU,TH",
        "9/2 9/4 9/9 9/11 9/16 9/18 9/23 9/25 9/30 10/2",
    ),
    ("FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH", "9/2 9/4 9/16 9/18 9/30 10/2 10/14 10/16"),
    ("FREQ=MONTHLY;COUNT=4;BYDAY=1FR", "9/5 10/3 11/7 12/5"),
    ("FREQ=MONTHLY;BYMONTHDAY=-3;COUNT=4", "9/28 10/29 11/28 12/29"),
    ("FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3", "9/4 10/7 11/6"),
    ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2;COUNT=4", "9/29 10/30 11/27 12/30"),
    ("FREQ=DAILY;UNTIL=19970904T090000", "9/2 9/3 9/4"),
]


@pytest.mark.parametrize(("rule", "expected"), RFC_EXAMPLES, ids=[rule for rule, _ in RFC_EXAMPLES])
def test_examples_of_the_rfc(rule: str, expected: str) -> None:
    schedule = Rrule(rule=f"RRULE:{rule}", timezone="America/New_York", start_at=NEW_YORK)
    walls = [wall_of(at, "America/New_York") for at in schedule.preview(NEW_YORK - DAY, 50)]
    assert " ".join(f"{wall.month}/{wall.day}" for wall in walls) == expected
    assert {wall.hour for wall in walls} == {9}


def test_times_within_a_day_as_in_the_rfc() -> None:
    schedule = Rrule(rule="FREQ=MINUTELY;INTERVAL=90;COUNT=4", timezone="America/New_York", start_at=NEW_YORK)
    walls = [wall_of(at, "America/New_York") for at in schedule.preview(NEW_YORK - DAY, 50)]
    assert [f"{wall:%H:%M}" for wall in walls] == ["09:00", "10:30", "12:00", "13:30"]


def test_submission_is_the_dtstart_without_a_start() -> None:
    schedule = Rrule(rule="FREQ=DAILY;COUNT=3")
    submitted = NOW.replace(microsecond=123_000)
    assert schedule.anchor(submitted) == NOW
    assert schedule.preview(submitted, 9) == [NOW + DAY, NOW + 2 * DAY]


def test_count_is_not_changed_by_exclusions_but_max_runs_is() -> None:
    rule, out = "FREQ=DAILY;COUNT=4", (NOW + DAY,)
    assert len(Rrule(rule=rule, start_at=NOW, exclude=out).preview(NOW - DAY, 9)) == 3
    assert len(Rrule(rule="FREQ=DAILY", start_at=NOW, max_runs=4, exclude=out).preview(NOW - DAY, 9)) == 4


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=SECONDLY",
        "FREQ=SECONDLY;INTERVAL=7",
        "FREQ=MINUTELY;BYDAY=MO",
        "FREQ=SECONDLY;BYHOUR=9;BYMONTH=2;BYMONTHDAY=29",
        "FREQ=DAILY;COUNT=10000",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29",
    ],
)
def test_the_next_instant_is_cheap_after_centuries(rule: str) -> None:
    schedule = Rrule(rule=rule, start_at=NOW, timezone="Europe/Berlin")
    late = NOW + 146_097 * DAY
    schedule.next_after(NOW, late, 0)
    began = process_time()
    for _ in range(20):
        schedule.next_after(NOW, late, 0)
    assert (process_time() - began) / 20 < 0.2


def test_the_end_of_a_count_is_found_once_for_each_of_thousands_of_jobs() -> None:
    """It takes milliseconds, and the scheduler asks for it at each occurrence."""
    daily = Rrule(rule="FREQ=DAILY;COUNT=3")
    anchors = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number) for number in range(6_000)]
    for _ in range(2):
        before = rrule._last.cache_info().misses
        assert all(daily.next_after(anchor, anchor, 1) for anchor in anchors)
    assert rrule._last.cache_info().misses == before


def test_a_rule_that_its_dtstart_never_meets_is_found_out_at_once() -> None:
    began = process_time()
    assert Rrule(rule="FREQ=SECONDLY;INTERVAL=15;BYSECOND=7", start_at=NOW).first(NOW) is None
    assert process_time() - began < 5


def test_calendar_ends_before_the_year_9000() -> None:
    assert Rrule(rule="FREQ=YEARLY").first(LATEST - DAY) is None


@pytest.mark.parametrize(
    ("rule", "field", "message"),
    [
        ("FREQ=DAILY;UNTIL=20200101T000000Z", "rule", "its last instant is 2020-01-01T00:00:00.000Z"),
        ("FREQ=DAILY;COUNT=1", "rule", "max_runs counts runs"),
        ("FREQ=HOURLY;INTERVAL=24;BYHOUR=3", "rule", "never fires from this DTSTART"),
        ("FREQ=DAILY", "end_at", "leaves no room for the first run, at 2026-11-24T08:00:00.000Z"),
    ],
)
def test_a_rule_without_a_run_says_why(rule: str, field: str, message: str) -> None:
    schedule = Rrule(rule=rule, end_at=NOW + DAY)
    assert schedule.first(NOW) is None
    assert schedule.why_never(NOW)[0] == field
    assert message in schedule.why_never(NOW)[1]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("", "is no part of a rule; known are FREQ"),
        ("INTERVAL=2", "needs FREQ"),
        ("FREQ=OFTEN", "FREQ must be one of YEARLY"),
        ("FREQ=DAILY;BYEASTER=1", "'BYEASTER=1' is no part of a rule"),
        ("FREQ=DAILY;FREQ=DAILY", "FREQ is given twice"),
        ("DTSTART:20260101T000000Z\nRRULE:FREQ=DAILY", "for DTSTART use start_at"),
        ("FREQ=DAILY\nEXDATE:20260101T000000Z", "for EXDATE use exclude"),
        ("FREQ=DAILY\nRDATE:20260101T000000Z", "for RDATE use a second job"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL must be a whole number from 1"),
        ("FREQ=YEARLY;INTERVAL=101", "INTERVAL is at most 100"),
        ("FREQ=DAILY;COUNT=0", "COUNT must be a whole number"),
        ("FREQ=DAILY;COUNT=10001", "COUNT is at most 10,000.*max_runs"),
        ("FREQ=YEARLY;COUNT=1001", "COUNT is at most 1,000"),
        ("FREQ=DAILY;COUNT=2;UNTIL=20270101T000000Z", "either COUNT or UNTIL"),
        ("FREQ=DAILY;UNTIL=20270101", "UNTIL takes a date and a time"),
        ("FREQ=DAILY;UNTIL=20271301T000000Z", "UNTIL takes a date and a time"),
        ("FREQ=DAILY;BYHOUR=24", "BYHOUR takes a list of whole numbers 0-23, with"),
        ("FREQ=MONTHLY;BYMONTHDAY=0", "1-31, or -31--1 from the end"),
        ("FREQ=DAILY;BYDAY=XX", "BYDAY takes a list of MO"),
        ("FREQ=DAILY;BYDAY=1MO", "needs FREQ=MONTHLY or FREQ=YEARLY"),
        ("FREQ=YEARLY;BYWEEKNO=1;BYDAY=1MO", "no BYWEEKNO"),
        ("FREQ=MONTHLY;BYDAY=6MO", "at most five times"),
        ("FREQ=DAILY;WKST=1", "WKST must be one of MO"),
        ("FREQ=MONTHLY;BYWEEKNO=1", "BYWEEKNO is possible with FREQ=YEARLY"),
        ("FREQ=DAILY;BYYEARDAY=1", "BYYEARDAY is possible with"),
        ("FREQ=WEEKLY;BYMONTHDAY=1", "BYMONTHDAY is possible with"),
        ("FREQ=HOURLY;BYMINUTE=1,2;BYSETPOS=1", "BYSETPOS is possible with"),
        ("FREQ=DAILY;BYSETPOS=1", "BYSETPOS chooses among"),
        ("FREQ=SECONDLY;INTERVAL=7;BYSECOND=0", "does not divide a day"),
        (
            f"FREQ=DAILY;BYMINUTE={','.join(map(str, range(60)))};BYSECOND={','.join(map(str, range(25)))}",
            "1,500 times",
        ),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "never fires"),
        ("FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=30", "never fires"),
        ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=6", "never fires"),
        ("FREQ=DAILY;" + "x" * 2000, "at most 2000"),
    ],
)
def test_bad_rules_are_refused(rule: str, message: str) -> None:
    with pytest.raises(ValidationError, match=message) as caught:
        Rrule(rule=rule)
    assert caught.value.errors()[0]["loc"] == ("rule",)


def test_start_is_a_whole_second() -> None:
    with pytest.raises(ValidationError, match="write a whole second"):
        Rrule(rule="FREQ=DAILY", start_at=NOW.replace(microsecond=1000))


def test_rrule_survives_json() -> None:
    adapter: TypeAdapter[Rrule] = TypeAdapter(Schedule)
    schedule = Rrule(rule="RRULE:FREQ=DAILY;COUNT=3", timezone="Asia/Tokyo", start_at=NOW, exclude=(NOW,))
    assert adapter.validate_json(adapter.dump_json(schedule)) == schedule
