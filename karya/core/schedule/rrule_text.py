"""The text of an RFC 5545 RRULE, read and checked into a Rule."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from math import prod
from typing import Any

from dateutil.rrule import weekday

LONGEST_RULE = 2000
MOST_COUNT = 10_000
MOST_YEARS = 1000
MOST_TIMES_A_DAY = 1440
DAY_SECONDS = 86_400
UNIT_SECONDS = {"DAILY": DAY_SECONDS, "HOURLY": 3600, "MINUTELY": 60, "SECONDLY": 1}
_LONGEST_INTERVAL = {"YEARLY": 100, "MONTHLY": 1200, "WEEKLY": 5200, "DAILY": 36_500}
_FREQUENCIES = (*_LONGEST_INTERVAL, "HOURLY", "MINUTELY", "SECONDLY")
_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_UNTIL = re.compile(r"[0-9]{8}T[0-9]{6}Z?")
_WEEKDAY = re.compile(rf"([+-]?[0-9]{{1,2}})?({'|'.join(_DAYS)})")
_INSTEAD = {"DTSTART": "start_at", "EXDATE": "exclude", "RDATE": "a second job"}

_RANGES = {
    "BYSECOND": (0, 59),
    "BYMINUTE": (0, 59),
    "BYHOUR": (0, 23),
    "BYMONTHDAY": (1, 31),
    "BYYEARDAY": (1, 366),
    "BYWEEKNO": (1, 53),
    "BYMONTH": (1, 12),
    "BYSETPOS": (1, 366),
}
_FROM_THE_END = ("BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYSETPOS")
_ONLY_IN = {  # RFC 5545, section 3.3.10
    "BYWEEKNO": ("YEARLY",),
    "BYYEARDAY": ("YEARLY", "HOURLY", "MINUTELY", "SECONDLY"),
    "BYMONTHDAY": tuple(freq for freq in _FREQUENCIES if freq != "WEEKLY"),
    "BYSETPOS": tuple(_LONGEST_INTERVAL),  # beyond the RFC: within a day it would name what BY parts can
}


@dataclass(frozen=True, slots=True)
class Rule:
    """A checked rule. The parts hold sorted numbers, empty where the rule says nothing."""

    freq: str
    interval: int = 1
    count: int | None = None
    until: datetime | None = None
    """The last moment, inclusive: aware when it was written in UTC, else a wall."""
    wkst: int = 0
    bysecond: tuple[int, ...] = ()
    byminute: tuple[int, ...] = ()
    byhour: tuple[int, ...] = ()
    byday: tuple[weekday, ...] = ()
    bymonthday: tuple[int, ...] = ()
    byyearday: tuple[int, ...] = ()
    byweekno: tuple[int, ...] = ()
    bymonth: tuple[int, ...] = ()
    bysetpos: tuple[int, ...] = ()


@lru_cache(maxsize=1024)
def parse_rule(text: str) -> Rule:
    """The rule of an RRULE text, with or without its `RRULE:`. Raises ValueError saying what to write."""
    parts = _parts(text)
    if "FREQ" not in parts:
        raise ValueError("a rule needs FREQ, such as FREQ=DAILY;BYHOUR=9")
    rule = Rule(**{name.lower(): _READERS[name](name, value) for name, value in parts.items()})
    for check in (_check_interval, _check_end, _check_parts, _check_days, _check_times):
        check(rule)
    return rule


def _parts(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    if (named := re.search(r"\b(DTSTART|EXDATE|RDATE)\b", text.upper())) is not None:
        raise ValueError(f"write the rule alone: for {named[1]} use {_INSTEAD[named[1]]}")
    for part in re.sub(r"^RRULE:", "", text.strip().upper()).removesuffix(";").split(";"):
        name, equals, value = part.partition("=")
        if not equals or name not in _READERS:
            raise ValueError(f"{part[:40]!r} is no part of a rule; known are {', '.join(_READERS)}")
        if name in found:
            raise ValueError(f"{name} is given twice; write one list, such as BYHOUR=9,17")
        found[name] = value
    return found


def _read_freq(name: str, value: str) -> str:
    if value not in _FREQUENCIES:
        raise ValueError(f"{name} must be one of {', '.join(_FREQUENCIES)}; nothing is shorter than a second")
    return value


def _read_positive(name: str, value: str) -> int:
    if not re.fullmatch(r"[0-9]{1,10}", value) or int(value) == 0:
        raise ValueError(f"{name} must be a whole number from 1")
    return int(value)


def _read_until(name: str, value: str) -> datetime:
    try:
        if not _UNTIL.fullmatch(value):
            raise ValueError
        wall = datetime.strptime(value.rstrip("Z"), "%Y%m%dT%H%M%S")
    except ValueError:
        raise ValueError(
            f"{name} takes a date and a time, such as 20261231T235959Z in UTC, or without the Z in local time"
        ) from None
    return wall.replace(tzinfo=UTC) if value.endswith("Z") else wall


def _read_numbers(name: str, value: str) -> tuple[int, ...]:
    low, high = _RANGES[name]
    sign = "[+-]?" if name in _FROM_THE_END else r"\+?"
    entries = value.split(",")
    valid = all(
        re.fullmatch(rf"{sign}[0-9]{{1,3}}", entry) and low <= abs(int(entry)) <= high for entry in entries
    )
    if not valid:
        ending = f", or -{high}-{-low} from the end" if name in _FROM_THE_END else ""
        raise ValueError(f"{name} takes a list of whole numbers {low}-{high}{ending}, with commas")
    return tuple(sorted(set(map(int, entries))))


def _read_weekdays(name: str, value: str) -> tuple[weekday, ...]:
    found = [_WEEKDAY.fullmatch(entry) for entry in value.split(",")]
    if not all(match and (match[1] is None or 1 <= abs(int(match[1])) <= 53) for match in found):
        raise ValueError(
            f"{name} takes a list of {', '.join(_DAYS)}, each with a number before it if wanted: 1MO, -1FR"
        )
    return tuple(
        weekday(_DAYS.index(match[2]), int(match[1]) if match[1] else None) for match in found if match
    )


def _read_wkst(name: str, value: str) -> int:
    if value not in _DAYS:
        raise ValueError(f"{name} must be one of {', '.join(_DAYS)}")
    return _DAYS.index(value)


_READERS: dict[str, Callable[[str, str], Any]] = {
    "FREQ": _read_freq,
    "INTERVAL": _read_positive,
    "COUNT": _read_positive,
    "UNTIL": _read_until,
    "WKST": _read_wkst,
    "BYDAY": _read_weekdays,
    **dict.fromkeys(_RANGES, _read_numbers),
}


def _check_interval(rule: Rule) -> None:
    hundred_years = 36_500 * DAY_SECONDS // UNIT_SECONDS.get(rule.freq, 1)
    most = _LONGEST_INTERVAL.get(rule.freq, hundred_years)
    if rule.interval > most:
        raise ValueError(f"INTERVAL is at most {most} with FREQ={rule.freq}: a hundred years")


def _check_end(rule: Rule) -> None:
    if rule.count is not None and rule.until is not None:
        raise ValueError("give either COUNT or UNTIL, not both")
    most = MOST_YEARS if rule.freq == "YEARLY" else MOST_COUNT
    if rule.count is not None and rule.count > most:
        raise ValueError(f"COUNT is at most {most:,} with FREQ={rule.freq}; for more use max_runs")


def _check_parts(rule: Rule) -> None:
    for name, allowed in _ONLY_IN.items():
        if getattr(rule, name.lower()) and rule.freq not in allowed:
            raise ValueError(f"{name} is possible with FREQ={' or '.join(allowed)}, not with {rule.freq}")
    others = (rule.byday, *(getattr(rule, name.lower()) for name in _RANGES if name != "BYSETPOS"))
    if rule.bysetpos and not any(others):
        raise ValueError("BYSETPOS chooses among what another BY part names: give one, such as BYDAY")


def _check_days(rule: Rule) -> None:
    numbers = [abs(day.n) for day in rule.byday if day.n is not None]
    if numbers and (rule.freq not in ("YEARLY", "MONTHLY") or rule.byweekno):
        raise ValueError("a number before a day of BYDAY needs FREQ=MONTHLY or FREQ=YEARLY, and no BYWEEKNO")
    of_a_month = rule.freq == "MONTHLY" or rule.bymonth
    if of_a_month and max(numbers, default=0) > 5:
        raise ValueError("a month has each day of the week at most five times: number BYDAY from -5 to 5")


def _check_times(rule: Rule) -> None:
    unit = UNIT_SECONDS.get(rule.freq, DAY_SECONDS)
    if unit == DAY_SECONDS:
        times = prod(max(len(part), 1) for part in (rule.byhour, rule.byminute, rule.bysecond))
        if times > MOST_TIMES_A_DAY:
            raise ValueError(f"{times:,} times a day; for more than {MOST_TIMES_A_DAY:,} use a shorter FREQ")
        return
    coarser = {"HOURLY": rule.byhour, "MINUTELY": rule.byhour + rule.byminute}
    limits = coarser.get(rule.freq, rule.byhour + rule.byminute + rule.bysecond)
    if limits and (DAY_SECONDS // unit) % rule.interval:
        raise ValueError(
            f"an INTERVAL of {rule.interval} with FREQ={rule.freq} does not divide a day, so BYHOUR, "
            "BYMINUTE and BYSECOND would match by chance: leave them out, or choose one that divides a day"
        )
