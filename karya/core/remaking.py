"""What becomes of the occurrences and instants of a job when another version takes its place."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from karya.core.errors import Conflict, InvalidInput
from karya.core.job import Cursor, Job, cursor_at
from karya.core.misfire import SkipRange
from karya.core.occurrence import Occurrence, scheduled
from karya.core.resuming import passed_over
from karya.core.schedule import Cron, Interval, Once, Rrule, Schedule
from karya.core.times import MILLISECOND, format_instant

REPLACED_REASON = "the schedule was replaced"
"""Of what had come by the schedule before, and had not begun."""

_BOUNDS = {"end_at", "max_runs", "jitter"}
"""What may change in a schedule without moving its instants."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A scheduled occurrence that has tasks, none of which was ever claimed."""

    cause: str
    instant: datetime
    count: int


@dataclass(frozen=True, slots=True)
class Arrears:
    """The instants of a job that have come and have no tasks, as behind an outage or in a pause: the ranges
    that are to be skipped unless the chain goes on, and the cursor behind them."""

    cursor: Cursor
    skips: tuple[SkipRange, ...] = ()


@dataclass(frozen=True, slots=True)
class Remake:
    """What a new version makes: its cursor, and the occurrences that take the place of those withdrawn.

    `before` is where the chain of the old schedule ends. Of what had come by that, `passed` are the causes of
    occurrences to be skipped with all their steps, and `skips` are the instants that have no tasks.
    """

    cursor: Cursor
    occurrences: tuple[Occurrence, ...]
    before: Cursor
    passed: frozenset[str] = frozenset()
    skips: tuple[SkipRange, ...] = ()


def is_behind(job: Job, now: datetime) -> bool:
    """Whether instants may have come that have no tasks."""
    goes_on = not isinstance(job.schedule, Once) and not job.cursor.exhausted
    return goes_on and job.cursor.at < now


def arrears(job: Job, taken: Collection[datetime], now: datetime) -> Arrears:
    """How far the chain of a job is behind. Instants that are `taken` have tasks, of an earlier version.
    Counting takes time for a calendar and a long while."""
    cursor, skips = job.cursor, list[SkipRange | None]()
    if not is_behind(job, now):
        return Arrears(cursor)
    for at in sorted(at for at in taken if cursor.at < at <= now):
        skip, cursor = passed_over(job, cursor, at - MILLISECOND, REPLACED_REASON)
        skips.append(skip)
        following = job.next_cursor(cursor.at, cursor.count)
        if following is not None and following.at == at:
            cursor = following
    skip, cursor = passed_over(job, cursor, now, REPLACED_REASON)
    return Arrears(cursor, tuple(skip for skip in (*skips, skip) if skip is not None))


def remake(
    old: Job,
    new: Job,
    waiting: Sequence[Waiting],
    taken: Collection[datetime],
    now: datetime,
    behind: Arrears | None = None,
) -> Remake:
    """What becomes of the occurrences that wait, in their order, when `new` takes the place of `old`.

    While the schedule stays, they are made again. When it changes, the next one is its first instant after
    now that is not `taken` by an occurrence under way or skipped on request. Those that are still to come
    are withdrawn, and counting goes on without them. Those that have come stay where the new schedule has
    their instant, too; the others are skipped and count, as do those that have no tasks yet (`behind`). But
    where only the bounds of the schedule change, the chain goes on where it was.

    Raises InvalidInput when no instant is left, Conflict when a job that runs once has begun.
    """
    if new.schedule == old.schedule:
        return Remake(old.cursor, tuple(_again(new, old.cursor, one) for one in waiting), old.cursor)
    if isinstance(old.schedule, Once) and not waiting:
        raise Conflict(f"job {old.id} has run already, or runs now: submit a new one for another time")
    change = _Change(old, new, waiting, taken, now, behind or Arrears(old.cursor))
    return change.once() if isinstance(new.schedule, Once) else change.recurring(new.schedule)


