"""How late tasks start: the start of the action less its instant."""

import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from bench.figures import Figure, Place, at_least, at_most, percentile
from bench.rig import Rig, soon
from karya.core.times import floor_millis

_GOALS: Mapping[int, tuple[float, float]] = {
    100: (0.9, 2),
    500: (0.9, 2),
    1_000: (2, 8),
    5_000: (8, 30),
    10_000: (25, 100),
}
"""Milliseconds at the median and the 99th percentile, by tasks a second."""

_SECONDS = 15
_RECURRING = 10_000
_RECURRING_SECONDS = 300
_RECURRING_SHORT_SECONDS = 60
_PATIENCE_SECONDS = 2


def lag(rig: Rig) -> Sequence[Figure]:
    """Jobs that do nothing but note when they began, evenly spread, at several rates for 15 seconds each."""
    return [figure for rate in _GOALS for figure in lag_at(rig, rate)]


def lag_at(rig: Rig, rate: int, seconds: float = _SECONDS) -> Sequence[Figure]:
    """The same at one rate."""
    rig.empty()
    lags = rig.lags(round(rate * seconds), seconds)
    goals = zip((50, 99), ("median", "99th percentile"), _GOALS[rate], strict=True)
    return [
        at_most(
            f"start lag at {rate:,} tasks/s, {name}",
            percentile(lags, percent),
            "ms",
            goal,
            Place("lag", name, f"{rate:,}/s"),
        )
        for percent, name, goal in goals
    ]


def recurring(rig: Rig) -> Sequence[Figure]:
    """10,000 jobs that each run every second, for five minutes: how many occurrences had run in the end, and
    how late the latest of them was."""
    return _recurring(rig, _RECURRING_SECONDS, "for five minutes")


def recurring_short(rig: Rig) -> Sequence[Figure]:
    """The same for one minute."""
    return _recurring(rig, _RECURRING_SHORT_SECONDS, "for a minute")


def _recurring(rig: Rig, seconds: int, length: str) -> Sequence[Figure]:
    rig.empty()
    start = floor_millis(soon(10))
    end = start + timedelta(seconds=seconds + 1)
    handle = rig.handle()
    handle.submit_many(
        _every_second(start + timedelta(milliseconds=number // 10), end) for number in range(_RECURRING)
    )
    time.sleep((end - soon(-_PATIENCE_SECONDS)).total_seconds())
    lags = rig.between(start, end).start_lags()
    what = f"{_RECURRING:,} jobs of one second {length}"
    share = 100 * len(lags) / (_RECURRING * seconds)
    return [
        at_least(f"{what}: occurrences that had run {_PATIENCE_SECONDS} s after the end", share, "%", 100),
        at_most(f"{what}: the latest of them", lags[-1], "ms", 250),
    ]


def _every_second(start: datetime, end: datetime) -> dict[str, object]:
    """The first instant is one second after the start."""
    bounds = {"start_at": start.isoformat(), "end_at": end.isoformat()}
    return {"schedule": {"kind": "interval", "every": "PT1S", **bounds}, "action": {"type": "noop"}}
