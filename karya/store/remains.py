"""What is left of a job, and what of it goes."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from karya.core.expiry import Trace, job_kept, judged, longest, pause, shortest
from karya.core.ids import id_floor
from karya.core.job import LIVE_STATES, JobState
from karya.core.policies import Retention
from karya.core.ports import Position
from karya.core.ports.lifecycle import ChangeKind
from karya.core.task import TaskKind, TaskState
from karya.store.client import AsyncDatabase, Document
from karya.store.documents import readable, retention_policy
from karya.store.names import BY_ID, ERROR_LOGS, ERRORS_OF_TASK, JOB_CHANGES, OPEN, TASKS
from karya.store.onward import behind
from karya.store.settling import TOUCHED

JOB_FIELDS = dict.fromkeys(("status", "retention", "finished_at", "cursor", TOUCHED), 1)
"""Of a job that is looked at, its actions, of any size, stay where they are."""

UNREADABLE_AGAIN = timedelta(days=1)
"""When to look again at what nobody here understands: a later version may be back by then."""

_MOST_TASKS = 5_000
"""Of one job read together, and the most that are removed of it before others have their turn."""

_TRACE_FIELDS = dict.fromkeys(("job_id", "kind", "cause", "status", "finished_at", "instant"), 1)


@dataclass(frozen=True, slots=True)
class Kept:
    """What of a job says how long its history stays. One that `is_brief` has one occurrence and no more."""

    id: str
    is_live: bool
    is_brief: bool
    is_touched: bool
    at: datetime
    finished_at: datetime | None
    retention: Retention

    @classmethod
    def of(cls, document: Document) -> "Kept":
        """As it is stored."""
        cursor, is_touched = document["cursor"], TOUCHED in document
        return cls(
            id=document["_id"],
            is_live=JobState(document["status"]) in LIVE_STATES,
            is_brief=cursor["exhausted"] and cursor["count"] <= 1 and not is_touched,
            is_touched=is_touched,
            at=cursor["at"],
            finished_at=document.get("finished_at"),
            retention=retention_policy(document),
        )


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at a job came to: when the next one is due (None: what is left stays for ever), and how
    many tasks went. Of a job that `is_over` nothing is left, and it may go itself."""

    job_id: str
    next_at: datetime | None
    tasks: int = 0
    is_over: bool = False


class Remains:
    """Reads what is left of jobs, and removes what may go."""

    def __init__(self, database: AsyncDatabase) -> None:
        self._tasks = database[TASKS]
        self._logs = database[ERROR_LOGS]
        self._changes = database[JOB_CHANGES]

    async def of_brief(self, jobs: Sequence[Kept], now: datetime) -> Sequence[Look]:
        """Looks at jobs of one occurrence each, together."""
        if not jobs:
            return []
        wanted = {"job_id": {"$in": [job.id for job in jobs]}}
        documents = await self._tasks.find(wanted, _TRACE_FIELDS).hint("by_job").to_list(None)
        looks: list[Look] = []
        gone: list[str] = []
        for job, traces in _with_traces(jobs, documents):
            look, ids = _judged(job, traces, now)
            looks.append(look)
            gone += ids
        for start in range(0, len(gone), _MOST_TASKS):
            await self._remove(gone[start : start + _MOST_TASKS])
        return looks

    async def of_long(self, job: Kept, now: datetime) -> Look:
        """Looks at a job with any number of occurrences, from the oldest on, until there is something to
        remove: then others have their turn, and it has the next one at once."""
        oldest, pages, later = now - shortest(job.retention), 0, list[datetime]()
        after: Position | None = None
        while documents := await self._old_tasks(job, oldest, after):
            pages += 1
            traces = _whole(documents)
            verdict = judged(traces, job.retention, now)
            if verdict.gone:
                await self._remove(verdict.gone)
                return Look(job.id, now, len(verdict.gone))
            later += [verdict.next_at] if verdict.next_at else []
            later += [now + UNREADABLE_AGAIN] if len(traces) < len(documents) else []
            last = documents[-1]  # of what is kept for ever there may be any number
            after = last["instant"], last["_id"]
        if job.is_live and job.is_touched:
            await self._trim(job, now)
        if (first := await self._first_instant(job, oldest)) is not None:
            later.append(first + shortest(job.retention))
        elif job.is_live:
            later.append(now + shortest(job.retention))
        if not later:
            return Look(job.id, None) if pages else _ended(job, now)
        return Look(job.id, max(min(later), now + pause(job.retention) * max(1, pages)))

    async def _first_instant(self, job: Kept, after: datetime) -> datetime | None:
        wanted = {"job_id": job.id, "instant": {"$gt": after}}
        found = self._tasks.find(wanted, {"instant": 1}).sort([("instant", 1), ("_id", 1)])
        documents = await found.hint("by_job").limit(1).to_list(None)
        return documents[0]["instant"] if documents else None

    async def _old_tasks(self, job: Kept, oldest: datetime, after: Position | None) -> Sequence[Document]:
        """The next of its tasks whose instant is old enough, the earliest first. The steps of an occurrence
        share their instant: they come together, since together they are judged."""
        wanted = behind({"job_id": job.id, "instant": {"$lte": oldest}}, "instant", after)
        found = self._tasks.find(wanted, _TRACE_FIELDS).sort([("instant", 1), ("_id", 1)])
        documents = await found.limit(_MOST_TASKS).to_list(None)
        if len(documents) < _MOST_TASKS:
            return documents
        whole = [document for document in documents if document["instant"] < documents[-1]["instant"]]
        return whole or documents

    async def _remove(self, task_ids: Sequence[str]) -> None:
        """Of what was redriven since it was read, the task at least stays."""
        ids = list(task_ids)
        await self._logs.delete_many({"task_id": {"$in": ids}}, hint=ERRORS_OF_TASK)
        await self._tasks.delete_many({"_id": {"$in": ids}, "status": {"$nin": OPEN}}, hint=BY_ID)

    async def _trim(self, job: Kept, now: datetime) -> None:
        """A job that goes on for years may be triggered many times a second. Updates and pauses stay: by
        them audits follow its chain."""
        old = {"_id": {"$lt": id_floor(now - longest(job.retention))}, "kind": ChangeKind.TRIGGERED.value}
        await self._changes.delete_many({"job_id": job.id, **old}, hint="by_job")


