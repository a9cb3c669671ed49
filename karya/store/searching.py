"""Finding jobs. Ids are UUIDv7, so the order of ids is the order of creation."""

import re
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

from pymongo.errors import ExecutionTimeout

from karya.core.errors import InvalidInput
from karya.core.ids import id_floor
from karya.core.job import Job
from karya.core.ports import Page
from karya.core.queries import JobQuery
from karya.store.client import AsyncDatabase, Document, translated
from karya.store.documents import job_entity
from karya.store.names import JOBS
from karya.store.paging import NewestId
from karya.store.turns import Turns

PATIENCE_MS = 5_000
_LIST = NewestId("jobs")


class Searching:
    """The lists of jobs."""

    def __init__(
        self, database: AsyncDatabase, patience_ms: int = PATIENCE_MS, turns: Turns | None = None
    ) -> None:
        self._jobs = database[JOBS]
        self._patience_ms = patience_ms
        self._turns = turns or Turns(patience_ms)

    async def list(self, query: JobQuery, cursor: str | None, limit: int) -> Page[Job]:
        """See `JobRepository.list`. A text that few jobs hold is looked for in all of them: the time that
        may take is bounded."""
        wanted = _wanted(query, None if cursor is None else _LIST.last_id(cursor))
        async with self._turns.turn() if query.text is not None else nullcontext():
            documents = await self._found(wanted, query, limit)
        return _LIST.page(documents, limit, job_entity)

    async def _found(self, wanted: Document, query: JobQuery, limit: int) -> Sequence[Document]:
        with translated():
            found = self._jobs.find(wanted).sort("_id", -1).limit(limit + 1)
            try:
                return await found.max_time_ms(self._patience_ms).to_list(None)
            except ExecutionTimeout:
                raise _too_slow(query) from None


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
