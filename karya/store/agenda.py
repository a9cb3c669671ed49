"""The scheduler's view: what is due, and making what comes after it. Blocking, for the scheduler's thread."""

from collections.abc import Sequence
from datetime import datetime

from karya.core.hint import Hint
from karya.core.job import Job, JobState
from karya.core.ports import Contended, DueTask
from karya.core.task import Task, TaskKind, TaskState, occurrence_task
from karya.store.chains import Chains
from karya.store.client import Document, SyncDatabase, translated
from karya.store.documents import job_entity, readable, retry_policy, task_document
from karya.store.names import BY_ID, JOBS, TASKS

HINT_FIELDS = {
    "job_id": 1,
    "kind": 1,
    "token": 1,
    "attempts": 1,
    "instant": 1,
    "due_at": 1,
    "solo": 1,
    "retry": 1,
    "action": 1,
    "count": 1,
    "recurring": 1,
}
_ACTIVE = JobState.ACTIVE.value


class MongoAgenda:
    """Implements `Agenda`."""

    def __init__(self, database: SyncDatabase) -> None:
        self._jobs = database[JOBS]
        self._tasks = database[TASKS]
        self._chains = Chains(database)
        self._swept_to: tuple[datetime, str] | None = None

    def due(self, until: datetime, after: tuple[datetime, str] | None, limit: int) -> Sequence[DueTask]:
        """See `Agenda.due`."""
        wanted: Document = {"status": TaskState.READY.value, "held": False, "due_at": {"$lte": until}}
        if after is not None:
            due_at, ident = after
            del wanted["due_at"]
            wanted["$or"] = [
                {"due_at": {"$gt": due_at, "$lte": until}},
                {"due_at": due_at, "_id": {"$gt": ident}},
            ]
        with translated():
            found = self._tasks.find(wanted, HINT_FIELDS).sort([("due_at", 1), ("_id", 1)]).limit(limit)
            return readable(found.batch_size(limit + 1), _due_task)

    def extend(self, tasks: Sequence[DueTask], until: datetime, now: datetime) -> Sequence[DueTask]:
        """See `Agenda.extend`."""
        latest = {task.hint.job_id: task for task in sorted(tasks, key=lambda task: task.count)}

        def is_behind(job: Job) -> bool:
            return job.cursor.at <= latest[job.id].hint.instant

        with translated():
            following, held = self._chains.extend(list(latest), is_behind, until, now)
        made = [_due_of(task) for task in following]
        if held:
            raise Contended(made, held)
        return made

    def stalled(self, before: datetime, now: datetime, limit: int) -> int:
        """See `Agenda.stalled`."""
        with translated():
            overdue = self._overdue(before, limit)
            newest = {occurrence_task(job, job.cursor, now).id: job for job in overdue}
            waiting = {"_id": {"$in": list(newest)}, "status": TaskState.READY.value}
            healthy = {newest[d["_id"]].id for d in self._tasks.find(waiting, {"_id": 1}).hint(BY_ID)}
            cut = {job.id: job.cursor for job in overdue if job.id not in healthy}
            _, held = self._chains.extend(list(cut), lambda job: job.cursor == cut[job.id], now, now)
        return len(cut) - len(held)

    def _overdue(self, before: datetime, limit: int) -> Sequence[Job]:
        """The next few of the jobs whose newest occurrence was due before this."""
        wanted: Document = {"status": _ACTIVE, "cursor.exhausted": False, "cursor.at": {"$lt": before}}
        if self._swept_to is not None:
            at, ident = self._swept_to
            wanted["cursor.at"] = {"$gte": at, "$lt": before}
            wanted["$or"] = [{"cursor.at": {"$gt": at}}, {"cursor.at": at, "_id": {"$gt": ident}}]
        found = self._jobs.find(wanted).sort([("cursor.at", 1), ("_id", 1)]).limit(limit)
        documents = list(found)
        last = documents[-1] if len(documents) == limit else None
        self._swept_to = (last["cursor"]["at"], last["_id"]) if last else None
        return readable(documents, job_entity)


def _due_task(document: Document) -> DueTask:
    hint = Hint.model_construct(  # validated when it was stored: checking it again is a third of this scan
        task_id=document["_id"],
        job_id=document["job_id"],
        kind=TaskKind(document["kind"]),
        token=document["token"],
        attempts=document["attempts"],
        instant=document["instant"],
        due_at=document["due_at"],
        solo=document.get("solo", False),
        retry=retry_policy(document),
        action=document.get("action"),
    )
    return DueTask(hint, document["count"], document.get("recurring", False))


def _due_of(task: Task) -> DueTask:
    return _due_task({**task_document(task)})
