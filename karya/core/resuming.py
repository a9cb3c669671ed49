"""What a paused job has missed, and where it goes on."""

from dataclasses import dataclass
from datetime import datetime

from karya.core.job import Cursor, Job, cursor_at
from karya.core.misfire import SkipRange

PAUSED_REASON = "the job was paused"
_ANY_NUMBER = 2**62


@dataclass(frozen=True, slots=True)
class Resumption:
    """The cursor from which the job goes on, and the instants behind the old one that have passed. It `makes`
    the occurrence on which the cursor stands, unless that has its tasks already."""

    cursor: Cursor
    skip: SkipRange | None = None
    makes: bool = False


def resumption(job: Job, now: datetime) -> Resumption:
    """Where a job goes on that is resumed now. Every instant behind its cursor that is not to come any more
    is skipped; counting them takes time for a calendar and a long pause."""
    schedule, anchor, cursor = job.schedule, job.anchor, job.cursor
    if cursor.exhausted or cursor.at > now:
        return Resumption(cursor)
    most = _ANY_NUMBER if schedule.max_runs is None else schedule.max_runs - cursor.count
    passed = schedule.run_past(anchor, cursor.at, now, most)
    first = schedule.next_after(anchor, cursor.at, cursor.count)
    skip = None
    if passed.last is not None and first is not None:
        skip = SkipRange(first, passed.last, passed.count, PAUSED_REASON)
    at, count = passed.last or cursor.at, cursor.count + passed.count
    following = schedule.next_after(anchor, at, count)
    if following is None:
        return Resumption(Cursor(at=at, count=count, exhausted=True), skip)
    return Resumption(cursor_at(schedule, anchor, following, count + 1), skip, makes=True)
