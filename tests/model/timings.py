"""When jobs are to run, as the model computes it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from karya.core.schedule import Cron, Interval, Once, Schedule

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class At:
    """Once, so long after the submission."""

    delay: timedelta
    max_runs: int = 1
    jitter: timedelta = timedelta(0)

    @property
    def rule(self) -> object:
        """What tells its instants, however many of them there are."""
        return At, self.delay

    def schedule(self, created: datetime) -> Schedule:
        """As a client writes it."""
        return Once(at=created + self.delay)

    def instants(self, created: datetime) -> Iterator[datetime]:
        """All of them after the submission, without regard to `max_runs`."""
        yield created + self.delay


@dataclass(frozen=True)
class Every:
    """An interval, from `start` after the submission on, with an end or a number of runs."""

    every: timedelta
    max_runs: int | None = 3
    start: timedelta | None = None
    length: timedelta | None = None
    jitter: timedelta = timedelta(0)

    @property
    def rule(self) -> object:
        """What tells its instants, however many of them there are."""
        return Every, self.every, self.start

    def schedule(self, created: datetime) -> Schedule:
        """As a client writes it."""
        return Interval(
            every=self.every,
            max_runs=self.max_runs,
            start_at=None if self.start is None else created + self.start,
            end_at=self._end(created),
            jitter=self.jitter,
        )

    def instants(self, created: datetime) -> Iterator[datetime]:
        """All of them after the submission, without regard to `max_runs`."""
        number, anchor, end = 1, created + (self.start or timedelta(0)), self._end(created)
        while end is None or anchor + number * self.every < end:
            if anchor + number * self.every > created:
                yield anchor + number * self.every
            number += 1

    def _end(self, created: datetime) -> datetime | None:
        return None if self.length is None else created + self.length


@dataclass(frozen=True)
class Minutes:
    """Cron: every minute that `step` divides."""

    step: int
    max_runs: int | None = 2
    jitter: timedelta = timedelta(0)

    @property
    def rule(self) -> object:
        """What tells its instants, however many of them there are."""
        return Minutes, self.step

    def schedule(self, created: datetime) -> Schedule:
        """As a client writes it."""
        return Cron(expression=f"*/{self.step} * * * *", max_runs=self.max_runs, jitter=self.jitter)

    def instants(self, created: datetime) -> Iterator[datetime]:
        """All of them after the submission, without regard to `max_runs`."""
        minute = created.replace(second=0, microsecond=0)
        while True:
            minute += MINUTE
            if minute.minute % self.step == 0:
                yield minute


Timing = At | Every | Minutes
