"""When a job runs: pure schedules that answer "which instant comes next", never reading a clock."""

from typing import Annotated

from pydantic import Field

from karya.core.schedule.base import LONGEST_JITTER, Passed
from karya.core.schedule.cron import Cron
from karya.core.schedule.interval import LONGEST_INTERVAL, SHORTEST_INTERVAL, Interval
from karya.core.schedule.once import Once
from karya.core.schedule.rrule import Rrule

__all__ = [
    "LONGEST_INTERVAL",
    "LONGEST_JITTER",
    "SHORTEST_INTERVAL",
    "Cron",
    "Interval",
    "Once",
    "Passed",
    "Rrule",
    "Schedule",
]

Schedule = Annotated[Once | Interval | Cron | Rrule, Field(discriminator="kind")]
"""Any schedule, told apart by its `kind`."""
