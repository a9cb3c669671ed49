"""The error logs; `commits` writes them, together with the transition that they explain."""

from karya.core.errorlog import ErrorLog
from karya.core.ports import Page
from karya.store.client import AsyncDatabase, Document, in_time
from karya.store.documents import error_entity
from karya.store.names import ERROR_LOGS
from karya.store.paging import ByInstant

_OF_JOB, _OF_TASK = ByInstant("errors-of-job", "at"), ByInstant("errors-of-task", "at")


class MongoErrorLogs:
    """Implements `ErrorLogRepository`."""

    def __init__(self, database: AsyncDatabase) -> None:
        self._logs = database[ERROR_LOGS]

    async def of_job(self, job_id: str, *, cursor: str | None, limit: int) -> Page[ErrorLog]:
        """See `ErrorLogRepository.of_job`."""
        return await self._page(_OF_JOB, {"job_id": job_id}, cursor, limit)

    async def of_task(self, task_id: str, *, cursor: str | None, limit: int) -> Page[ErrorLog]:
        """See `ErrorLogRepository.of_task`."""
        return await self._page(_OF_TASK, {"task_id": task_id}, cursor, limit)

    async def _page(self, listed: ByInstant, of: Document, cursor: str | None, limit: int) -> Page[ErrorLog]:
        wanted = listed.behind(of, cursor)
        with in_time(self._logs):
            found = self._logs.find(wanted).sort(listed.order).limit(limit + 1)
            return listed.page(await found.to_list(None), limit, error_entity)
