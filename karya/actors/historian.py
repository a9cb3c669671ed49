"""History that nobody wants kept any more goes, beside all else."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import structlog

from karya.actors.metrics import ServerMetrics
from karya.core.errors import StoreUnavailable
from karya.core.ports import Clock
from karya.core.ports.history import Retention

log = structlog.get_logger("karya.historian")

_BATCH = 500

_LATE = timedelta(hours=1)
_REST = 1.0
_REST_WHEN_LATE = 0.2
"""It rests as long as it works, times this: however much is due, a part of the time is for others."""


class Historian:
    """Removes what is due, batch by batch, until nothing is. Several may do so at once."""

    def __init__(
        self,
        retention: Retention,
        clock: Clock,
        interval: timedelta,
        metrics: ServerMetrics,
        monotonic: Callable[[], float],
    ) -> None:
        self._retention = retention
        self._clock = clock
        self._interval = interval
        self._metrics = metrics
        self._monotonic = monotonic

    async def run(self) -> None:
        """Goes on until it is cancelled; whatever goes wrong, it tries again after the interval."""
        while True:
            await asyncio.sleep(self._interval.total_seconds())
            try:
                await self.sweep()
            except StoreUnavailable as error:
                log.warning("store_unavailable", error=str(error))
            except Exception:
                log.exception("chore_failed", chore="history")

    async def sweep(self) -> None:
        """Removes all that is due now."""
        while True:
            began = self._monotonic()
            swept = await self._retention.expire(self._clock.now(), _BATCH)
            self._metrics.expired.inc(swept.tasks)
            if swept.looked == 0:
                return
            rest = _REST if swept.behind < _LATE else _REST_WHEN_LATE
            await asyncio.sleep(rest * (self._monotonic() - began))
