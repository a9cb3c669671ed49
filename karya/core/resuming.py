"""What a paused job has missed, and where it goes on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice, takewhile

from karya.core.job import Cursor, Job, cursor_at
from karya.core.misfire import SkipRange, misfired_until
from karya.core.occurrence import most_at_once

PAUSED_REASON = "the job was paused"
_ANY_NUMBER = 2**62


@dataclass(frozen=True, slots=True)
class Resumption:
    """The cursor from which the job goes on, the ranges behind the old one that are skipped, and the
    occurrences behind it that get their tasks now: the last one is that on which the cursor stands."""

    cursor: Cursor
    skips: Sequence[SkipRange] = ()
    made: Sequence[Cursor] = ()


def resumption(job: Job, now: datetime) -> Resumption:
    """Where a job goes on that is resumed now. Every instant behind its cursor that is not to come any more
    is skipped; counting them takes time for a calendar and a long pause.

    But for those that the pause did not keep back: the scheduler was late to make them, as after a crash,
    yet within the job's grace when the pause came. Of these, as many as one transaction makes.
    """
    if job.cursor.exhausted or job.cursor.at > now:
        return Resumption(job.cursor)
    paused_at = job.paused_at or job.cursor.at
    misfired, cursor = passed_over(job, job.cursor, misfired_until(job, paused_at), PAUSED_REASON)
    behind = job.cursors_behind(cursor.at, cursor.count)
    overdue = tuple(islice(takewhile(lambda one: one.at < paused_at, behind), most_at_once(job)))
    if overdue:
        passed, cursor = passed_over(job, overdue[-1], now, PAUSED_REASON)
    else:  # one range, as there is nothing between the two
        misfired, (passed, cursor) = None, passed_over(job, job.cursor, now, PAUSED_REASON)
    skips = tuple(skip for skip in (misfired, passed) if skip is not None)
    following = job.next_cursor(cursor.at, cursor.count)
    if following is None:
        return Resumption(Cursor(at=cursor.at, count=cursor.count, exhausted=True), skips, overdue)
    return Resumption(following, skips, (*overdue, following))


def passed_over(job: Job, cursor: Cursor, until: datetime, reason: str) -> tuple[SkipRange | None, Cursor]:
    """The instants behind a cursor up to and including `until` as a range to be skipped, and the cursor on
    the last of them. Counting them takes time for a calendar and a long while."""
    schedule, anchor = job.schedule, job.anchor
    most = _ANY_NUMBER if schedule.max_runs is None else schedule.max_runs - cursor.count
    passed = schedule.run_past(anchor, cursor.at, until, most)
    first = schedule.next_after(anchor, cursor.at, cursor.count)
    if passed.last is None or first is None:
        return None, cursor
    count = cursor.count + passed.count
    skip = SkipRange(first, passed.last, passed.count, reason)
    return skip, cursor_at(schedule, anchor, passed.last, count)
