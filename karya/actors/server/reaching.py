"""Waiting until a change of a job holds for what was claimed just before it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from karya.core.ports import Clock

Wait = Callable[[datetime | None, Clock], Awaitable[None]]
"""What `reached` does."""


async def reached(may_start_until: datetime | None, clock: Clock) -> None:
    """Waits until then: a task that was claimed a moment ago may start so long; afterwards its worker asks
    first (see `TaskRepository.may_start_until`)."""
    if may_start_until is not None and (wait := may_start_until - clock.now()) > timedelta(0):
        await asyncio.sleep(wait.total_seconds())
