"""Finding jobs. Ids are UUIDv7, so the order of ids is the order of creation."""

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

from pymongo.errors import ExecutionTimeout

from karya.core.errors import InvalidInput
from karya.core.ids import id_floor
from karya.core.job import Job
from karya.core.ports import Page
from karya.core.queries import JobQuery
from karya.store.client import AsyncDatabase, Document, SyncDatabase, translated
from karya.store.documents import job_entity
from karya.store.letters import dead_of_jobs
from karya.store.names import JOBS
from karya.store.paging import NewestId
from karya.store.threads import read_in_one_thread
from karya.store.turns import Turns

PATIENCE_MS = 5_000
_LIST = NewestId("jobs")


class Searching:
    """The lists of jobs."""

    def __init__(
        self, database: AsyncDatabase, patience_ms: int = PATIENCE_MS, turns: Turns | None = None
    ) -> None:
        self._database: SyncDatabase = database.delegate
        self._patience_ms = patience_ms
        self._turns = turns or Turns(patience_ms)

    async def list(self, query: JobQuery, cursor: str | None, limit: int) -> Page[Job]:
        """See `JobRepository.list`."""
        async with self._turns.of(query.text):
            return await read_in_one_thread(partial(self._page, query, cursor, limit))

    async def list_with_dead(
        self, query: JobQuery, cursor: str | None, limit: int, most: int
    ) -> tuple[Page[Job], Mapping[str, int]]:
        """See `JobRepository.list_with_dead`."""

        def read() -> tuple[Page[Job], Mapping[str, int]]:
            page = self._page(query, cursor, limit)
            with translated():
                return page, dead_of_jobs(self._database, [job.id for job in page.items], most)

        async with self._turns.of(query.text):
            return await read_in_one_thread(read)

    def _page(self, query: JobQuery, cursor: str | None, limit: int) -> Page[Job]:
        """A text that few jobs hold is looked for in all of them: the time that may take is bounded."""
        wanted = _wanted(query, None if cursor is None else _LIST.last_id(cursor))
        found = self._database[JOBS].find(wanted).sort("_id", -1).limit(limit + 1)
        with translated():
            try:
                documents = list(found.max_time_ms(self._patience_ms))
            except ExecutionTimeout:
                raise _too_slow(query) from None
        return _LIST.page(documents, limit, job_entity)


def _wanted(query: JobQuery, before: str | None) -> Document:
    status = None if query.status is None else query.status.value
    exact = {
        "user_id": query.user_id,
        "status": status,
        "tags": query.tag,
        "name": query.name,
        "set": query.set,
    }
    wanted: dict[str, Any] = {name: value for name, value in exact.items() if value is not None}
    if bounds := _bounds(query, before):
        wanted["_id"] = bounds
    if query.text is not None:
        wanted["description"] = {"$regex": re.escape(query.text), "$options": "i"}
    return wanted


def _bounds(query: JobQuery, before: str | None) -> Document:
    ends = [before] if before is not None else []
    if query.created_before is not None:
        ends.append(id_floor(query.created_before))
    bounds: Document = {"$lt": min(ends)} if ends else {}
    if query.created_after is not None:
        bounds["$gte"] = id_floor(query.created_after)
    return bounds


def _too_slow(query: JobQuery) -> InvalidInput:
    field = "text" if query.text is not None else "limit"
    return InvalidInput.at(field, "the search takes too long: narrow it down by tag, status or time")
