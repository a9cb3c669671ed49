"""The figures of the overview from second to second, for one audience: everybody's jobs, or those of one
user."""

import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from karya.core.times import to_millis
from karya.core.views.overview import Counters, LagBucket, OverviewView

KEPT = 300
"""Points of the charts: five minutes."""

Point = tuple[int, float, float, float | None, float | None]
"""When (milliseconds), attempts that succeeded and failed in a second, start lag of half and of 99 % of them
in milliseconds (None: nothing started)."""


class Pulse:
    """Takes the difference of two looks."""

    def __init__(self, look: Callable[[], Awaitable[OverviewView]]) -> None:
        self._look = look
        self.points: deque[Point] = deque(maxlen=KEPT)
        self.latest: OverviewView | None = None
        self._at = 0.0

    async def beat(self) -> OverviewView:
        """Looks once more."""
        view, now = await self._look(), time.monotonic()
        if self.latest is not None and now > self._at:
            self.points.append(_point(self.latest, view, now - self._at))
        self.latest, self._at = view, now
        return view

    def fresh(self, seconds: float) -> OverviewView | None:
        """The latest look, if it is no older."""
        return self.latest if self.latest and time.monotonic() - self._at <= seconds else None


def _point(before: OverviewView, after: OverviewView, seconds: float) -> Point:
    one, other = before.counters, after.counters
    started = _difference(one, other)
    return (
        to_millis(after.at),
        round(max(other.succeeded - one.succeeded, 0) / seconds, 1),
        round(max(other.failed - one.failed, 0) / seconds, 1),
        quantile(started, 0.5),
        quantile(started, 0.99),
    )


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
