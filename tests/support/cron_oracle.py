"""Cron by brute force: every minute of the clock on the wall is looked at, and nothing is clever."""

from collections import defaultdict
from datetime import date, datetime, timedelta

from tests.support.zones import wall_of

_MINUTE, _DAY, _MILLI = timedelta(minutes=1), timedelta(days=1), timedelta(milliseconds=1)
_NAMES = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"))}
_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


def oracle(expression: str, zone: str, start: datetime, end: datetime) -> list[datetime]:
    """The instants of the expression strictly after `start`, before `end`, a few days at most."""
    fields = expression.split()
    minutes, hours, days, months, weekdays = (_read(f, *r) for f, r in zip(fields, _RANGES, strict=True))
    either = not (fields[2].startswith("*") or fields[4].startswith("*"))

    def on(day: date) -> bool:
        by_day = day.day in days
        by_weekday = day.isoweekday() in weekdays or day.isoweekday() % 7 in weekdays
        return day.month in months and (by_day or by_weekday if either else by_day and by_weekday)

    shown: dict[date, list[tuple[datetime, datetime]]] = defaultdict(list)
    at = start.replace(second=0, microsecond=0) - 2 * _DAY
    while at < end + 2 * _DAY:
        wall = wall_of(at, zone)
        shown[wall.date()].append((at, wall))
        at += _MINUTE
    named = [(hour, minute) for hour in sorted(hours) for minute in sorted(minutes)]
    found: set[datetime] = set()
    wildcard = len(hours) == 24 or (fields[1].startswith("*") and len(hours) > 1)
    for day in filter(on, shown):
        if wildcard:
            found |= {at for at, wall in shown[day] if (wall.hour, wall.minute) in set(named)}
        else:
            found |= {
                _first_reaching(shown[day], datetime(day.year, day.month, day.day, *time)) for time in named
            }
    return sorted(at for at in found if start < at < end)


def _first_reaching(minutes: list[tuple[datetime, datetime]], wall: datetime) -> datetime:
    """The first minute of the day at which the clock shows at least `wall`, else its last millisecond."""
    return next((at for at, shown in minutes if shown >= wall), minutes[-1][0] + _MINUTE - _MILLI)


def _read(field: str, low: int, high: int) -> set[int]:
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        begin = low if span == "*" else _number(first)
        until = _number(last) if last else (high if span == "*" or step else begin)
        found |= set(range(begin, until + 1, int(step or 1)))
    return found


def _number(text: str) -> int:
    return _NAMES[text] if text in _NAMES else int(text)
