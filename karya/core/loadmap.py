"""The load that jobs bring over a period, computed from their schedules: nothing runs, and no clock is read.

Starts are counted by the second. Jobs whose schedules name the same seconds are computed once and counted
together, so that ten thousand hourly jobs cost no more than the 3,600 seconds in which they can start.
"""

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import accumulate, islice, takewhile
from typing import Any

from karya.core.schedule import Cron, Interval, Once, Schedule
from karya.core.times import EPOCH, MILLISECOND

LONGEST = timedelta(days=31)
_SECOND = timedelta(seconds=1)
_MOST_NAMED = 5
_MOST_PEAKS = 5


@dataclass(frozen=True, slots=True)
class Planned:
    """A job, as far as it decides when it starts, and for how long."""

    name: str
    schedule: Schedule
    created_at: datetime
    seed: str
    """What its jitter depends on: the id of a stored job."""
    seen: int = 0
    """How many instants it has had, where `max_runs` bounds them."""
    seen_at: datetime | None = None
    """When that was; None is the beginning of the period."""
    duration: timedelta | None = None
    """How long a run takes; None where nobody knows."""


@dataclass(frozen=True, slots=True)
class Peak:
    """A second in which many jobs start, the jobs that do, and in how many other seconds just these do."""

    at: datetime
    starts: int
    jobs: tuple[tuple[str, int], ...]
    """The jobs with the most starts in it, and how many those are."""
    distinct: int
    repeats: int


@dataclass(slots=True)
class _Alike:
    """Jobs that start in the same seconds."""

    seconds: "array[int]"
    jobs: list[Planned] = field(default_factory=list)


