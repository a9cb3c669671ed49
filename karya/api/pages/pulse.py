"""The figures of the overview from second to second, for one audience: everybody's jobs, or those of one
user."""

import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from karya.core.times import to_millis
from karya.core.views.overview import Counters, LagBucket, OverviewView

KEPT = 300
"""Points of the charts: five minutes."""

SHORTEST, LONGEST = 0.5, 10.0
"""Seconds between two points. Closer together, a single attempt looks like many a second; farther apart, what
lies between them is not known."""

Point = tuple[int, float | None, float | None, float | None, float | None]
"""When (milliseconds), attempts that succeeded and failed in a second (None: not known), start lag of half
and of 99 % of them in milliseconds (None: nothing started)."""


class Pulse:
    """Takes the difference of two looks. Where nobody looked for long there is a gap, and also where the
    workers say less than before: one was started again, or did not answer. If it is counted in again, what it
    has done is not taken for new."""

    def __init__(self, look: Callable[[], Awaitable[OverviewView]]) -> None:
        self._look = look
        self.points: deque[Point] = deque(maxlen=KEPT)
        self.latest: OverviewView | None = None
        self._at = 0.0
        self._from: tuple[OverviewView, float] | None = None

    async def beat(self) -> OverviewView:
        """Looks once more."""
        view = await self._look()
        self.latest, self._at = view, time.monotonic()
        self._draw(view, self._at)
        return view

    def _draw(self, view: OverviewView, now: float) -> None:
        if self._from is None:
            self._from = view, now
            return
        before, seconds = self._from[0], now - self._from[1]
        if seconds < SHORTEST:
            return
        is_known = seconds <= LONGEST and not _is_less(view.counters, before.counters)
        self.points.append(_point(before, view, seconds) if is_known else _gap(view))
        if is_known or seconds > LONGEST:
            self._from = view, now

    def fresh(self, seconds: float) -> OverviewView | None:
        """The latest look, if it is no older."""
        return self.latest if self.latest and time.monotonic() - self._at <= seconds else None


def _point(before: OverviewView, after: OverviewView, seconds: float) -> Point:
    one, other = before.counters, after.counters
    started = _difference(one, other)
    return (
        to_millis(after.at),
        round((other.succeeded - one.succeeded) / seconds, 1),
        round((other.failed - one.failed) / seconds, 1),
        quantile(started, 0.5),
        quantile(started, 0.99),
    )


def _gap(view: OverviewView) -> Point:
    return to_millis(view.at), None, None, None, None


def _is_less(one: Counters, other: Counters) -> bool:
    return one.succeeded < other.succeeded or one.failed < other.failed


def _difference(before: Counters, after: Counters) -> Sequence[LagBucket]:
    known = {bucket.seconds: bucket.count for bucket in before.lag}
    return [
        LagBucket(seconds=bucket.seconds, count=max(bucket.count - known.get(bucket.seconds, 0), 0))
        for bucket in after.lag
    ]


def quantile(buckets: Sequence[LagBucket], part: float) -> float | None:
    """About how many milliseconds this part of the starts were late at most; inside of its bucket, as if they
    were spread evenly. None when nothing started."""
    total = buckets[-1].count if buckets else 0
    if not total:
        return None
    wanted, below, start = part * total, 0, 0.0
    for bucket in buckets:
        if bucket.count >= wanted:
            end = start if bucket.seconds is None else bucket.seconds
            inside = (wanted - below) / max(bucket.count - below, 1)
            return round(1000 * (start + (end - start) * inside), 2)
        below, start = bucket.count, bucket.seconds or start
    return None
