"""Measuring the offset of the database's clock."""

from karya.core.clock import SystemClock
from karya.store.client import AsyncDatabase, translated


async def measure(database: AsyncDatabase, clock: SystemClock) -> None:
    """Takes one measurement, for actors with an event loop."""
    asked_at = clock.own()
    with translated():
        answer = await database.client.admin.command("hello", codec_options=database.codec_options)
    clock.observe(answer["localTime"], asked_at, clock.own())
