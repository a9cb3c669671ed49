"""Instants and durations: what is accepted, what is refused with a way out, and exact round trips."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from karya.core.times import (
    EPOCH,
    MILLISECOND,
    Duration,
    Instant,
    ceil_millis,
    floor_millis,
    format_duration,
    format_instant,
    from_millis,
    to_millis,
)

INSTANT: TypeAdapter[datetime] = TypeAdapter(Instant)
DURATION: TypeAdapter[timedelta] = TypeAdapter(Duration)
NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)

offsets = st.timedeltas(timedelta(hours=-14), timedelta(hours=14)).map(
    lambda offset: timezone(timedelta(minutes=offset // timedelta(minutes=1)))
)
instants = st.datetimes(datetime(1971, 1, 1), datetime(8999, 12, 30), timezones=offsets)
durations = st.integers(0, 36_525 * 86_400_000).map(lambda millis: millis * MILLISECOND)


@given(durations)
def test_duration_round_trips_through_its_text(duration: timedelta) -> None:
    assert DURATION.validate_python(format_duration(duration)) == duration
    assert DURATION.validate_json(DURATION.dump_json(duration)) == duration


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(0), "PT0S"),
        (timedelta(milliseconds=100), "PT0.1S"),
        (timedelta(seconds=10), "PT10S"),
        (timedelta(days=1), "P1D"),
        (timedelta(days=1, seconds=30), "P1DT30S"),
        (timedelta(hours=2), "PT2H"),
        (timedelta(minutes=90, milliseconds=250), "PT1H30M0.25S"),
        (timedelta(days=2, minutes=5), "P2DT5M"),
    ],
)
def test_duration_text_is_short_iso_8601(duration: timedelta, text: str) -> None:
    assert format_duration(duration) == text


@pytest.mark.parametrize("value", [5, 5.0, "5", "5s", "pt5s", True, None, ["PT5S"]])
def test_duration_that_is_no_iso_8601_text_is_refused_with_an_example(value: Any) -> None:
    with pytest.raises(ValidationError, match="such as PT5S"):
        DURATION.validate_python(value)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("P", "no fixed length"),
        ("PT", "no fixed length"),
        ("P1M", "no fixed length"),
        ("P1Y", "no fixed length"),
        ("PT0.0999999S", "whole number of milliseconds"),
        ("-PT5S", "not negative"),
        (timedelta(days=-1), "not negative"),
        ("PT0.0005S", "whole number of milliseconds"),
        ("P36526D", "at most a hundred years"),
        ("P99999999999D", "too large"),
    ],
)
def test_duration_out_of_bounds_says_why(value: Any, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        DURATION.validate_python(value)


@given(instants)
def test_instant_round_trips_through_its_text(instant: datetime) -> None:
    stored = INSTANT.validate_python(instant)
    assert stored == floor_millis(instant)
    assert stored.utcoffset() == timedelta(0)
    assert INSTANT.validate_python(format_instant(stored)) == stored
    assert from_millis(to_millis(stored)) == stored


@given(instants)
def test_floor_and_ceil_enclose_an_instant_by_less_than_a_millisecond(instant: datetime) -> None:
    floor, ceil = floor_millis(instant), ceil_millis(instant)
    assert floor <= instant <= ceil
    assert ceil - floor == (MILLISECOND if instant.microsecond % 1000 else timedelta(0))
    assert instant - floor < MILLISECOND


def test_instant_text_is_rfc_3339_in_utc() -> None:
    assert format_instant(NOW) == "2026-11-23T08:00:00.000Z"
    assert INSTANT.validate_python("2026-11-23T10:00:00+02:00") == NOW


@pytest.mark.parametrize(
    "value", [0, 1.5, True, None, "0", "1700000000", "1700000000.5", "+5", " 12 ", date(2026, 11, 23)]
)
def test_instant_that_is_a_number_is_refused_with_an_example(value: Any) -> None:
    with pytest.raises(ValidationError, match="such as 2026-11-23T08:00:00Z"):
        INSTANT.validate_python(value)


@pytest.mark.parametrize("value", ["2026-11-23T08:00:00", "2026-11-23", datetime(2026, 11, 23)])
def test_naive_instant_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError, match="timezone"):
        INSTANT.validate_python(value)


@pytest.mark.parametrize(
    "value", ["1969-12-31T23:59:59Z", "9000-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00"]
)
def test_instant_outside_the_calendar_is_refused(value: str) -> None:
    with pytest.raises(ValidationError, match="between the years 1970 and 9000"):
        INSTANT.validate_python(value)


def test_calendar_begins_with_the_epoch() -> None:
    assert INSTANT.validate_python("1970-01-01T00:00:00Z") == EPOCH
