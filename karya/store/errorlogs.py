"""The error logs; `commits` writes them, together with the transition that they explain."""

from collections.abc import Sequence
from functools import partial

from karya.core.errorlog import ErrorLog
from karya.store.client import AsyncDatabase, Document, SyncDatabase, in_time
from karya.store.documents import error_entity, readable
from karya.store.names import ERROR_LOGS
from karya.store.threads import read_in_one_thread


class MongoErrorLogs:
    """Implements `ErrorLogRepository`."""

    def __init__(self, database: AsyncDatabase) -> None:
        self._database = database

    async def of_job(self, job_id: str, limit: int) -> Sequence[ErrorLog]:
        """See `ErrorLogRepository.of_job`."""
        with in_time(self._database):
            read = partial(latest_errors, self._database.delegate, {"job_id": job_id}, limit)
            return await read_in_one_thread(read)


def latest_errors(database: SyncDatabase, wanted: Document, limit: int) -> Sequence[ErrorLog]:
    """The errors of a job or a task, the latest first."""
    found = database[ERROR_LOGS].find(wanted).sort("at", -1).limit(limit)
    return readable(found, error_entity)