def _judged(job: Kept, traces: Sequence[Trace] | None, now: datetime) -> tuple[Look, Sequence[str]]:
    """Of a job with one occurrence: what the look comes to, and the tasks to remove."""
    if traces is None:
        return Look(job.id, now + UNREADABLE_AGAIN), ()
    verdict = judged(traces, job.retention, now)
    soonest = now + pause(job.retention)
    if job.is_live:
        end = max(now, job.at) + shortest(job.retention)
        return Look(job.id, max(end, soonest), len(verdict.gone)), verdict.gone
    if len(verdict.gone) < len(traces):
        following = verdict.next_at and max(verdict.next_at, soonest)
        return Look(job.id, following, len(verdict.gone)), verdict.gone
    ended = _ended(job, now)
    return Look(job.id, ended.next_at, len(verdict.gone), ended.is_over), verdict.gone


def _ended(job: Kept, now: datetime) -> Look:
    """Of a job without tasks that has ended."""
    if job.finished_at is None:
        return Look(job.id, None)
    end = job.finished_at + job_kept(job.retention)
    return Look(job.id, end, is_over=end <= now)


def _with_traces(
    jobs: Sequence[Kept], documents: Sequence[Document]
) -> Iterator[tuple[Kept, Sequence[Trace] | None]]:
    """None for a job with a task that cannot be read: without it nobody knows how the others are judged."""
    found: Mapping[str, list[Document]] = defaultdict(list)
    for document in documents:
        found[document["job_id"]].append(document)
    for job in jobs:
        traces = readable(found.get(job.id, ()), _trace)
        yield job, traces if len(traces) == len(found.get(job.id, ())) else None


def _whole(documents: Sequence[Document]) -> Sequence[Trace]:
    """Without the tasks that cannot be read, and without those of their instants, who may belong to them."""
    traces = readable(documents, _trace)
    if len(traces) == len(documents):
        return traces
    known = {trace.task_id for trace in traces}
    odd = {document["instant"] for document in documents if document["_id"] not in known}
    apart = {document["_id"] for document in documents if document["instant"] in odd}
    return [trace for trace in traces if trace.task_id not in apart]


def _trace(document: Document) -> Trace:
    return Trace(
        task_id=document["_id"],
        kind=TaskKind(document["kind"]),
        cause=document["cause"],
        status=TaskState(document["status"]),
        finished_at=document.get("finished_at"),
    )
