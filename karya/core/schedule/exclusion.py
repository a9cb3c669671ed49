"""The instants and days on which a schedule does not run."""

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta, tzinfo
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer, TypeAdapter, ValidationError

from karya.core.schedule.zones import day_start, local
from karya.core.times import MILLISECOND, Instant, format_instant

MOST_EXCLUSIONS = 1000
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ONE_DAY = timedelta(days=1)
_INSTANT: TypeAdapter[datetime] = TypeAdapter(Instant)


def _read(value: Any) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str) and _DATE.fullmatch(value):
        return _read_date(value)
    try:
        return _INSTANT.validate_python(value)
    except ValidationError:
        raise ValueError(
            "write a date such as 2026-12-25 for a whole local day, or one instant with an offset "
            "such as 2026-12-25T08:00:00Z"
        ) from None


def _read_date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text} is no day of the calendar") from None


def _write(value: date) -> str:
    return format_instant(value) if isinstance(value, datetime) else value.isoformat()


Exclusion = Annotated[
    datetime | date, BeforeValidator(_read), PlainSerializer(_write, return_type=str, when_used="json")
]
"""One instant, or a local date: every instant of that day."""

Exclude = Annotated[tuple[Exclusion, ...], Field(max_length=MOST_EXCLUSIONS)]


class Excluded:
    """What is excluded, ready to be asked about one instant after the other."""

    def __init__(self, exclude: Sequence[date], zone: tzinfo) -> None:
        self._zone = zone
        self._instants = {entry for entry in exclude if isinstance(entry, datetime)}
        self._days = {entry for entry in exclude if not isinstance(entry, datetime)}

    def ends(self, at: datetime) -> datetime | None:
        """None for an instant that counts; else a moment, not before it, after which the next may count."""
        if self._days and (day := local(at, self._zone).date()) in self._days:
            while day in self._days:
                day += _ONE_DAY
            return max(at, day_start(day, self._zone) - MILLISECOND)
        return at if at in self._instants else None
