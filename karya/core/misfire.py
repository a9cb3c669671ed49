"""What becomes of instants that the scheduler sees too late, and which occurrences are made next.

An instant is *misfired* when it is first seen later than the job's `grace` after the latest moment at which
its jitter lets it be due. It is the scheduler's sight that counts, not the workers': what was seen in time
and waits for a worker is never misfired.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice, takewhile

from karya.core.ids import partition_of
from karya.core.job import Cursor, Job, cursor_at
from karya.core.policies import MisfirePolicy
from karya.core.schedule import Interval, Once
from karya.core.times import MILLISECOND, format_duration

_MISFIRED = "misfired: "
"""How the reasons of this file begin."""

_MOST_PASSED = 10_000
"""How many instants of a calendar rule are passed over in one go; those of an interval are only counted."""

_ANY_NUMBER = 2**62

_ENOUGH, _MOST_LOOKED_AT = 500, 2_000
"""About how many instants with tasks are looked at where jitter leaves it open when they are due, and no more
than how many. None of the others is relied on: the chain then reaches a little further."""

_SOON = timedelta(seconds=10)
"""How far behind the look-ahead instants lie at most that are made before they have to be: a pause or a
change of the job has to deal with them."""


@dataclass(frozen=True, slots=True)
class SkipRange:
    """Instants of a schedule that are skipped, both ends included."""

    first: datetime
    last: datetime
    count: int
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done for a job in one go: first the range, then the occurrences, and `cursor` behind
    them. An `unfinished` one is to be continued soon."""

    cursor: Cursor
    skip: SkipRange | None = None
    cursors: tuple[Cursor, ...] = ()
    unfinished: bool = False

    @property
    def moves(self) -> bool:
        """Whether there is anything to write."""
        return self.skip is not None or bool(self.cursors)


def misfired_until(job: Job, now: datetime) -> datetime:
    """The newest instant that would be misfired if it were first seen now."""
    return now - job.misfire.grace - job.schedule.jitter - MILLISECOND


def has_misfired(job: Job, now: datetime) -> bool:
    """Whether an instant behind the cursor is misfired: only then `plan` must know of `open_late`."""
    following = job.next_cursor(job.cursor.at, job.cursor.count)
    return following is not None and following.at <= misfired_until(job, now)


def plan(
    job: Job,
    now: datetime,
    until: datetime,
    *,
    open_late: int = 0,
    most: int = 100,
    further: int = 0,
    cut: bool = False,
) -> Plan:
    """What follows the cursor of a job: skipped ranges, and occurrences so far that the chain cannot be late.

    Without jitter these are the instants up to the first beyond `until`. With jitter a later instant may be
    due earlier, so it goes on until some task that is due after `until` is due no later than the first
    instant that has no task: when that one is seen, there is still time. Of misfired ones no more than
    `at_once` are open at a time, `open_late` of them already; never more than `most` are made at once.
    With `cut` the tasks that should be there are not to be relied on.

    Where something is made anyway, instants behind it that come soon are made, too, up to `further` in one
    go: a job of one second is then read and moved once for several occurrences.
    """
    if job.cursor.exhausted:
        return Plan(job.cursor, None, ())
    skip, cursor, more = _passed_over(job, now)
    made: list[Cursor] = []
    if more:
        return Plan(cursor, skip, (), unfinished=True)
    late, room = misfired_until(job, now), max(0, job.misfire.at_once - open_late)
    ahead = None if cut else _earliest_ahead(job, until)
    for following in job.cursors_behind(cursor.at, cursor.count):
        if ahead is not None and ahead <= following.at:
            break
        if len(made) >= most or (len(made) >= room and following.at <= late and _is_capped(job)):
            return Plan(cursor, skip, tuple(made), unfinished=True)
        cursor = following
        made.append(cursor)
        due_at = job.schedule.due_at(job.id, cursor.at)
        if due_at > until and cursor.at not in job.skipped:
            ahead = min(ahead or due_at, due_at)
    if made:
        made += _further(job, cursor, until, min(most, further), len(made))
    return Plan(made[-1] if made else cursor, skip, tuple(made))


def _further(job: Job, cursor: Cursor, until: datetime, most: int, made: int) -> Iterator[Cursor]:
    """Instants that could be made later. Each job has numbers of its own at which it stops, so that those
    which began together do not all go on in the same second.

    None where a missed instant may have to be skipped, since only of the task on which the cursor stands it
    is known that nobody saw it before; and none where jitter tells how many there have to be.
    """
    most = min(most, job.misfire.at_once)
    if job.schedule.jitter or not _is_capped(job) or made >= most:
        return
    stop, last = partition_of(job.id) % most, cursor
    for following in islice(job.cursors_behind(cursor.at, cursor.count), most - made):
        if last.count % most == stop or following.at > until + _SOON:
            return
        last = following
        yield following


