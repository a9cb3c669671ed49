"""What is skipped as misfired: occurrences that have tasks, and ranges of instants that have none."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pymongo.client_session import ClientSession

from karya.core.firing import Happening, hook_tasks
from karya.core.hook import Trigger
from karya.core.ids import derived_id
from karya.core.job import Job
from karya.core.misfire import SkipRange
from karya.core.task import Task, TaskKind
from karya.core.times import format_instant
from karya.core.transitions import skip
from karya.store.blocking import Document, SyncDatabase
from karya.store.documents import task_document
from karya.store.names import BY_ID, SKIPS, TASKS
from karya.store.occurrences import is_untouched
from karya.store.updates import update_of


@dataclass(frozen=True, slots=True)
class Stale:
    """An occurrence that is too late to run, unless any step of it was started."""

    cause: str
    instant: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """What was skipped of one job."""

    tasks: frozenset[str] = frozenset()
    instants: int = 0
    fired: bool = False


class Skips:
    """Writes it down, inside the transaction of somebody else, together with the ON_MISFIRE hooks."""

    def __init__(self, database: SyncDatabase) -> None:
        self._skips = database[SKIPS]
        self._tasks = database[TASKS]

    def write(
        self, job: Job, stale: Sequence[Stale], run: SkipRange | None, now: datetime, session: ClientSession
    ) -> Skipped:
        """Skips the occurrences and the range behind them. Hooks are fired once for all of it, but not
        for a range that only goes on where an earlier one ended."""
        dropped = {s: ids for s in stale if (ids := self._drop(job, s, now, session))}
        parts = [SkipRange(s.instant, s.instant, 1, s.reason) for s in dropped]
        count = len(parts) + (run.count if run else 0)
        if run is not None and self._record(job, run, now, session):
            parts.append(run)
        fired = self._fire(job, parts, now) if parts else ()
        if fired:
            self._tasks.insert_many([task_document(task) for task in fired], session=session)
        return Skipped(frozenset(i for ids in dropped.values() for i in ids), count, bool(fired))

    def _drop(self, job: Job, stale: Stale, now: datetime, session: ClientSession) -> Sequence[str]:
        """The tasks that were skipped: all of the occurrence, or none when any of them was started."""
        wanted = {"job_id": job.id, "instant": stale.instant, "cause": stale.cause}
        fields = {"status": 1, "attempts": 1, "token": 1, "kind": 1}
        found = list(self._tasks.find({**wanted, "kind": TaskKind.STEP.value}, fields, session=session))
        if not all(map(is_untouched, found)):
            return []
        ids = [task["_id"] for task in found]
        self._tasks.update_many(
            {"_id": {"$in": ids}}, update_of(skip(stale.reason, now)), hint=BY_ID, session=session
        )
        return ids

    def _record(self, job: Job, run: SkipRange, now: datetime, session: ClientSession) -> bool:
        """Whether it is a range of its own, rather than more of the one before."""
        latest = self._skips.find_one({"job_id": job.id}, sort=[("first", -1)], session=session)
        if latest and _goes_on(latest, job, run):
            more = {"$set": {"last": run.last}, "$inc": {"count": run.count}}
            self._skips.update_one({"_id": latest["_id"]}, more, session=session)
            return False
        self._skips.insert_one(skip_document(job, run, now), session=session)
        return True

    def _fire(self, job: Job, parts: Sequence[SkipRange], now: datetime) -> Sequence[Task]:
        first = min(part.first for part in parts)
        data = {
            "first": format_instant(first),
            "last": format_instant(max(part.last for part in parts)),
            "count": sum(part.count for part in parts),
            "reason": parts[-1].reason,
        }
        happening = Happening(
            job_id=job.id,
            job_version=job.version,
            user_id=job.user_id,
            source=f"{job.id}/misfired/{format_instant(first)}",
            subject=job.id,
            data=data,
            at=now,
            trace=job.trace,
        )
        return hook_tasks(job.hooks_on(Trigger.ON_MISFIRE), happening)


def _goes_on(latest: Document, job: Job, run: SkipRange) -> bool:
    """The cursor stands on the last instant of a range only while nothing was made behind it."""
    same = latest["job_version"] == job.version and latest["reason"] == run.reason
    return bool(same and latest["last"] == job.cursor.at)


def skip_document(job: Job, run: SkipRange, now: datetime) -> Document:
    """A range as it is stored."""
    return {
        "_id": derived_id(job.id, "skip", format_instant(run.first)),
        "job_id": job.id,
        "job_version": job.version,
        "first": run.first,
        "last": run.last,
        "count": run.count,
        "reason": run.reason,
        "at": now,
    }
