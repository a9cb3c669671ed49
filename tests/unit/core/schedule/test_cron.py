"""Cron against an oracle that looks at every minute of the local clock, in many zones (I5)."""

from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from karya.core.schedule import Cron, Schedule
from karya.core.schedule.cron import ALIASES
from karya.core.times import LATEST
from tests.support.cron_oracle import oracle
from tests.support.zones import ODD_ZONES, change_days, wall_of

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
DAY = timedelta(days=1)

minutes = st.sampled_from(["0", "30", "59", "*/15", "5,50", "*", "1-59/7", "*/60"])
hours = st.sampled_from(
    ["0", "1", "2", "3", "23", "*", "*/3", "*/24", "0-23", "1-3", "2,3", "*/2,1", "22-23", "0-4/2"]
)
days = st.sampled_from(["*", "*/2", "1-15", "31,1", "15-31", "29"])
weekdays = st.sampled_from(["*", "0", "7", "1-5", "SUN,TUE", "SAT-SAT", "*/2", "6,0"])
expressions = st.builds(lambda m, h, d, w: f"{m} {h} {d} * {w}", minutes, hours, days, weekdays)


@st.composite
def times_of_change(draw: st.DrawFn) -> tuple[str, datetime]:
    """A zone, and a moment up to two days before its offset changes, or any other moment."""
    zone = draw(st.sampled_from(ODD_ZONES))
    near = change_days(zone, 2005, 2035) or (NOW,)
    day = draw(st.sampled_from(near))
    return zone, day + draw(st.integers(-2 * 86_400, 86_400)) * timedelta(seconds=1)


def between(schedule: Cron, start: datetime, end: datetime) -> list[datetime]:
    return list(takewhile(lambda at: at < end, schedule.instants(start, start)))


@settings(max_examples=150)
@given(expressions, times_of_change())
@example("30 2 * * *", ("Pacific/Apia", datetime(2011, 12, 28, 12, tzinfo=UTC)))
@example("0 */3 * * *", ("Pacific/Apia", datetime(2011, 12, 28, 12, tzinfo=UTC)))
@example("30 23 * * *", ("America/Nuuk", datetime(2026, 3, 27, 12, tzinfo=UTC)))
@example("45 1 * * *", ("Australia/Lord_Howe", datetime(2026, 4, 3, 12, tzinfo=UTC)))
@example("0 0 * * *", ("America/Sao_Paulo", datetime(2018, 11, 2, 12, tzinfo=UTC)))
@example("0,30 2,3 * * *", ("Europe/Berlin", datetime(2026, 3, 28, 12, tzinfo=UTC)))
def test_instants_equal_those_seen_on_the_wall(expression: str, moment: tuple[str, datetime]) -> None:
    zone, start = moment
    schedule = Cron(expression=expression, timezone=zone)
    expected = oracle(expression, zone, start, start + 3 * DAY)
    assert between(schedule, start, start + 3 * DAY) == expected
    assert schedule.run_past(start, start, start + 2 * DAY, 7).count == min(
        7, sum(at <= start + 2 * DAY for at in expected)
    )


@settings(max_examples=250)
@given(expressions, times_of_change(), st.lists(st.integers(0, 3 * 86_400_000), min_size=1, max_size=20))
def test_starting_anywhere_is_going_on(
    expression: str, moment: tuple[str, datetime], offsets: list[int]
) -> None:
    zone, start = moment
    schedule = Cron(expression=expression, timezone=zone)
    chain = between(schedule, start, start + 4 * DAY)
    for instant in (*(start + timedelta(milliseconds=offset) for offset in offsets), *chain[:20]):
        behind = [at for at in chain if at > instant]
        if behind:
            assert schedule.next_after(start, instant, 0) == behind[0]


def distinct_zones(first_year: int, last_year: int) -> list[str]:
    """One zone of each set that changes its offset on the same days to the same offsets."""
    known: dict[object, str] = {}
    for zone in sorted(available_timezones() - {"localtime", "Factory"}):
        changes = change_days(zone, first_year, last_year)
        info = ZoneInfo(zone)
        offsets = tuple((day + DAY).astimezone(info).utcoffset() for day in changes)
        known.setdefault((changes, offsets, datetime(first_year, 1, 1, tzinfo=info).utcoffset()), zone)
    return list(known.values())


@pytest.mark.parametrize("time", ["0 0", "30 0", "30 2", "30 23", "*/60 */24"])
def test_daily_job_runs_on_every_local_day_once_in_every_zone(time: str) -> None:
    wrong: dict[str, list[date]] = defaultdict(list)
    for zone in distinct_zones(2017, 2027):
        schedule = Cron(expression=f"{time} * * *", timezone=zone)
        for day in change_days(zone, 2017, 2027) or (NOW,):
            start, end = day - 3 * DAY, day + 4 * DAY
            seen = Counter(wall_of(at, zone).date() for at in between(schedule, start, end))
            whole = (day.date() + number * DAY for number in range(-1, 3))
            wrong[zone] += [local for local in whole if seen[local] != 1]
    assert {zone: found for zone, found in wrong.items() if found} == {}


def test_a_day_that_a_zone_skips_has_no_run() -> None:
    start = datetime(2011, 12, 28, 12, tzinfo=UTC)
    found = between(Cron(expression="30 2 * * *", timezone="Pacific/Apia"), start, start + 4 * DAY)
    assert [str(wall_of(at, "Pacific/Apia")) for at in found] == [
        *("2011-12-28 02:30:00", "2011-12-29 02:30:00", "2011-12-31 02:30:00", "2012-01-01 02:30:00"),
    ]


