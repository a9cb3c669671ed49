"""Changing a job that is stored: its next version, and what becomes of the occurrences that wait."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from karya.core.action import Action
from karya.core.errors import Conflict, InvalidInput
from karya.core.job import Cursor, Job, cursor_at, written
from karya.core.occurrence import Occurrence, scheduled
from karya.core.schedule import Once
from karya.core.spec import JobSpec
from karya.core.times import MILLISECOND, format_instant

_WAYS_TO_WORK = ("action", "steps")


@dataclass(frozen=True, slots=True)
class Waiting:
    """A scheduled occurrence that has tasks, none of which was ever claimed."""

    cause: str
    instant: datetime
    count: int


@dataclass(frozen=True, slots=True)
class Remake:
    """What a new version makes: its cursor, and the occurrences that take the place of those withdrawn."""

    cursor: Cursor
    occurrences: tuple[Occurrence, ...]


def merged(job: Job, changes: Mapping[str, Any]) -> dict[str, Any]:
    """What the client wrote of the job, with the top-level fields of `changes` in place of its own. Giving
    `action` takes the steps away, and the other way round. Raises InvalidInput for another owner."""
    if not changes:
        raise InvalidInput.at("", "nothing to change: give at least one field of the job")
    if changes.get("user_id", job.user_id) != job.user_id:
        raise InvalidInput.at("user_id", "a job cannot change hands: submit a new one and cancel this one")
    wire = dict(job.spec())
    if changes.keys() & set(_WAYS_TO_WORK):
        for field in _WAYS_TO_WORK:
            wire.pop(field, None)
    return {**wire, **changes}


def revised(job: Job, spec: JobSpec[Action], now: datetime) -> Job:
    """The next version of the job. Raises InvalidInput as `new_job` does."""
    return job.model_copy(update={**written(spec), "version": job.version + 1, "updated_at": now})


def remake(
    old: Job, new: Job, waiting: Sequence[Waiting], taken: Collection[datetime], now: datetime
) -> Remake:
    """What becomes of the occurrences that wait, in their order, when `new` takes the place of `old`.

    While the schedule stays, they are made again. When it changes, those of them that are due stay where
    the new schedule has their instant, too, and the next one is its first instant after now that is not
    `taken` by an occurrence under way. Counting goes on without what is withdrawn.

    Raises InvalidInput when no instant is left, Conflict when a job that runs once has begun.
    """
    if new.schedule == old.schedule:
        return Remake(old.cursor, tuple(_again(new, old.cursor, one) for one in waiting))
    if isinstance(old.schedule, Once) and not waiting:
        raise Conflict(f"job {old.id} has run already, or runs now: submit a new one for another time")
    if isinstance(new.schedule, Once):
        return _once(old, new, waiting, taken)
    return _recurring(old, new, waiting, taken, now)


def _once(old: Job, new: Job, waiting: Sequence[Waiting], taken: Collection[datetime]) -> Remake:
    if new.anchor in taken:
        at = format_instant(new.anchor)
        raise InvalidInput.at("schedule.at", f"the occurrence of {at} has begun already: choose another one")
    cursor = Cursor(at=new.anchor, count=old.cursor.count - len(waiting) + 1, exhausted=True)
    return Remake(cursor, (scheduled(new, cursor),))


def _recurring(
    old: Job, new: Job, waiting: Sequence[Waiting], taken: Collection[datetime], now: datetime
) -> Remake:
    if new.schedule.next_after(new.anchor, now, 0) is None:
        raise InvalidInput.at("schedule", "leaves no instant after now: cancel the job instead")
    settled = old.cursor.count - len(waiting)
    room = None if new.schedule.max_runs is None else max(new.schedule.max_runs - settled, 0)
    kept = [one for one in waiting if one.instant <= now and _has(new, one.instant)][:room]
    seen = settled + len(kept)
    following = new.schedule.next_after(new.anchor, now, seen)
    while following is not None and following in taken:
        following = new.schedule.next_after(new.anchor, following, seen)
    if following is None:  # max_runs is reached
        newest = max((one.instant for one in kept), default=min(old.cursor.at, now))
        cursor = Cursor(at=newest, count=seen, exhausted=True)
        return Remake(cursor, tuple(_again(new, cursor, one) for one in kept))
    cursor = cursor_at(new.schedule, new.anchor, following, seen + 1)
    return Remake(cursor, (*(_again(new, cursor, one) for one in kept), scheduled(new, cursor)))


def _has(job: Job, instant: datetime) -> bool:
    return job.schedule.next_after(job.anchor, instant - MILLISECOND, 0) == instant


def _again(job: Job, cursor: Cursor, one: Waiting) -> Occurrence:
    """The same occurrence under the new version."""
    is_last = cursor.exhausted and one.instant >= cursor.at
    return scheduled(job, Cursor(at=one.instant, count=one.count, exhausted=is_last))
