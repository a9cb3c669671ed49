"""The error logs; `commits` writes them, together with the transition that they explain."""

from functools import partial

from karya.core.errorlog import ErrorLog
from karya.core.ports import Page
from karya.store.client import AsyncDatabase, Document, SyncDatabase, in_time
from karya.store.documents import error_entity
from karya.store.names import ERROR_LOGS
from karya.store.paging import ByInstant
from karya.store.threads import read_in_one_thread

_OF_JOB, _OF_TASK = ByInstant("errors-of-job", "at"), ByInstant("errors-of-task", "at")


class MongoErrorLogs:
    """Implements `ErrorLogRepository`."""

    def __init__(self, database: AsyncDatabase) -> None:
        self._database = database

    async def of_job(self, job_id: str, *, cursor: str | None, limit: int) -> Page[ErrorLog]:
        """See `ErrorLogRepository.of_job`."""
        with in_time(self._database):
            read = partial(errors_of_job, self._database.delegate, job_id, cursor, limit)
            return await read_in_one_thread(read)

    async def of_task(self, task_id: str, *, cursor: str | None, limit: int) -> Page[ErrorLog]:
        """See `ErrorLogRepository.of_task`."""
        with in_time(self._database):
            read = partial(errors_of_task, self._database.delegate, task_id, cursor, limit)
            return await read_in_one_thread(read)


def errors_of_job(database: SyncDatabase, job_id: str, cursor: str | None, limit: int) -> Page[ErrorLog]:
    """What `ErrorLogRepository.of_job` returns."""
    return _page(database, _OF_JOB, {"job_id": job_id}, cursor, limit)


def errors_of_task(database: SyncDatabase, task_id: str, cursor: str | None, limit: int) -> Page[ErrorLog]:
    """What `ErrorLogRepository.of_task` returns."""
    return _page(database, _OF_TASK, {"task_id": task_id}, cursor, limit)


def _page(
    database: SyncDatabase, listed: ByInstant, of: Document, cursor: str | None, limit: int
) -> Page[ErrorLog]:
    found = database[ERROR_LOGS].find(listed.behind(of, cursor)).sort(listed.order).limit(limit + 1)
    return listed.page(list(found), limit, error_entity)
