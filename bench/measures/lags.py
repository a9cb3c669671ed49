"""How late tasks start: the start of the action less its instant, as the store has it."""

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
_RECURRING_SECONDS = 60
_PATIENCE_SECONDS = 2


def lag(rig: Rig) -> Sequence[Figure]:
    """No-op jobs, evenly spread, at several rates for 15 seconds each."""
    return [figure for rate in _GOALS for figure in lag_at(rig, rate)]


def lag_at(rig: Rig, rate: int, seconds: float = _SECONDS) -> Sequence[Figure]:
    """The same at one rate."""
    rig.empty()
    lags = rig.run(round(rate * seconds), seconds).start_lags()
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
    """10,000 jobs that each run every second, for a minute: how many occurrences had run in the end, and how
    late the latest of them was."""
    rig.empty()
    start = floor_millis(soon(10))
    end = start + timedelta(seconds=_RECURRING_SECONDS + 1)
    handle = rig.handle()
    handle.submit_many(
        _every_second(start + timedelta(milliseconds=number // 10), end) for number in range(_RECURRING)
    )
    time.sleep((end - soon(-_PATIENCE_SECONDS)).total_seconds())
    lags = rig.between(start, end).start_lags()
    what = f"{_RECURRING:,} jobs of one second"
    share = 100 * len(lags) / (_RECURRING * _RECURRING_SECONDS)
    return [
        at_least(f"{what}: occurrences that had run {_PATIENCE_SECONDS} s after the end", share, "%", 100),
        at_most(f"{what}: the latest of them", lags[-1], "ms", 250),
    ]


def _every_second(start: datetime, end: datetime) -> dict[str, object]:
    """The first instant is one second after the start."""
    bounds = {"start_at": start.isoformat(), "end_at": end.isoformat()}
    return {"schedule": {"kind": "interval", "every": "PT1S", **bounds}, "action": {"type": "noop"}}
