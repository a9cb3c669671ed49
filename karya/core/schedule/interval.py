"""A run every so often, by the length of time between two."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Annotated, Literal

from pydantic import Field, model_validator

from karya.core.schedule.base import Passed, Recurring
from karya.core.times import EPOCH, LATEST, MILLISECOND, Duration

SHORTEST_INTERVAL = timedelta(milliseconds=100)
LONGEST_INTERVAL = timedelta(days=36_525)


class Interval(Recurring):
    """Instants are anchor + n x every, n >= 1, before `end_at` (exclusive).

    The anchor is `start_at`, or the submission. Excluded dates are days in UTC.
    """

    kind: Literal["interval"] = "interval"
    every: Annotated[Duration, Field(ge=SHORTEST_INTERVAL, le=LONGEST_INTERVAL)]

    @model_validator(mode="after")
    def _instants_keep_their_order(self) -> "Interval":
        if self.jitter and self.jitter >= self.every:
            raise ValueError("jitter must be shorter than every, so that the runs keep their order")
        return self

    @property
    def zone(self) -> tzinfo:
        """An interval knows no local days."""
        return UTC

    def every_after(self, anchor: datetime, instant: datetime) -> Iterator[datetime]:
        """The multiples of `every` behind the anchor, up to the end of the calendar."""
        steps = max((instant - anchor) // self.every, 0) + 1
        last = (LATEST - MILLISECOND - anchor) // self.every
        return (anchor + step * self.every for step in range(steps, last + 1))

    def run_past(self, anchor: datetime, instant: datetime, until: datetime, most: int) -> Passed:
        """The instants strictly after `instant` up to and including `until`, without counting one by one."""
        until = min(until, (self.end_at or LATEST) - MILLISECOND)
        count, last, begun = 0, None, instant
        for start, end in (*self._holes(instant, until), (until + MILLISECOND, until)):
            found = self._stretch(anchor, begun, start - MILLISECOND, most - count)
            count, last = count + found.count, found.last or last
            begun = max(begun, end)
        return Passed(count, last)

    def _stretch(self, anchor: datetime, instant: datetime, until: datetime, most: int) -> Passed:
        """The multiples after `instant` up to `until`."""
        before = max((instant - anchor) // self.every, 0)
        count = min((until - anchor) // self.every - before, most)
        return Passed(count, anchor + (before + count) * self.every) if count > 0 else Passed(0, None)

    def _holes(self, instant: datetime, until: datetime) -> list[tuple[datetime, datetime]]:
        """What is excluded between the two, in order: the first and the last millisecond of each part."""
        holes = map(_hole, self.exclude)
        return sorted((start, end) for start, end in holes if end > instant and start <= until)


def _hole(entry: date) -> tuple[datetime, datetime]:
    if isinstance(entry, datetime):
        return entry, entry
    start = max(datetime.combine(entry, time(), UTC), EPOCH)
    return start, start + timedelta(days=1) - MILLISECOND