@dataclass(frozen=True, slots=True)
class _Change:
    """Another schedule takes the place of the one before."""

    old: Job
    new: Job
    waiting: Sequence[Waiting]
    taken: Collection[datetime]
    now: datetime
    behind: Arrears

    def once(self) -> Remake:
        anchor = self.new.anchor
        if anchor in self.taken:
            at = format_instant(anchor)
            message = f"the occurrence of {at} has begun already: choose another one"
            raise InvalidInput.at("schedule.at", message)
        passed, before = self._passed({anchor}), self.behind.cursor
        is_counted = self.old.cursor.at < anchor <= before.at and _has(self.old, anchor)
        count = before.count - len(self.waiting) + len(passed) + self._uncounted(before) + (not is_counted)
        cursor = Cursor(at=anchor, count=count, exhausted=True)
        occurrences = (scheduled(self.new, cursor),)
        return Remake(cursor, occurrences, self.behind.cursor, passed, self.behind.skips)

    def recurring(self, schedule: Interval | Cron | Rrule) -> Remake:
        new, goes_on = self.new, self._goes_on(schedule)
        if schedule.next_after(new.anchor, self.now, 0) is None:
            raise InvalidInput.at("schedule", "leaves no instant after now: cancel the job instead")
        before = self.old.cursor if goes_on else self.behind.cursor
        kept = [one for one in self._come if _has(new, one.instant) and _has_room(schedule, one)]
        passed = self._passed({one.instant for one in kept})
        following = self._following(self.old.cursor.at if goes_on else self.now)
        had = before.count - len(self.waiting) + len(kept) + len(passed) + self._uncounted(before)
        seen = had - self._to_meet(following or self.now)
        if following is None or (schedule.max_runs is not None and seen >= schedule.max_runs):
            newest = min(self.old.cursor.at, self.now)  # what is kept may be older than what has run
            cursor = Cursor(at=newest, count=had - self._to_meet(newest), exhausted=True)
            occurrences = [_again(new, cursor, one) for one in kept]
        else:
            cursor = cursor_at(schedule, new.anchor, following, seen + 1)
            occurrences = [*(_again(new, cursor, one) for one in kept), scheduled(new, cursor)]
        return Remake(cursor, tuple(occurrences), before, passed, () if goes_on else self.behind.skips)

    @property
    def _come(self) -> Sequence[Waiting]:
        return [one for one in self.waiting if one.instant <= self.now]

    def _passed(self, kept: Collection[datetime]) -> frozenset[str]:
        """What had come and is not kept. A job that runs once is put off instead."""
        if isinstance(self.old.schedule, Once):
            return frozenset()
        return frozenset(one.cause for one in self._come if one.instant not in kept)

    def _goes_on(self, schedule: Interval | Cron | Rrule) -> bool:
        """Whether what has come and has no tasks is an instant of the new schedule, too, all of it."""
        if not self.behind.skips or not _same_rule(self.old.schedule, schedule):
            return False
        return schedule.max_runs is None or self.behind.cursor.count < schedule.max_runs

    def _following(self, start: datetime) -> datetime | None:
        """The first instant of the new schedule after `start` that nothing stands for."""
        schedule, anchor = self.new.schedule, self.new.anchor
        at = schedule.next_after(anchor, start, 0)
        while at is not None and at in self.taken:
            at = schedule.next_after(anchor, at, 0)
        return at

    def _uncounted(self, before: Cursor) -> int:
        """How many instants with tasks the chain of the old schedule would have counted when it came to them.
        Those that no chain comes to count already."""
        return sum(at > before.at and _has(self.old, at) for at in self.taken)

    def _to_meet(self, cursor_at: datetime) -> int:
        """How many of these the chain of the new one is going to count, if its cursor stands there."""
        return sum(at > cursor_at and _has(self.new, at) for at in self.taken)


def _same_rule(old: Schedule, new: Schedule) -> bool:
    return old.model_dump(exclude=_BOUNDS) == new.model_dump(exclude=_BOUNDS)


def _has_room(schedule: Interval | Cron | Rrule, one: Waiting) -> bool:
    return schedule.max_runs is None or one.count <= schedule.max_runs


def _has(job: Job, instant: datetime) -> bool:
    return job.schedule.next_after(job.anchor, instant - MILLISECOND, 0) == instant


def _again(job: Job, cursor: Cursor, one: Waiting) -> Occurrence:
    """The same occurrence under the new version."""
    is_last = cursor.exhausted and one.instant >= cursor.at
    return scheduled(job, Cursor(at=one.instant, count=one.count, exhausted=is_last))
