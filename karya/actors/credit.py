"""The free slots of a worker: counted, and announced to the dispatcher as credit."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Gauge

from karya.core.ports import Consumer

_COMPANY_SECONDS = 0.002


class Credit:
    """What a worker has under way, and how much more it takes. `idle` is set while nothing is under way."""

    def __init__(self, slots: int, consumer: Consumer, running: Gauge, credit: Gauge) -> None:
        """The gauges show what is told."""
        self._slots = slots
        self._consumer = consumer
        self._running_gauge, self._credit_gauge = running, credit
        self._claiming = 0
        self._running = 0
        self._reporting = 0
        self._closed = False
        self._announced = 0
        self._announcing: asyncio.TimerHandle | None = None
        self.idle = asyncio.Event()
        self.idle.set()

    def received(self, count: int) -> None:
        """So many hints are to be claimed."""
        self._claiming += count
        self.idle.clear()

    @contextmanager
    def claiming(self, count: int) -> Iterator[None]:
        """While so many of those that were received are being claimed, beside others perhaps."""
        try:
            yield
        finally:
            self._claiming -= count
            self.tell()
            self._rest()

    def began(self) -> None:
        """One more attempt is under way."""
        self._running += 1

    def ended(self) -> None:
        """One less; what it came to is reported next."""
        self._running -= 1
        self._announce()

    @contextmanager
    def reporting(self) -> Iterator[None]:
        """While one outcome is being stored."""
        self._reporting += 1
        try:
            yield
        finally:
            self._reporting -= 1
            self._announce()
            self._rest()

    def close(self) -> None:
        """Takes nothing more."""
        self._closed = True
        self.tell()

    def tell(self) -> None:
        """Announces at once how much more fits."""
        if self._announcing is not None:
            self._announcing.cancel()
            self._announcing = None
        self._announced = self._free()
        self._consumer.report(free=self._announced, running=self._running)
        self._running_gauge.set(self._running)
        self._credit_gauge.set(self._announced)

    def _announce(self) -> None:
        """Tells the dispatcher how much more fits. Small gains wait a moment for company: hints that come
        one by one would be claimed one by one, and a write for each costs many times one for all."""
        gain = self._free() - self._announced
        if gain < 0 or gain >= self._slots // 2 or not self._running:
            self.tell()
        elif gain > 0 and self._announcing is None:
            self._announcing = asyncio.get_running_loop().call_later(_COMPANY_SECONDS, self.tell)

    def _free(self) -> int:
        """Outcomes that pile up before the store count too: memory stays bounded."""
        if self._closed or self._reporting > 2 * self._slots:
            return 0
        return max(0, self._slots - self._running - self._claiming)

    def _rest(self) -> None:
        if not (self._running or self._claiming or self._reporting):
            self.idle.set()
