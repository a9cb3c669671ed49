"""The walls of an RRULE, found from any point without counting from DTSTART.

dateutil says which days of one period (a year, a month) a rule means; the periods, the times of the day
and BYSETPOS are arithmetic here. dateutil alone goes through every period from DTSTART on, and on to the
year 9999 for a rule that never fires.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import groupby, product, takewhile
from typing import Any

from dateutil import rrule as dateutil_rrule

from karya.core.schedule.rrule_text import DAY_SECONDS, UNIT_SECONDS, Rule
from karya.core.times import LATEST

QUIET_YEARS = 100
"""A rule that has had no wall for so long is over."""

_ONE_PERIOD = 120_000  # an interval so long that dateutil's second period lies beyond its calendar
_EVERY_DAY = tuple(range(1, 32))


def rule_walls(rule: Rule, start: datetime, after: datetime) -> Iterator[datetime]:
    """The walls strictly after `after` of the rule with the DTSTART `start`; COUNT and UNTIL aside.

    Whoever asks begins at DTSTART: only a fold that follows it leads back before its wall.
    """
    rule = _completed(rule, start)
    search = {"YEARLY": _by_month, "MONTHLY": _by_month, "WEEKLY": _by_day, "DAILY": _by_day}.get(
        rule.freq, _by_unit
    )
    last: datetime | None = after
    while last is not None:
        after, last = last, None
        final = min(after.year + QUIET_YEARS, LATEST.year)
        for last in takewhile(datetime(final + 1, 1, 1).__gt__, search(rule, start, after, final + 1)):
            yield last


def _completed(rule: Rule, start: datetime) -> Rule:
    """The rule with what it leaves to DTSTART written out (RFC 5545, section 3.3.10)."""
    unit = UNIT_SECONDS.get(rule.freq, DAY_SECONDS)
    parts: dict[str, Any] = {}
    if not (rule.byday or rule.bymonthday or rule.byyearday or rule.byweekno):
        if rule.freq == "YEARLY":
            parts["bymonth"] = rule.bymonth or (start.month,)
        if rule.freq in ("YEARLY", "MONTHLY"):
            parts["bymonthday"] = (start.day,)
        if rule.freq == "WEEKLY":
            parts["byday"] = (dateutil_rrule.weekday(start.weekday()),)
    if unit > 3600:
        parts["byhour"] = rule.byhour or (start.hour,)
    if unit > 60:
        parts["byminute"] = rule.byminute or (start.minute,)
    if unit > 1:
        parts["bysecond"] = rule.bysecond or (start.second,)
    return replace(rule, **parts)


def _by_month(rule: Rule, start: datetime, after: datetime, final: int) -> Iterator[datetime]:
    """Years and months: the walls of one period after the other."""
    yearly = rule.freq == "YEARLY"
    begin = start.year * 12 + (0 if yearly else start.month - 1)
    step = rule.interval * (12 if yearly else 1)
    behind = max(after.year * 12 + after.month - 1 - begin, 0) // step
    for month in range(begin + behind * step, (final + 1) * 12, step):
        yield from _select(rule, _days_of_period(rule, month // 12, month % 12 + 1), after)


def _by_day(rule: Rule, start: datetime, after: datetime, final: int) -> Iterator[datetime]:
    """Weeks and days: the matching days in groups by period."""
    length = 7 if rule.freq == "WEEKLY" else 1

    def period(day: date) -> int:
        return (day.toordinal() - 1 - rule.wkst) // length if length == 7 else day.toordinal()

    first = after.date() - timedelta(days=(after.weekday() - rule.wkst) % 7 if length == 7 else 0)
    for number, days in groupby(_matching_days(rule, first, final), key=period):
        if (number - period(start.date())) % rule.interval == 0:
            yield from _select(rule, tuple(days), after)


def _select(rule: Rule, days: Sequence[date], after: datetime) -> Iterator[datetime]:
    """The walls of one period after `after`: each time on each day, or those that BYSETPOS chooses."""
    times = _times_of_day(rule.byhour, rule.byminute, rule.bysecond)
    if rule.bysetpos:
        size = len(days) * len(times)
        chosen = {place - 1 if place > 0 else size + place for place in rule.bysetpos}
        walls = (divmod(place, len(times)) for place in sorted(chosen) if 0 <= place < size)
        found = (datetime.combine(days[day], times[at]) for day, at in walls)
        yield from (wall for wall in found if wall > after)
        return
    for day in days:
        if day >= after.date():
            begin = bisect_right(times, after.time()) if day == after.date() else 0
            yield from (datetime.combine(day, at) for at in times[begin:])


@lru_cache(maxsize=256)
def _times_of_day(hours: Sequence[int], minutes: Sequence[int], seconds: Sequence[int]) -> tuple[time, ...]:
    return tuple(time(*parts) for parts in product(hours, minutes, seconds))


def _by_unit(rule: Rule, start: datetime, after: datetime, final: int) -> Iterator[datetime]:
    """Hours, minutes and seconds: on each matching day the units that lie whole intervals behind DTSTART."""
    unit = UNIT_SECONDS[rule.freq]
    a_day = DAY_SECONDS // unit
    begin = start.toordinal() * a_day + _second_of_day(start) // unit
    for day in _matching_days(rule, after.date(), final):
        earliest = _second_of_day(after) // unit if day == after.date() else 0
        if earliest + (begin - day.toordinal() * a_day - earliest) % rule.interval < a_day:
            wall = None
            for wall in _units_of_day(rule, day, begin, earliest):
                if wall > after:
                    yield wall
            if wall is None and earliest == 0 and a_day % rule.interval == 0:
                return  # every day is like this one


def _units_of_day(rule: Rule, day: date, begin: int, earliest: int) -> Iterator[datetime]:
    unit = UNIT_SECONDS[rule.freq]
    midnight, an_hour = datetime.combine(day, time()), 3600 // unit
    shift = begin - day.toordinal() * DAY_SECONDS // unit
    for hour in rule.byhour or range(24):
        low = max(hour * an_hour, earliest)
        for number in range(low + (shift - low) % rule.interval, (hour + 1) * an_hour, rule.interval):
            minute, second = divmod(number * unit % 3600, 60)
            if rule.freq == "HOURLY":
                inner = product(rule.byminute, rule.bysecond)
            elif rule.byminute and minute not in rule.byminute:
                continue
            elif rule.freq == "MINUTELY":
                inner = product((minute,), rule.bysecond)
            elif rule.bysecond and second not in rule.bysecond:
                continue
            else:
                inner = product((minute,), (second,))
            yield from (midnight.replace(hour=hour, minute=m, second=s) for m, s in inner)


def _second_of_day(wall: datetime) -> int:
    return wall.hour * 3600 + wall.minute * 60 + wall.second


def _matching_days(rule: Rule, first: date, final: int) -> Iterator[date]:
    """The days from `first` on that the BY parts let through, up to the end of the year `final`."""
    limits = (rule.bymonth, rule.bymonthday, rule.byyearday, rule.byday)
    for year in range(first.year, final + 1):
        if any(limits):
            yield from (day for day in _days_of_year(year, *limits) if day >= first)
        else:
            start = max(first, date(year, 1, 1)).toordinal()
            yield from map(date.fromordinal, range(start, date(year + 1, 1, 1).toordinal()))


@lru_cache(maxsize=512)
def _days_of_year(
    year: int,
    bymonth: Sequence[int],
    bymonthday: Sequence[int],
    byyearday: Sequence[int],
    byday: Sequence[Any],
) -> tuple[date, ...]:
    if not (bymonthday or byyearday or byday):
        bymonthday = _EVERY_DAY  # dateutil would take the day of DTSTART
    rule = Rule("YEARLY", bymonth=tuple(bymonth), bymonthday=tuple(bymonthday), byyearday=tuple(byyearday))
    return _days_of_period(replace(rule, byday=tuple(byday)), year, 1)


@lru_cache(maxsize=512)
def _days_of_period(rule: Rule, year: int, month: int) -> tuple[date, ...]:
    """The days of one year or month that the rule means, BYSETPOS aside."""
    parts = ("byweekno", "byyearday", "bymonthday", "bymonth")
    found = dateutil_rrule.rrule(
        dateutil_rrule.YEARLY if rule.freq == "YEARLY" else dateutil_rrule.MONTHLY,
        dtstart=datetime(year, month, 1),
        interval=_ONE_PERIOD,
        wkst=rule.wkst,
        byweekday=rule.byday or None,
        byhour=0,
        byminute=0,
        bysecond=0,
        **{name: getattr(rule, name) or None for name in parts},
    )
    return tuple(at.date() for at in found)