def verdict(job: Job, instant: datetime, due_at: datetime, count: int, seen_at: datetime) -> str | None:
    """Why an occurrence that has tasks, none of them touched, is skipped when it is first seen at `seen_at`;
    None when it runs. A one-off job is never too old: losing it would surprise, so only `skip` skips it."""
    misfire, late = job.misfire, seen_at - due_at
    if late <= misfire.grace:
        return None
    match misfire.policy:
        case MisfirePolicy.SKIP:
            return _reason(job)
        case MisfirePolicy.LATEST:
            following = job.schedule.next_after(job.anchor, instant, count)
            newer = following is not None and following <= misfired_until(job, seen_at)
            return _reason(job) if newer else None
        case MisfirePolicy.ALL:
            too_old = misfire.window is not None and late > misfire.window
            return _reason(job) if too_old and not isinstance(job.schedule, Once) else None


def is_misfire(reason: str | None) -> bool:
    """Whether this is the reason of something that was skipped as misfired."""
    return (reason or "").startswith(_MISFIRED)


def _is_capped(job: Job) -> bool:
    return job.misfire.policy is MisfirePolicy.ALL


def _passed_over(job: Job, now: datetime) -> tuple[SkipRange | None, Cursor, bool]:
    """The range to skip behind the cursor, the cursor behind it, and whether there is more of it."""
    limit = _skipped_until(job, now)
    if limit is None:
        return None, job.cursor, False
    past = _run_past(job, limit)
    following = None if past is None else job.next_cursor(past.last, past.number)
    more = following is not None and following.at <= limit
    if past is not None and not more and job.misfire.policy is MisfirePolicy.LATEST:
        past = _run_past(job, past.last - MILLISECOND)
    if past is None:
        return None, job.cursor, False
    skip = SkipRange(past.first, past.last, past.number - job.cursor.count, _reason(job))
    return skip, cursor_at(job.schedule, job.anchor, past.last, past.number), more


def _skipped_until(job: Job, now: datetime) -> datetime | None:
    """The newest instant that is skipped, or, under `latest`, perhaps the one that runs."""
    late, misfire = misfired_until(job, now), job.misfire
    if misfire.policy is not MisfirePolicy.ALL:
        return late
    if misfire.window is None:
        return None
    return min(late, now - misfire.window - job.schedule.jitter - MILLISECOND)


@dataclass(frozen=True, slots=True)
class _Past:
    first: datetime
    last: datetime
    number: int
    """The number of the last one in the job."""


def _run_past(job: Job, until: datetime) -> _Past | None:
    """The instants behind the cursor, up to and including `until`, as far as they are passed in one go."""
    if until <= job.cursor.at:
        return None
    schedule, at, count = job.schedule, job.cursor.at, job.cursor.count
    first = schedule.next_after(job.anchor, at, count)
    if first is None or first > until:
        return None
    most = _ANY_NUMBER if isinstance(schedule, Interval) else _MOST_PASSED
    left = most if schedule.max_runs is None else min(most, schedule.max_runs - count)
    passed = schedule.run_past(job.anchor, at, until, left)
    return _Past(first, passed.last, count + passed.count) if passed.last else None


def _earliest_ahead(job: Job, until: datetime) -> datetime | None:
    """When the first of the occurrences that have tasks, and are due after `until`, is due. What an earlier
    version of the job made is not relied on, nor what was skipped on request: nobody comes to see it."""
    schedule, newest = job.schedule, job.cursor.at
    start = max(until - _looked_back(job), job.updated_at)
    if isinstance(schedule, Once) or start >= newest:
        return None
    made = takewhile(newest.__ge__, schedule.instants(job.anchor, start))
    due = (schedule.due_at(job.id, at) for at in islice(made, _MOST_LOOKED_AT) if at not in job.skipped)
    return min((due_at for due_at in due if due_at > until), default=None)


def _looked_back(job: Job) -> timedelta:
    """How long before `until` there may be instants whose tasks are due after it: all of the jitter, or as
    much as holds enough of them. A job of one second may have 86,400, and is looked at each second."""
    jitter = job.schedule.jitter
    following = job.next_cursor(job.cursor.at, job.cursor.count) if jitter else None
    return min(jitter, _ENOUGH * (following.at - job.cursor.at)) if following else jitter


def _reason(job: Job) -> str:
    misfire = job.misfire
    match misfire.policy:
        case MisfirePolicy.SKIP:
            return f"{_MISFIRED}more than {format_duration(misfire.grace)} late"
        case MisfirePolicy.LATEST:
            return f"{_MISFIRED}only the latest missed instant runs"
        case MisfirePolicy.ALL:
            window = misfire.window or misfire.grace
            return f"{_MISFIRED}more than {format_duration(max(window, misfire.grace))} late"