class LoadMap:
    """Counts the starts of jobs from `start` on, before `end`, job by job."""

    def __init__(self, start: datetime, end: datetime, default: timedelta = _SECOND) -> None:
        """`default` is how long a run takes where the job does not say."""
        self.start, self.end = start, end
        self.jobs = 0
        self._default = default
        self._alike: dict[Any, _Alike] = {}
        self._instants: dict[Any, Sequence[datetime]] = {}

    def add(self, job: Planned) -> None:
        """Counts one job in."""
        self.jobs += 1
        first = job.created_at == self.start  # which is no instant of it then
        key = (_key(job), first) if job.created_at <= self.start else job.seed
        alike = self._alike.get(key)
        if alike is None:
            found = array("q", ((at - self.start) // _SECOND for at in self._starts(job)))
            alike = self._alike[key] = _Alike(found)
        alike.jobs.append(job)

    @property
    def seconds(self) -> int:
        """The length of the period."""
        return -((self.start - self.end) // _SECOND)

    def starts(self) -> "array[int]":
        """How many runs start in each second."""
        counts = array("q", bytes(8 * self.seconds))
        for alike in self._alike.values():
            weight = len(alike.jobs)
            for second in alike.seconds:
                counts[second] += weight
        return counts

    def running(self) -> "array[int]":
        """How many runs are under way in each second, at most: a run fills every second that it touches."""
        steps = array("q", bytes(8 * (self.seconds + 1)))
        for alike in self._alike.values():
            lengths = Counter(-(-(job.duration or self._default) // _SECOND) for job in alike.jobs)
            for second in alike.seconds:
                for length, weight in lengths.items():
                    steps[second] += weight
                    steps[min(second + max(length, 1), self.seconds)] -= weight
        return array("q", accumulate(steps[: self.seconds]))

    def peaks(self, starts: Sequence[int], most: int = _MOST_PEAKS) -> list[Peak]:
        """The seconds in which the most runs start, the highest first; those of the same jobs are one."""
        highest = sorted(set(starts), reverse=True)[: 20 * most]
        lowest = max(highest[-1] if highest else 0, 2)
        candidates = sorted(
            (second for second, count in enumerate(starts) if count >= lowest),
            key=lambda second: (-starts[second], second),
        )[: 2_000 * most]
        causes = self._causes(frozenset(candidates))
        groups: dict[Any, list[int]] = defaultdict(list)
        for second in candidates:
            groups[tuple(sorted((id(alike), count) for alike, count in causes[second]))].append(second)
        found = [self._peak(seconds, starts, causes) for seconds in list(groups.values())[:most]]
        return sorted(found, key=lambda peak: (-peak.starts, peak.at))

    def overlapping(self) -> Iterator[tuple[Planned, timedelta]]:
        """The jobs whose runs take longer than the shortest time between two of their starts, with that."""
        for alike in self._alike.values():
            gaps = [later - one for one, later in zip(alike.seconds, alike.seconds[1:], strict=False)]
            shortest = min(gaps, default=0) * _SECOND
            for job in alike.jobs if gaps else ():
                if job.duration is not None and job.duration > max(shortest, _SECOND):
                    yield job, shortest

    def counts(self) -> Mapping[str, int]:
        """How often each job starts."""
        numbers: dict[str, int] = defaultdict(int)
        for alike in self._alike.values():
            for job in alike.jobs:
                numbers[job.name] += len(alike.seconds)
        return numbers

    def _peak(
        self, seconds: Sequence[int], starts: Sequence[int], causes: Mapping[int, list[tuple[_Alike, int]]]
    ) -> Peak:
        first = seconds[0]
        jobs = [(job.name, count) for alike, count in causes[first] for job in alike.jobs]
        most = tuple(sorted(jobs, key=lambda pair: (-pair[1], pair[0]))[:_MOST_NAMED])
        return Peak(self.start + first * _SECOND, starts[first], most, len(jobs), len(seconds) - 1)

    def _causes(self, wanted: frozenset[int]) -> Mapping[int, list[tuple[_Alike, int]]]:
        """Who starts in these seconds, and how often."""
        causes: dict[int, list[tuple[_Alike, int]]] = defaultdict(list)
        for alike in self._alike.values():
            hits = Counter(second for second in alike.seconds if second in wanted)
            for second, count in hits.items():
                causes[second].append((alike, count))
        return causes

    def _starts(self, job: Planned) -> Iterable[datetime]:
        """When it starts in the period, its jitter included."""
        due = (job.schedule.due_at(job.seed, at) for at in self._named(job))
        return (at for at in due if self.start <= at < self.end)

    def _named(self, job: Planned) -> Iterable[datetime]:
        """The instants that may start in the period: jitter puts them off."""
        schedule = job.schedule
        if isinstance(schedule, Once):
            return [schedule.anchor(job.created_at)]
        anchor = schedule.anchor(job.created_at)
        after = max(self.start - schedule.jitter - MILLISECOND, job.created_at)
        instants = takewhile(lambda at: at < self.end, schedule.instants(anchor, after))
        if schedule.max_runs is not None:
            counted = schedule.instants(anchor, max(job.seen_at or after, job.created_at))
            left = islice(counted, max(schedule.max_runs - job.seen, 0))
            return takewhile(lambda at: at < self.end, left)
        if not isinstance(schedule, Cron) or schedule.start_at is not None:
            return instants
        key = (schedule.model_dump_json(exclude={"jitter"}), after)
        if key not in self._instants:
            self._instants[key] = list(instants)
        return self._instants[key]


def _key(job: Planned) -> Any:
    """What is the same for jobs that start in the same seconds; their own where nobody can tell."""
    schedule = job.schedule
    if isinstance(schedule, Once):
        return schedule.anchor(job.created_at)
    if schedule.jitter or schedule.max_runs is not None:
        return job.seed
    written = schedule.model_dump_json()
    if isinstance(schedule, Interval) and schedule.every % _SECOND == timedelta(0) and not schedule.exclude:
        anchor = schedule.anchor(job.created_at)
        return written, (anchor - EPOCH) // _SECOND % (schedule.every // _SECOND)
    return (written, None if isinstance(schedule, Cron) else schedule.anchor(job.created_at))
