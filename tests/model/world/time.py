"""Time that stands still, and waiting for it to move."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

from karya.core.ports import Clock
from tests.conformance.store.kit import HeldTime

_UNEVEN = 0.013
"""Seconds past the minute, so that no job is submitted at an instant of a calendar."""


class Time(HeldTime):
    """Held time that others can wait for."""

    def __init__(self) -> None:
        super().__init__()
        self.advance(_UNEVEN)
        self.latest: asyncio.Future[None] | None = None
        """What whoever waits since the last look waits for."""
        self._parked = asyncio.Event()
        self._waiting: list[tuple[datetime, asyncio.Future[None]]] = []

    async def reached(self, instant: datetime | None, _: Clock) -> None:
        """Waits for an instant, if there is one, and lets it be known that somebody waits."""
        if instant is not None and instant > self.now:
            self.latest = future = asyncio.get_running_loop().create_future()
            self._waiting.append((instant, future))
            self._parked.set()
            await future

    def pass_by(self, duration: timedelta) -> None:
        """Moves on."""
        self.now += duration
        for instant, future in self._waiting:
            if instant <= self.now and not future.done():
                future.set_result(None)

    async def until_parked(self, task: asyncio.Task[Any]) -> asyncio.Future[None] | None:
        """Waits until the task is done, or waits for time to pass: for what, then."""
        parked = asyncio.create_task(self._parked.wait())
        await asyncio.wait({task, parked}, return_when=asyncio.FIRST_COMPLETED)
        parked.cancel()
        self._parked.clear()
        return None if task.done() else self.latest
