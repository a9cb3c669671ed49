"""Jobs by the hundred thousand, stored past the gateway: copies of documents that Karya itself made.

They are as durable as those that the gateway stores (majority, journal), and no different.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from pymongo.database import Database

from karya.core.action import Action
from karya.core.ids import new_id, partition_of, task_id
from karya.core.job import new_job
from karya.core.occurrence import opening
from karya.core.spec import spec_model
from karya.core.times import floor_millis, format_instant
from karya.store.documents import job_document, task_document

Document = dict[str, Any]

_CHUNK = 5_000
_MODEL_INSTANT = datetime(2100, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Model:
    """The documents of a job with one action, due once, of which all others are copies."""

    job: Document
    task: Document
    written_at: str
    """How the instant is written within the text of the schedule."""

    @classmethod
    def of(cls, action: Action, user_id: str | None = None) -> "Model":
        """The documents that a submission of this job stores."""
        schedule = {"kind": "once", "at": _MODEL_INSTANT}
        spec = spec_model([type(action)]).model_validate(
            {"schedule": schedule, "action": action.model_dump(mode="json"), "user_id": user_id}
        )
        job, (task,) = opening(new_job(spec, floor_millis(datetime.now(UTC))))
        document = job_document(job)
        return cls(document, task_document(task), json.loads(document["schedule"])["at"])

    def copy(self, at: datetime) -> tuple[Document, Document]:
        """The documents of another such job, due at this instant (whole milliseconds)."""
        now = floor_millis(datetime.now(UTC))
        ident, cause = new_id(now), f"at:{format_instant(at)}"
        schedule = self.job["schedule"].replace(self.written_at, format_instant(at))
        cursor = {**self.job["cursor"], "at": at}
        made = {"created_at": now}
        job = {**self.job, **made, "_id": ident, "schedule": schedule, "cursor": cursor, "updated_at": now}
        task = {
            **self.task,
            **made,
            "_id": task_id(ident, cause, self.task["step"]),
            "job_id": ident,
            "cause": cause,
            "partition": partition_of(ident),
            "instant": at,
            "due_at": at,
        }
        return job, task


def fill(database: Database[Document], model: Model, due: Iterable[datetime]) -> None:
    """Stores one job for each instant."""
    _store(database, (model.copy(floor_millis(at)) for at in due))


def fill_history(database: Database[Document], model: Model, ended: Iterable[datetime]) -> None:
    """Stores jobs that have run, one for each instant."""
    _store(database, (_ended(*model.copy(floor_millis(at))) for at in ended))


def _ended(job: Document, task: Document) -> tuple[Document, Document]:
    started = task["instant"] + timedelta(milliseconds=5)
    finished = started + timedelta(milliseconds=2)
    lease = {"id": job["_id"], "owner": "bench", "expires_at": finished + timedelta(seconds=20)}
    ran = {"status": "SUCCEEDED", "attempts": 1, "token": 1, "lease": lease}
    times = {"start_by": started, "started_at": started, "finished_at": finished}
    return {**job, "status": "COMPLETED", "finished_at": finished}, {**task, **ran, **times}


def _store(database: Database[Document], pairs: Iterator[tuple[Document, Document]]) -> None:
    while chunk := list(islice(pairs, _CHUNK)):
        database.jobs.insert_many([job for job, _ in chunk], ordered=False)
        database.tasks.insert_many([task for _, task in chunk], ordered=False)
