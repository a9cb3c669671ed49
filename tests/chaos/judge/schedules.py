"""The instants of a schedule, computed from what was submitted."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count, islice, takewhile

from tests.support.cron_oracle import oracle

_HOUR = 3_600_000
_MILLI = timedelta(milliseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Once:
    """One run at this instant; at the submission, if that is later."""

    at: int

    def instants(self, created: int) -> Iterator[int]:
        """The only one."""
        yield max(self.at, created)


@dataclass(frozen=True, slots=True)
class Interval:
    """anchor + n x every, n >= 1, behind the submission and before the end; without an anchor the submission
    is it."""

    every: int
    anchor: int | None = None
    max_runs: int | None = None
    end: int | None = None

    def instants(self, created: int) -> Iterator[int]:
        """In their order, for ever if nothing ends them."""
        anchor = created if self.anchor is None else self.anchor
        first = max((created - anchor) // self.every, 0) + 1
        instants = (anchor + number * self.every for number in count(first))
        return _bounded(instants, self.max_runs, self.end)


@dataclass(frozen=True, slots=True)
class Cron:
    """Five fields, in UTC."""

    expression: str
    max_runs: int | None = None
    end: int | None = None

    def instants(self, created: int) -> Iterator[int]:
        """In their order, for ever if nothing ends them."""
        return _bounded(self._all(created), self.max_runs, self.end)

    def _all(self, created: int) -> Iterator[int]:
        hours = count(created // _HOUR)
        return (at for hour in hours for at in _within(self.expression, hour) if at > created)


Schedule = Once | Interval | Cron


def _bounded(instants: Iterator[int], most: int | None, end: int | None) -> Iterator[int]:
    before = instants if end is None else takewhile(lambda at: at < end, instants)
    return islice(before, most)


@cache
def _within(expression: str, hour: int) -> tuple[int, ...]:
    """The instants of one hour, counted since 1970."""
    start = _EPOCH + hour * timedelta(hours=1)
    found = oracle(expression, "UTC", start - _MILLI, start + timedelta(hours=1))
    return tuple((at - _EPOCH) // _MILLI for at in found)
