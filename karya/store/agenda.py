"""The scheduler's view: what is due, and making what comes after it. Blocking, for the scheduler's thread."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from karya.core.ids import task_id
from karya.core.job import Job, JobState
from karya.core.misfire import verdict
from karya.core.occurrence import scheduled
from karya.core.pools import DEFAULT_POOL
from karya.core.ports import DueKey, DueTask, Extension, Gap, Position
from karya.core.task import Task, TaskState
from karya.store.blocking import NAIVE_DATES, Document, SyncDatabase, translated
from karya.store.chains import MOST_AHEAD, Chains, Done
from karya.store.documents import HINT_FIELDS, job_entity, readable, task_document, task_hint
from karya.store.names import BY_ID, JOBS, TASKS, USERS
from karya.store.onward import behind
from karya.store.skips import Stale
from karya.store.tails import Tails

_ACTIVE = JobState.ACTIVE.value
_READY = TaskState.READY.value
_WAITING = {"status": _READY, "held": False}
_KEY_FIELDS = {"token": 1, "due_at": 1}
_MOST_WEIGHTS = 10_000

T = TypeVar("T")
Fields = Mapping[str, int]
Parse = Callable[[Document], T]


class MongoAgenda:
    """Implements `Agenda`."""

    def __init__(self, database: SyncDatabase, *, further: int = MOST_AHEAD) -> None:
        """`further` occurrences of a job at most are made in one go where one would do."""
        self._jobs = database[JOBS]
        self._tasks = database[TASKS]
        self._due = database.get_collection(TASKS, codec_options=NAIVE_DATES)
        self._users = database[USERS]
        self._chains = Chains(database, further)
        self._tails = Tails()
        self._swept_to: Position | None = None

    def due(
        self, until: datetime, after: Position | None, limit: int, pool: str = DEFAULT_POOL
    ) -> Sequence[DueTask]:
        """See `Agenda.due`."""
        with translated():
            return self._in_order(until, after, limit, pool, HINT_FIELDS, _due_task)

    def keys(
        self, until: datetime, after: Position | None, limit: int, pool: str = DEFAULT_POOL
    ) -> Sequence[DueKey]:
        """See `Agenda.keys`. The index alone answers."""
        with translated():
            return self._in_order(until, after, limit, pool, _KEY_FIELDS, _due_key)

    def tasks(self, ids: Sequence[str]) -> Sequence[DueTask]:
        """See `Agenda.tasks`."""
        with translated():
            found = self._due.find({"_id": {"$in": list(ids)}, **_WAITING}, HINT_FIELDS)
            tasks = readable(found.hint(BY_ID), _due_task)
        return sorted(tasks, key=lambda task: (task.hint.due_at, task.hint.task_id))

    def shares(self, after: str, limit: int, pool: str = DEFAULT_POOL) -> Sequence[str]:
        """See `Agenda.shares`. The index alone answers, from share to share: what it costs depends neither on
        how many tasks a share has, nor on how many shares there are."""
        found: list[str] = []
        with translated():
            while len(found) < limit:
                wanted = {"pool": pool, **_WAITING, "share": {"$gt": after}}
                keys = self._due.find(wanted, {"_id": 0, "share": 1}).sort("share", 1).hint("shares")
                shares = [key["share"] for key in keys.limit(limit).batch_size(limit + 1)]
                found += dict.fromkeys(shares)
                if len(shares) < limit:
                    break
                after = found[-1]
        return found[:limit]

    def keys_of(self, share: str, until: datetime, limit: int, pool: str = DEFAULT_POOL) -> Sequence[DueKey]:
        """See `Agenda.keys_of`. The index alone answers."""
        wanted = {"pool": pool, **_WAITING, "share": share, "due_at": {"$lte": until}}
        with translated():
            found = self._due.find(wanted, _KEY_FIELDS).sort([("due_at", 1), ("_id", 1)]).limit(limit)
            return readable(found.hint("shares").batch_size(limit + 1), _due_key)

    def weights(self) -> Mapping[str, int]:
        """See `Agenda.weights`."""
        with translated():
            found = self._users.find({"weight": {"$gt": 1}}, {"weight": 1}).limit(_MOST_WEIGHTS)
            return {user["_id"]: user["weight"] for user in found}

    def _in_order(
        self, until: datetime, after: Position | None, limit: int, pool: str, fields: Fields, parse: Parse[T]
    ) -> Sequence[T]:
        """Fewer than the limit only where nothing follows: what cannot be read takes up no room."""
        found: list[T] = []
        while (left := limit - len(found)) > 0:
            documents = self._page(until, after, left, pool, fields)
            found += readable(documents, parse)
            if len(documents) < left:
                break
            after = documents[-1]["due_at"], documents[-1]["_id"]
        return found

    def _page(
        self, until: datetime, after: Position | None, limit: int, pool: str, fields: Fields
    ) -> Sequence[Document]:
        wanted = behind({"pool": pool, **_WAITING, "due_at": {"$lte": until}}, "due_at", after)
        found = self._due.find(wanted, fields).sort([("due_at", 1), ("_id", 1)]).limit(limit)
        return list(found.batch_size(limit + 1))

    def extend(
        self, tasks: Sequence[DueTask], until: datetime, now: datetime, gap: Gap | None = None
    ) -> Extension:
        """See `Agenda.extend`."""
        seen: dict[str, list[DueTask]] = defaultdict(list)
        for task in tasks:
            is_missed = gap is not None and gap.holds(task)
            if is_missed or (task.recurring and not self._tails.covers(task, until, now)):
                seen[task.hint.job_id].append(task)

        def stale(job: Job) -> Sequence[Stale]:
            judged = (_judged(job, task, now, gap) for task in seen[job.id])
            return list(dict.fromkeys(found for found in judged if found is not None))

        if not seen:
            return Extension()
        with translated():
            done, held = self._chains.extend(seen, until, now, stale=stale)
        self._tails.note(one for one in done if one.moved)
        return _extension(done, held, until)

    def catch_up(self, job_ids: Collection[str], until: datetime, now: datetime) -> Extension:
        """See `Agenda.catch_up`."""
        with translated():
            return _extension(*self._chains.extend(job_ids, until, now), until)

    def stalled(self, before: datetime, now: datetime, limit: int) -> Extension:
        """See `Agenda.stalled`."""
        with translated():
            overdue = {job.id: job for job in self._overdue(before, limit)}
            newest = {ident: job.id for job in overdue.values() for ident in _entries(job)}
            waiting = {"_id": {"$in": list(newest)}, **_WAITING}
            healthy = {newest[d["_id"]] for d in self._tasks.find(waiting, {"_id": 1}).hint(BY_ID)}
            cut = {ident: job.cursor for ident, job in overdue.items() if ident not in healthy}
            jittered = [ident for ident in healthy if overdue[ident].schedule.jitter]
            mended, held = self._chains.extend(cut, now, now, cut=cut)
            more, also_held = self._chains.extend(jittered, now, now)
            return _extension([*mended, *more], [*held, *also_held], now)

    def _overdue(self, before: datetime, limit: int) -> Sequence[Job]:
        """The next few of the jobs whose newest instant was before this."""
        overdue = {"status": _ACTIVE, "cursor.exhausted": False, "cursor.at": {"$lt": before}}
        wanted = behind(overdue, "cursor.at", self._swept_to)
        found = self._jobs.find(wanted).sort([("cursor.at", 1), ("_id", 1)]).limit(limit)
        documents = list(found)
        last = documents[-1] if len(documents) == limit else None
        self._swept_to = (last["cursor"]["at"], last["_id"]) if last else None
        return readable(documents, job_entity)


def _entries(job: Job) -> Sequence[str]:
    """The tasks with which the newest occurrence begins: seeing any of them makes what follows."""
    cause = scheduled(job, job.cursor).cause
    return [task_id(job.id, cause, step.name) for step in job.steps if not step.after]


def _judged(job: Job, task: DueTask, now: datetime, gap: Gap | None) -> Stale | None:
    """The occurrence of a task that was seen, when it is too late for it to run."""
    hint = task.hint
    if gap is not None and gap.holds(task):
        seen_at = gap.until
    elif task.is_fresh and task.recurring and job.cursor.at == hint.instant:
        seen_at = now
    else:
        return None
    reason = verdict(job, hint.instant, hint.due_at, task.count, seen_at)
    if reason is None:
        return None
    cursor = job.cursor.model_copy(update={"at": hint.instant})
    return Stale(scheduled(job, cursor).cause, hint.instant, reason)


def _extension(done: Sequence[Done], held: Sequence[str], until: datetime) -> Extension:
    misfired: dict[str, int] = defaultdict(int)
    for one in done:
        if one.misfired:
            misfired[one.job.misfire.policy.value] += one.misfired
    return Extension(
        made=tuple(_due_of(task) for one in done for task in one.made if _is_due(task, until)),
        moved=frozenset(one.job.id for one in done if one.moved),
        unfinished=frozenset(one.job.id for one in done if one.unfinished),
        contended=frozenset(held),
        dropped=frozenset(ident for one in done for ident in one.dropped),
        misfired=misfired,
        fired=any(one.fired for one in done),
    )


def _is_due(task: Task, until: datetime) -> bool:
    return task.status is TaskState.READY and task.due_at <= until


def _due_task(document: Document) -> DueTask:
    return DueTask(task_hint(document), document["count"], document.get("recurring", False))


def _due_key(document: Document) -> DueKey:
    return DueKey(document["_id"], document["token"], document["due_at"].replace(tzinfo=UTC))


def _due_of(task: Task) -> DueTask:
    return _due_task({**task_document(task)})
