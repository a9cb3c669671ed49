"""The history of jobs: what was done to them, kept append-only for as long as the job itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from karya.core.ids import new_id
from karya.core.job import Cursor
from karya.core.misfire import SkipRange
from karya.core.outline import Outline
from karya.core.ports.lifecycle import Change, ChangeKind, HistoryPage, Skipped
from karya.store.client import AsyncDatabase, Document, SyncDatabase, in_time
from karya.store.documents import cursor_document, readable
from karya.store.names import BY_ID, JOB_CHANGES, SKIPS
from karya.store.paging import GREATEST_ID, LEAST_ID, decode_instant_and_two_ids, encode_cursor, foreign
from karya.store.threads import read_in_one_thread

_LIST = "history"
_FIRST = datetime.min.replace(tzinfo=UTC)
_LAST = datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Replaced:
    """What an update has replaced: what the client had written until then, the outline of that, the cursor on
    which the chain stood, and the instants that had tasks and have none any more; `after` is where it goes
    on. Audits follow the chain by it, from version to version."""

    spec: str
    outline: Outline
    before: Cursor
    after: Cursor
    withdrawn: Sequence[datetime]

    def document(self) -> Document:
        """The fields of the entry."""
        return {
            "spec": self.spec,
            "outline": self.outline.model_dump_json(),
            "before": cursor_document(self.before),
            "after": cursor_document(self.after),
            "withdrawn": sorted(self.withdrawn),
        }


def change_document(
    job_id: str, kind: ChangeKind, version: int, now: datetime, replaced: Replaced | None = None
) -> Document:
    """A new entry; ids sort by the time of the entry."""
    entry = {"_id": new_id(now), "job_id": job_id, "kind": kind.value, "version": version, "at": now}
    return entry if replaced is None else {**entry, **replaced.document()}


@dataclass(frozen=True, slots=True)
class _Place:
    """How far somebody has read: what comes next is behind this range of skipped instants and behind this
    change. `updated` is the last update on the way, which knows what the client had written before it."""

    skipped: datetime = _LAST
    updated: str = LEAST_ID
    change: str = GREATEST_ID

    @property
    def cursor(self) -> str:
        """What a client gives back to go on from here."""
        return encode_cursor(_LIST, self.skipped, self.updated, self.change)

    def behind(self, changes: Sequence[Document], skips: Sequence[Document], limit: int) -> "_Place | None":
        """The place behind what was found here: `limit` changes unless there are no more, and one more range
        than that unless there are not so many. None where that is all."""
        is_cut, goes_on = len(skips) > limit, len(changes) == limit
        if not is_cut and not goes_on:
            return None
        updates = [change["_id"] for change in changes if change["kind"] == ChangeKind.UPDATED.value]
        return _Place(
            skipped=skips[limit - 1]["first"] if is_cut else _FIRST,
            updated=updates[-1] if updates else self.updated,
            change=changes[-1]["_id"] if goes_on else LEAST_ID,
        )


class MongoHistory:
    """Implements `History`."""

    def __init__(self, database: AsyncDatabase) -> None:
        self._database = database

    async def page(self, job_id: str, *, cursor: str | None, limit: int) -> HistoryPage:
        """See `History.page`."""
        with in_time(self._database):
            return await read_in_one_thread(
                partial(page_of_history, self._database.delegate, job_id, cursor, limit)
            )


def page_of_history(database: SyncDatabase, job_id: str, cursor: str | None, limit: int) -> HistoryPage:
    """What `History.page` returns. Both lists have one cursor, and each goes on from where it was: a job that
    is triggered often has changes alone, one that is late has mostly the others."""
    place = _Place() if cursor is None else _Place(*decode_instant_and_two_ids(_LIST, cursor))
    changes = _done(database, job_id, place.change, limit)
    skips = _skipped_behind(database, job_id, place.skipped, limit + 1)
    following = place.behind(changes, skips, limit)
    return HistoryPage(
        changes=readable(changes, _change),
        skipped=readable(skips[:limit], _skipped),
        written=_written_before(database, job_id, place.updated),
        from_the_start=len(changes) < limit and place.change != LEAST_ID,
        next_cursor=following.cursor if following else None,
    )


def _done(database: SyncDatabase, job_id: str, behind: str, limit: int) -> list[Document]:
    wanted = {"job_id": job_id, "_id": {"$lt": behind}}
    return list(database[JOB_CHANGES].find(wanted).sort("_id", -1).limit(limit))


def _skipped_behind(database: SyncDatabase, job_id: str, behind: datetime, limit: int) -> list[Document]:
    wanted = {"job_id": job_id, "first": {"$lt": behind}}  # of a job no two ranges begin together
    return list(database[SKIPS].find(wanted).sort("first", -1).limit(limit))


def _written_before(database: SyncDatabase, job_id: str, updated: str) -> str | None:
    if updated == LEAST_ID:
        return None
    update = database[JOB_CHANGES].find_one({"_id": updated, "job_id": job_id}, {"spec": 1}, hint=BY_ID)
    if update is None:
        raise foreign()
    return str(update["spec"])


def _change(document: Document) -> Change:
    kind = ChangeKind(document["kind"])
    return Change(kind, document["version"], document["at"], document.get("spec"))


def _skipped(document: Document) -> Skipped:
    names = ("first", "last", "count", "reason")
    return Skipped(SkipRange(**{name: document[name] for name in names}), document["at"])
