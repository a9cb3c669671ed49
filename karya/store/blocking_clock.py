"""Measuring the offset of the database's clock, for the scheduler's thread."""

from karya.core.clock import SystemClock
from karya.store.blocking import SyncDatabase, translated


def measure_blocking(database: SyncDatabase, clock: SystemClock) -> None:
    """Takes one measurement, for the scheduler's thread."""
    asked_at = clock.own()
    with translated():
        answer = database.client.admin.command("hello", codec_options=database.codec_options)
    clock.observe(answer["localTime"], asked_at, clock.own())