@pytest.mark.parametrize(
    ("zone", "expression", "day", "expected"),
    [
        ("Europe/Berlin", "30 2 * * *", "2026-03-29", ["01:00"]),
        ("Europe/Berlin", "30 2 * * *", "2026-10-25", ["00:30"]),
        ("Europe/Berlin", "0,30 2,3 * * *", "2026-03-29", ["01:00", "01:30"]),
        ("Europe/Berlin", "30 * * * *", "2026-10-25", ["00:30", "01:30"]),
        ("Europe/Berlin", "0 */2 * * *", "2026-03-29", ["02:00"]),
        ("Australia/Lord_Howe", "45 1 * * *", "2026-04-04", ["14:45"]),
    ],
)
def test_the_rule_for_daylight_saving(zone: str, expression: str, day: str, expected: list[str]) -> None:
    shift = timedelta(hours=14) if zone.startswith("Aus") else timedelta(0)
    start = datetime.fromisoformat(f"{day}T00:15:00Z") + shift
    found = between(Cron(expression=expression, timezone=zone), start, start + timedelta(hours=2))
    assert [f"{at:%H:%M}" for at in found] == expected


def test_a_gap_to_midnight_keeps_the_run_on_its_day() -> None:
    first = Cron(expression="30 23 * * *", timezone="America/Nuuk").first(
        datetime(2026, 3, 28, 12, tzinfo=UTC)
    )
    assert first is not None
    assert str(wall_of(first, "America/Nuuk")) == "2026-03-28 22:59:59.999000"


@pytest.mark.parametrize("alias", ALIASES)
def test_aliases_mean_their_five_fields(alias: str) -> None:
    written, meant = Cron(expression=f" {alias.upper()}"), Cron(expression=ALIASES[alias])
    assert written.preview(NOW, 5) == meant.preview(NOW, 5)


@pytest.mark.parametrize("expression", ["0 0 29 2 *", "* * 29 2 */7", "0 0 * 2 MON#5"])
def test_rare_days_are_found(expression: str) -> None:
    instants = Cron(expression=expression, timezone="Europe/Berlin").preview(NOW, 2000)
    assert {(wall_of(at, "Europe/Berlin").month, wall_of(at, "Europe/Berlin").day) for at in instants} == {
        (2, 29)
    }


def test_start_itself_is_an_instant_and_nothing_before_it() -> None:
    start = NOW + 400 * DAY
    schedule = Cron(expression="0 8 * * *", start_at=start, end_at=start + 2 * DAY)
    assert schedule.preview(NOW, 9) == [start, start + DAY]


def test_a_submission_on_an_instant_waits_for_the_next() -> None:
    assert Cron(expression="0 8 * * *").first(NOW) == NOW + DAY


def test_calendar_ends_before_the_year_9000() -> None:
    assert Cron(expression="0 0 1 1 *").first(LATEST - DAY) is None


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("0 30 2 * * *", "five fields and no seconds.*interval"),
        ("* * *", "write five fields"),
        ("", "write five fields"),
        ("@reboot", '@reboot has no meaning here.*"once"'),
        ("@fortnightly", "or one of @hourly, @daily"),
        ("60 * * * *", "the minute field '60' is not valid: 0-59"),
        ("* 24 * * *", "the hour field '24' is not valid: 0-23"),
        ("* * 0 * *", "the day-of-month field '0' is not valid: 1-31"),
        ("* * * 13 *", "the month field '13' is not valid: 1-12"),
        ("* * * * 8", "the day-of-week field '8' is not valid: 0-7"),
        ("* * * * MON#6", "MON#2 for the second Monday, 5L for the last Friday"),
        ("* * WL * *", "L for the last day, LW for the last one from Monday to Friday"),
        ("* 5-2 * * *", "the hour field '5-2'"),
        ("*/0 * * * *", "the minute field"),
        ("0 0 31 2 *", "never fires"),
        ("0 0 30 2 *", "never fires"),
        ("0 0 */31 * 1#2", "never fires"),
        ("*" * 201, "at most 200"),
    ],
)
def test_bad_expressions_are_refused(expression: str, message: str) -> None:
    with pytest.raises(ValidationError, match=message) as caught:
        Cron(expression=expression)
    assert caught.value.errors()[0]["loc"] == ("expression",)


@given(st.text(alphabet="0123456789*/,-#LWSUNMOJAN@ ?", max_size=30))
def test_any_text_is_an_expression_or_a_clear_error(text: str) -> None:
    try:
        schedule = Cron(expression=text)
    except ValidationError as error:
        assert error.errors()[0]["type"] == "value_error"
    else:
        assert schedule.first(NOW) is not None


@pytest.mark.parametrize(
    ("zone", "message"),
    [
        ("Europe/Berlim", "did you mean Europe/Berlin"),
        ("europe/berlin", "did you mean Europe/Berlin"),
        ("New York", "did you mean America/New_York"),
        ("Kolkata", "did you mean Asia/Kolkata"),
        ("qqqqqq", "such as Europe/Berlin"),
        ("localtime", "no timezone"),
        ("../etc/passwd", "no timezone"),
        ("", "no timezone"),
    ],
)
def test_unknown_timezones_are_refused(zone: str, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Cron(expression="@daily", timezone=zone)


def test_cron_survives_json() -> None:
    adapter: TypeAdapter[Cron] = TypeAdapter(Schedule)
    schedule = Cron(
        expression="@daily",
        timezone="Asia/Tokyo",
        jitter=timedelta(hours=1),
        exclude=(date(2026, 12, 25), NOW),
    )
    assert adapter.validate_json(adapter.dump_json(schedule)) == schedule
