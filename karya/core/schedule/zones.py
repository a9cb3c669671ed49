"""IANA timezones: their names, their changes of offset, and the instant that a wall-clock time means.

A *wall* here is a datetime without timezone: what a clock on the wall shows.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from difflib import get_close_matches
from functools import lru_cache
from itertools import chain, pairwise
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator

from karya.core.times import MILLISECOND

_MACHINES = frozenset({"localtime", "Factory"})  # these mean something else on every machine
_SECOND = timedelta(seconds=1)


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    return frozenset(available_timezones() - _MACHINES)


def _known(name: str) -> str:
    if name in _names():
        return name
    folded = {known.casefold(): known for known in _names()}
    last_parts = {known.rpartition("/")[2]: known for known in folded}
    sought = name.casefold().replace(" ", "_")
    close = get_close_matches(sought, [*folded, *last_parts], n=1)
    hint = f"did you mean {folded[last_parts.get(close[0], close[0])]}?" if close else "such as Europe/Berlin"
    raise ValueError(f"no timezone {name[:60]!r}; write an IANA name, {hint}")


Timezone = Annotated[str, AfterValidator(_known)]
"""The name of an IANA timezone."""


@lru_cache(maxsize=1024)
def zone_of(name: str) -> tzinfo:
    """The timezone of a known name."""
    return UTC if name == "UTC" else ZoneInfo(name)


def local(instant: datetime, zone: tzinfo) -> datetime:
    """The wall of an instant."""
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


def day_start(day: date, zone: tzinfo) -> datetime:
    """The first instant that lies on this local day, or on a later one where the zone skips the day."""
    wall = datetime.combine(day, time())
    early = _with_offset_before(wall, zone)
    return early if local(early, zone) == wall else _change(zone, wall)


def instant_of(wall: datetime, zone: tzinfo) -> datetime | None:
    """The instant at which a job of this fixed wall-clock time runs.

    A wall that the zone shows twice means the first time; one that a gap skips means the moment at which
    the gap ends. Should that moment lie on the next local day (the gap runs to midnight, as in Nuuk), it
    is the last millisecond before. None when the zone skips the whole local day (Apia, 2011-12-30).
    """
    early = _with_offset_before(wall, zone)
    if local(early, zone) == wall:
        return early
    gap_end = _change(zone, wall)
    on_the_day = (at for at in (gap_end, gap_end - MILLISECOND) if local(at, zone).date() == wall.date())
    return next(on_the_day, None)


def _with_offset_before(wall: datetime, zone: tzinfo) -> datetime:
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC)


def _change(zone: tzinfo, wall: datetime) -> datetime:
    """The end of the gap that skips the wall: by the offset after it, the wall lies before the change."""
    return _bisect(zone, wall.replace(tzinfo=zone, fold=1).astimezone(UTC), _with_offset_before(wall, zone))


def _bisect(zone: tzinfo, before: datetime, after: datetime) -> datetime:
    """The whole second at which the offset changes: the one that holds before it no longer holds."""
    offset = offset_at(zone, before)
    while after - before > _SECOND:
        middle = before + (after - before) // _SECOND // 2 * _SECOND
        if offset_at(zone, middle) == offset:
            before = middle
        else:
            after = middle
    return after


def offset_at(zone: tzinfo, instant: datetime) -> timedelta:
    """How far the wall is ahead of UTC."""
    return instant.astimezone(zone).utcoffset() or timedelta(0)


def stretches(zone: tzinfo, instant: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Time from `instant` on, cut so that the offset is the same from each start to before its end."""
    years = chain.from_iterable(_cuts(zone, year) for year in range(instant.year, 9000))
    later = (cut for cut in years if cut > instant)
    yield from pairwise(chain((instant,), later))


@lru_cache(maxsize=4096)
def _cuts(zone: tzinfo, year: int) -> tuple[datetime, ...]:
    """The changes of offset within one UTC year, and its end. No zone has two of them within two days."""
    start, end = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    days = (start + timedelta(days=number) for number in range((end - start).days))
    spans = pairwise(chain(days, (end,)))
    changed = ((a, b) for a, b in spans if offset_at(zone, a) != offset_at(zone, b))
    return tuple(sorted({*(_bisect(zone, a, b) for a, b in changed), end}))
