"""A job or a task with all that people ask of it: every read is that of its own collection, and one thread
makes them all, one after another."""

from functools import partial

from karya.core.ports.looks import Extent, JobLook, TaskLook
from karya.core.queries import Paging
from karya.core.why import limits_of
from karya.store.changes import page_of_history
from karya.store.client import AsyncDatabase, SyncDatabase, in_time
from karya.store.documents import job_entity, task_entity
from karya.store.errorlogs import errors_of_job, errors_of_task
from karya.store.letters import dead_of_jobs
from karya.store.names import JOBS, TASKS, ServerNow, server_now
from karya.store.tasks import open_of_job, page_of_job, taken_of
from karya.store.threads import read_in_one_thread


class MongoLooks:
    """Implements `Looks`."""

    def __init__(self, database: AsyncDatabase, now: ServerNow = server_now) -> None:
        self._database = database
        self._now = now

    async def at_job(self, job_id: str, extent: Extent) -> JobLook | None:
        """See `Looks.at_job`."""
        with in_time(self._database):
            return await read_in_one_thread(
                partial(_at_job, self._database.delegate, job_id, extent, self._now)
            )

    async def at_task(self, task_id: str, errors: Paging) -> TaskLook | None:
        """See `Looks.at_task`."""
        with in_time(self._database):
            return await read_in_one_thread(
                partial(_at_task, self._database.delegate, task_id, errors, self._now)
            )


def _at_job(database: SyncDatabase, job_id: str, extent: Extent, now: ServerNow) -> JobLook | None:
    document = database[JOBS].find_one({"_id": job_id})
    if document is None:
        return None
    open_tasks = open_of_job(database, job_id, **dict(extent.open_tasks))
    history = extent.history
    return JobLook(
        job=job_entity(document),
        tasks=page_of_job(database, job_id, **dict(extent.tasks)),
        open_tasks=open_tasks,
        taken=taken_of(database, limits_of(open_tasks.items), now),
        errors=errors_of_job(database, job_id, **dict(extent.errors)),
        dead=dead_of_jobs(database, [job_id], extent.dead).get(job_id, 0),
        past=page_of_history(database, job_id, **dict(history)) if history else None,
    )


def _at_task(database: SyncDatabase, task_id: str, errors: Paging, now: ServerNow) -> TaskLook | None:
    document = database[TASKS].find_one({"_id": task_id})
    if document is None:
        return None
    task = task_entity(document)
    job = database[JOBS].find_one({"_id": task.job_id})
    return TaskLook(
        task=task,
        errors=errors_of_task(database, task_id, **dict(errors)),
        job=job_entity(job) if job else None,
        taken=taken_of(database, limits_of([task]), now),
    )
