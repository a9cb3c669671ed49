"""Instants and durations as the wire speaks them: RFC 3339 with an offset, and ISO 8601.

Every instant inside Karya is an aware UTC datetime cut to whole milliseconds, because that is what
BSON dates hold: a value that was stored and read again equals itself.
"""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, PlainSerializer

MILLISECOND = timedelta(milliseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(9000, 1, 1, tzinfo=UTC)
_FULL_DATE = re.compile(r"[0-9]{4}-")  # pydantic would take "1700000000.5" for seconds since the epoch


def to_millis(instant: datetime) -> int:
    """Whole milliseconds since the Unix epoch."""
    return (instant - EPOCH) // MILLISECOND


def from_millis(millis: int) -> datetime:
    """The UTC instant of so many milliseconds since the Unix epoch."""
    return EPOCH + timedelta(milliseconds=millis)


def floor_millis(instant: datetime) -> datetime:
    """The same instant in UTC without its microseconds beyond the millisecond."""
    utc = instant if instant.tzinfo is UTC else instant.astimezone(UTC)
    surplus = utc.microsecond % 1000
    return utc.replace(microsecond=utc.microsecond - surplus) if surplus else utc


def ceil_millis(instant: datetime) -> datetime:
    """The first whole millisecond at or after the instant: what `after` adds up to, so nothing runs early."""
    floored = floor_millis(instant)
    return floored if floored == instant else floored + MILLISECOND


@lru_cache(1024)  # a job names its instants several times, and many jobs may share one
def format_instant(instant: datetime) -> str:
    """RFC 3339 in UTC with milliseconds: 2026-11-23T08:00:00.000Z."""
    utc = instant if instant.tzinfo is UTC else instant.astimezone(UTC)
    return f"{utc.isoformat(timespec='milliseconds')[:-6]}Z"


@lru_cache(1024)
def format_duration(duration: timedelta) -> str:
    """ISO 8601 in days, hours, minutes and seconds: P1DT30S, PT1H, PT0.1S. The duration is not negative."""
    days, rest = divmod(duration, timedelta(days=1))
    hours, rest = divmod(rest, timedelta(hours=1))
    minutes, rest = divmod(rest, timedelta(minutes=1))
    seconds = f"{rest.total_seconds():.6f}".rstrip("0").rstrip(".")
    clock = "".join(f"{count}{unit}" for count, unit in ((hours, "H"), (minutes, "M")) if count)
    clock += f"{seconds}S" if rest or not (days or clock) else ""
    return "P" + (f"{days}D" if days else "") + (f"T{clock}" if clock else "")


def _text_instant(value: Any) -> Any:
    if isinstance(value, datetime) or (isinstance(value, str) and _FULL_DATE.match(value)):
        return value
    raise ValueError("write an RFC 3339 instant with an offset, such as 2026-11-23T08:00:00Z")


def _in_range(instant: datetime) -> datetime:
    if not EPOCH <= instant < LATEST:
        raise ValueError("the instant must lie between the years 1970 and 9000")
    return floor_millis(instant)


_ISO_DURATION = re.compile(r"P(?=.)(\d+W)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+(\.\d{1,3}0*)?S)?)?")
"""ISO 8601 without years and months, whose length nobody can tell, down to milliseconds."""


def _text_duration(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str) or not value.startswith(("P", "-P")):
        raise ValueError("write an ISO 8601 duration, such as PT5S or P1DT12H")
    if not value.startswith("-") and not _ISO_DURATION.fullmatch(value):
        raise ValueError(
            "write weeks, days, hours, minutes and seconds down to a whole number of milliseconds, such as "
            "P1DT12H or PT0.25S; a year or a month has no fixed length"
        )
    return value


def _whole_millis(duration: timedelta) -> timedelta:
    if duration % MILLISECOND:
        raise ValueError("a duration is a whole number of milliseconds")
    if duration < timedelta(0):
        raise ValueError("a duration is not negative")
    if duration > timedelta(days=36_525):
        raise ValueError("a duration is at most a hundred years")
    return duration


Instant = Annotated[
    AwareDatetime,
    BeforeValidator(_text_instant),
    AfterValidator(_in_range),
    PlainSerializer(format_instant, return_type=str, when_used="json"),
]
"""An aware instant; JSON text is RFC 3339 with an offset, kept in UTC to the millisecond."""

Duration = Annotated[
    timedelta,
    BeforeValidator(_text_duration),
    AfterValidator(_whole_millis),
    PlainSerializer(format_duration, return_type=str, when_used="json"),
]
"""A length of time; JSON text is ISO 8601. Never negative; zero where the field allows it."""
