"""The ledger: jobs with all that is stored of them, sheet by sheet."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from typing import TypeVar

from motor.motor_asyncio import AsyncIOMotorClientSession
from pymongo.errors import OperationFailure

from karya.core.audit.records import Entry, JobRecord, Stretch
from karya.core.ids import id_floor
from karya.core.ports.ledger import Place, Sheet, Vitals
from karya.core.queries import AuditQuery
from karya.store.client import AsyncDatabase, Document, translated
from karya.store.ledger.reading import Reading, Sizes
from karya.store.ledger.records import job_record
from karya.store.ledger.sheets import Sheets
from karya.store.names import JOBS, LOCKS, ServerNow, server_now

_TRIES = 3
_MOMENT_GONE = {239, 246}
"""SnapshotTooOld and SnapshotUnavailable: a later moment can be read."""

_USUAL = Sizes()

T = TypeVar("T")


class MongoLedger:
    """Implements `Ledger`. A sheet is read in a session with a snapshot: all that a majority has, as of the
    moment of its first read."""

    def __init__(self, database: AsyncDatabase, now: ServerNow = server_now, sizes: Sizes = _USUAL) -> None:
        self._database = database
        self._sizes = sizes
        self._now = now
        self._jobs = database[JOBS]

    async def vitals(self, lock: str) -> Vitals:
        """See `Ledger.vitals`."""
        stages: list[Document] = [{"$match": {"_id": lock}}, {"$set": {"now": self._now()}}]
        with translated():
            found = await self._database[LOCKS].aggregate(stages).to_list(1)
            if not found or "held_since" not in found[0]:
                codec = self._database.codec_options
                hello = await self._database.client.admin.command("hello", codec_options=codec)
                return Vitals(hello["localTime"])
        (holder,) = found
        now: datetime = holder["now"]
        leads = bool(holder["owner"]) and holder["expires_at"] > now
        return Vitals(now, holder["held_since"], now if leads else holder["renewed_at"])

    async def sheet(self, query: AuditQuery, place: Place | None) -> Sheet:
        """See `Ledger.sheet`."""
        return await self._as_of_one_moment(partial(self._sheet, query, place))

    async def again(self, entry: Entry) -> Entry | None:
        """See `Ledger.again`. What has grown beyond a sheet meanwhile is read as far as it fits on one."""

        async def read(session: AsyncIOMotorClientSession) -> Entry | None:
            found = await self._jobs.find_one({"_id": entry.job.id}, session=session)
            if found is None:
                return None
            (same,) = await self._sheets(session).entries([job_record(found)], entry.stretch)
            return same

        return await self._as_of_one_moment(read)

    async def _as_of_one_moment(self, read: Callable[[AsyncIOMotorClientSession], Awaitable[T]]) -> T:
        with translated():
            for number in range(1, _TRIES + 1):
                async with await self._database.client.start_session(snapshot=True) as session:
                    try:
                        return await read(session)
                    except OperationFailure as error:
                        if error.code not in _MOMENT_GONE or number == _TRIES:
                            raise
        raise AssertionError("unreachable: the last try returns or raises")

    def _sheets(self, session: AsyncIOMotorClientSession) -> Sheets:
        def reading(jobs: Sequence[JobRecord], stretch: Stretch) -> Reading:
            return Reading(self._database, session, jobs, stretch, self._sizes)

        return Sheets(reading, self._sizes.others)

    async def _sheet(
        self, query: AuditQuery, place: Place | None, session: AsyncIOMotorClientSession
    ) -> Sheet:
        documents, following = await self._next_jobs(query, place, session)
        sheets = self._sheets(session)
        since = query.since
        if place is not None and place.since is not None and _begins_with(documents, place):
            documents, following, since = documents[:1], _after(documents, following), place.since
        jobs = [job for job in _readable(documents, sheets) if not _is_over(job, query.since)]
        entries = await sheets.entries(jobs, Stretch(since, query.until))
        cut = sheets.cut
        if cut is not None:
            rest = jobs[cut.place : cut.place + 1]
            if rest:
                following = Place(rest[0].id, cut.instant)
        unreadable = [(job_id, ident) for ident, job_id in sheets.unreadable.items()]
        return Sheet(entries, following, unreadable)

    async def _next_jobs(
        self, query: AuditQuery, place: Place | None, session: AsyncIOMotorClientSession
    ) -> tuple[Sequence[Document], Place | None]:
        """The jobs of the next sheet, and the first one behind them. The ids of jobs tell when they were
        submitted."""
        wanted: Document = {} if query.user_id is None else {"user_id": query.user_id}
        bounds: Document = {} if place is None else {"$lte": place.job_id}
        if query.until is not None:
            bounds["$lt"] = id_floor(query.until)
        if query.job_id is not None:
            bounds["$eq"] = query.job_id
        if bounds:
            wanted["_id"] = bounds
        found = self._jobs.find(wanted, session=session).sort("_id", -1).limit(self._sizes.jobs + 1)
        documents = await found.batch_size(self._sizes.jobs + 2).to_list(None)
        beyond = documents[self._sizes.jobs :]
        return documents[: self._sizes.jobs], Place(beyond[0]["_id"]) if beyond else None


def _begins_with(documents: Sequence[Document], place: Place) -> bool:
    """Whether the job in whose middle the last sheet ended is still there."""
    return bool(documents) and bool(documents[0]["_id"] == place.job_id)


def _after(documents: Sequence[Document], following: Place | None) -> Place | None:
    """The place behind the first of these jobs."""
    return Place(documents[1]["_id"]) if len(documents) > 1 else following


def _readable(documents: Sequence[Document], sheets: Sheets) -> Sequence[JobRecord]:
    jobs = []
    for document in documents:
        try:
            jobs.append(job_record(document))
        except (ValueError, LookupError, TypeError):
            sheets.unreadable[document["_id"]] = document["_id"]
    return jobs


def _is_over(job: JobRecord, since: datetime | None) -> bool:
    """Whether the job had ended before the range begins."""
    return since is not None and job.finished_at is not None and job.finished_at < since
