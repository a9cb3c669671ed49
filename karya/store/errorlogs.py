"""The error logs; `commits` writes them, together with the transition that they explain."""

from collections.abc import Sequence

from karya.core.errorlog import ErrorLog
from karya.store.client import AsyncDatabase, in_time
from karya.store.documents import error_entity, readable
from karya.store.names import ERROR_LOGS


class MongoErrorLogs:
    """Implements `ErrorLogRepository`."""

    def __init__(self, database: AsyncDatabase) -> None:
        self._logs = database[ERROR_LOGS]

    async def of_job(self, job_id: str, limit: int) -> Sequence[ErrorLog]:
        """See `ErrorLogRepository.of_job`."""
        with in_time(self._logs):
            documents = await self._logs.find({"job_id": job_id}).sort("at", -1).limit(limit).to_list(None)
        return readable(documents, error_entity)
