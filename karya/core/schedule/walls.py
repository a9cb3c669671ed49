"""From wall-clock times to instants: the rule of Karya for daylight saving, the same for cron and RRULE."""

from abc import abstractmethod
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo

from karya.core.schedule.base import Recurring
from karya.core.schedule.zones import Timezone, instant_of, local, offset_at, stretches, zone_of
from karya.core.times import MILLISECOND

Walls = Callable[[datetime], Iterator[datetime]]
"""The walls of a rule strictly after the given one, in ascending order."""

_TICK = timedelta(microseconds=1)


def at_fixed_times(walls: Walls, zone: tzinfo, instant: datetime) -> Iterator[datetime]:
    """The instants after `instant` of jobs that run at fixed times of the day: each wall once.

    In a gap they run at its end, walls that meet there run together, in a fold at the first of the two.
    """
    for wall in walls(local(instant, zone)):
        at = instant_of(wall, zone)
        if at is not None and at > instant:
            yield at
            instant = at


def in_real_time(walls: Walls, zone: tzinfo, instant: datetime) -> Iterator[datetime]:
    """The instants after `instant` of jobs that run every so often: whenever the clock shows such a wall.

    What a gap skips does not happen, what a fold shows twice happens twice.
    """
    shown = following = datetime.min  # no wall lies between the two
    for start, end in stretches(zone, instant):
        offset, begun = offset_at(zone, start), shown
        shown = local(start, zone)
        if begun <= shown and following >= end.replace(tzinfo=None) + offset:
            continue  # years may pass before the next leap day
        for wall in walls(shown if start == instant else shown - _TICK):
            at = wall.replace(tzinfo=UTC) - offset
            if at >= end:
                following = wall
                break
            yield at
        else:
            return


def instants_of(walls: Walls, zone: tzinfo, instant: datetime, *, real_time: bool) -> Iterator[datetime]:
    """The instants after `instant` of jobs that follow real time, or else run at fixed times."""
    return (in_real_time if real_time else at_fixed_times)(walls, zone, instant)


class WallClock(Recurring):
    """A schedule that is written in the local time of a timezone."""

    timezone: Timezone = "UTC"

    @property
    def zone(self) -> tzinfo:
        """The timezone in which the rule is written."""
        return zone_of(self.timezone)

    @property
    @abstractmethod
    def real_time(self) -> bool:
        """Whether the job runs every so often, rather than at fixed times of the day."""

    @abstractmethod
    def walls(self, anchor: datetime) -> Walls:
        """The walls of the rule."""

    def every_after(self, anchor: datetime, instant: datetime) -> Iterator[datetime]:
        """The instants of the rule after `instant`, none before the anchor."""
        after = max(instant, anchor - MILLISECOND)
        return instants_of(self.walls(anchor), self.zone, after, real_time=self.real_time)
