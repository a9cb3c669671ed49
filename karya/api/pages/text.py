"""How values read on the page: short for people, the whole of it in an attribute where that helps."""

import re
from datetime import datetime, timedelta
from typing import Any

import orjson

from karya.core.schedule.zones import zone_of
from karya.core.times import format_instant
from karya.core.views.overview import AtLeast

MOST_JSON = 8_000
"""Characters of a value that a page shows; the API has all of it."""

_INSTANT = re.compile(r"\b(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.000|(\.\d+))?Z")

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_UNITS = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"), (1.0, "s"))


def instant(at: datetime | None) -> str:
    """2026-11-23 08:00:00 UTC, with milliseconds where there are any."""
    if at is None:
        return "–"
    text = format_instant(at)[:-1].replace("T", " ")
    return text.removesuffix(".000")


def spaced(said: str) -> str:
    """A sentence of ours with its instants as `instant` writes them."""
    return _INSTANT.sub(r"\1 \2\3", said)


def wall(at: datetime, zone: str) -> str:
    """Mon 2026-11-23 09:00: what a clock in this timezone shows, so that one sees the days of a schedule."""
    local = at.astimezone(zone_of(zone))
    clock = local.isoformat(" ", "milliseconds")[:23].removesuffix(".000").removesuffix(":00")
    return f"{_DAYS[local.weekday()]} {clock}"


def machine(at: datetime) -> str:
    """For the attribute of a `time`."""
    return format_instant(at)


def span(length: timedelta | None) -> str:
    """About how long: 1.25 s, 3 min 20 s, 2 d 4 h."""
    if length is None:
        return "–"
    seconds = length.total_seconds()
    sign, seconds = ("−", -seconds) if seconds < 0 else ("", seconds)
    if seconds < 1:
        return f"{sign}{round(seconds * 1000)} ms"
    if seconds < 60:
        return f"{sign}{seconds:.2f}".rstrip("0").rstrip(".") + " s"
    parts: list[str] = []
    for size, unit in _UNITS:
        count, seconds = divmod(seconds, size)
        if count and len(parts) < 2:
            parts.append(f"{int(count)} {unit}")
    return sign + " ".join(parts)


def ago(at: datetime, now: datetime) -> str:
    """in 5 min, 3 s ago, now."""
    away = at - now
    if abs(away) < timedelta(seconds=1):
        return "now"
    rough = span(timedelta(seconds=round(abs(away).total_seconds())))
    return f"in {rough}" if away > timedelta(0) else f"{rough} ago"


def json(value: Any) -> str:
    """A value as JSON for people, cut where it is long."""
    text = orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    return text if len(text) <= MOST_JSON else f"{text[:MOST_JSON]}\n… ({len(text):,} characters in all)"


def count(number: AtLeast | int | None) -> str:
    """12, 10,000+; a dash where nobody knows."""
    if number is None:
        return "–"
    if isinstance(number, int):
        return f"{number:,}"
    return f"{number.count:,}+" if number.more else f"{number.count:,}"


def share(number: int, most: int) -> str:
    """A percentage for a bar, never more than all of it."""
    return f"{min(100.0, 100.0 * number / most) if most > 0 else 0.0:.1f}"


def target(action: dict[str, Any]) -> str:
    """What an action is about, in a few words."""
    keys = ("url", "function", "topic", "channel", "subject", "to")
    named = next((str(action[key]) for key in keys if action.get(key)), "")
    method = f"{action['method']} " if action.get("type") == "rest" else ""
    return f"{method}{named}"
