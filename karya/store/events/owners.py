"""Whose documents events are about: a change of a task names neither its job nor its owner."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from karya.core.cloudevent import cloud_event, job_source
from karya.core.events import Event, EventKind
from karya.store.client import NAIVE_DATES, AsyncDatabase, Document
from karya.store.documents import readable
from karya.store.events.reading import Seen, instant_text
from karya.store.names import BY_ID, JOBS, TASKS

_MOST_KNOWN = 20_000
_ENDED = frozenset(
    {
        EventKind.TASK_SUCCEEDED,
        EventKind.TASK_CANCELLED,
        EventKind.TASK_DISCARDED,
        EventKind.TASK_SKIPPED,
    }
)
"""After these, little more is heard of a task."""
_TASK_FIELDS = {"job_id": 1, "user_id": 1, "step": 1, "cause": 1, "instant": 1, "kind": 1}


@dataclass(frozen=True, slots=True)
class _Task:
    job_id: str
    user_id: str | None
    told: Mapping[str, Any]


class Owners:
    """Looks up what was not inserted before its eyes, and remembers it: none of it ever changes, since a job
    cannot change hands."""

    def __init__(self, database: AsyncDatabase) -> None:
        self._jobs = database[JOBS]
        self._tasks = database.get_collection(TASKS, codec_options=NAIVE_DATES)
        self._known_jobs: dict[str, str | None] = {}
        self._known_tasks: dict[str, _Task] = {}

    async def events(self, seen: Sequence[Seen]) -> list[Event]:
        """The events of these changes, without those whose task or job is not there any more."""
        for one in seen:
            self._learn(one)
        await self._look_up_tasks({s.task_id for s in seen if s.task_id} - self._known_tasks.keys())
        await self._look_up_jobs({s.job_id for s in seen if s.job_id} - self._known_jobs.keys())
        events = [event for one in seen if (event := self._event(one)) is not None]
        self._forget(seen)
        return events

    def _learn(self, seen: Seen) -> None:
        if seen.document is None:
            return
        if seen.task_id:
            self._known_tasks |= _tasks([{**seen.document, "_id": seen.task_id}])
        elif seen.job_id:
            self._known_jobs[seen.job_id] = seen.document.get("user_id")

    async def _look_up_tasks(self, ids: Iterable[str]) -> None:
        if wanted := list(ids):
            found = self._tasks.find({"_id": {"$in": wanted}}, _TASK_FIELDS).hint(BY_ID)
            self._known_tasks |= _tasks(await found.to_list(None))

    async def _look_up_jobs(self, ids: Iterable[str]) -> None:
        if wanted := list(ids):
            found = self._jobs.find({"_id": {"$in": wanted}}, {"user_id": 1}).hint(BY_ID)
            self._known_jobs |= {d["_id"]: d.get("user_id") for d in await found.to_list(None)}

    def _event(self, seen: Seen) -> Event | None:
        if seen.task_id:
            task = self._known_tasks.get(seen.task_id)
            return None if task is None else _event(seen, seen.task_id, task.job_id, task.user_id, task.told)
        if seen.job_id:
            if seen.job_id not in self._known_jobs:
                return None
            return _event(seen, seen.job_id, seen.job_id, self._known_jobs[seen.job_id])
        return _event(seen, "scheduler", None, None)

    def _forget(self, seen: Iterable[Seen]) -> None:
        for one in seen:
            if one.task_id and one.kind in _ENDED:
                self._known_tasks.pop(one.task_id, None)
        for known in (self._known_jobs, self._known_tasks):
            while len(known) > _MOST_KNOWN:
                del known[next(iter(known))]


def _tasks(documents: Iterable[Document]) -> Mapping[str, _Task]:
    """Without those that cannot be read: nothing is told of them."""
    return dict(readable(documents, lambda document: (document["_id"], _task(document))))


def _task(document: Document) -> _Task:
    told = {
        "id": document["_id"],
        "kind": document["kind"],
        "step": document["step"],
        "cause": document["cause"],
        "instant": instant_text(document["instant"]),
    }
    return _Task(document["job_id"], document.get("user_id"), told)


def _event(
    seen: Seen, subject: str, job_id: str | None, user_id: str | None, task: Mapping[str, Any] | None = None
) -> Event:
    about = {"job_id": job_id, "user_id": user_id} if job_id else {}
    text = cloud_event(
        seen.position,
        kind=seen.kind,
        source=job_source(job_id) if job_id else "/",
        subject=subject,
        at=instant_text(seen.at),
        data={**about, **({"task": task} if task else {}), **seen.data},
    )
    return Event(seen.position, seen.kind, user_id, job_id, seen.at, text)
