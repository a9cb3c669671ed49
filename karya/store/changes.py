"""The history of jobs: what was done to them, kept append-only for as long as the job itself."""

from collections.abc import Sequence
from datetime import datetime

from karya.core.ids import new_id
from karya.core.misfire import SkipRange
from karya.core.ports.lifecycle import Change, ChangeKind, Skipped
from karya.store.client import AsyncDatabase, Document, translated
from karya.store.documents import readable
from karya.store.names import JOB_CHANGES, SKIPS


def change_document(
    job_id: str, kind: ChangeKind, version: int, now: datetime, before: str | None = None
) -> Document:
    """A new entry; ids sort by the time of the entry."""
    entry: Document = {"_id": new_id(now), "job_id": job_id, "kind": kind.value, "version": version}
    return {**entry, "at": now} if before is None else {**entry, "at": now, "spec": before}


class MongoHistory:
    """Implements `History`."""

    def __init__(self, database: AsyncDatabase) -> None:
        self._changes = database[JOB_CHANGES]
        self._skips = database[SKIPS]

    async def changes(self, job_id: str, limit: int) -> Sequence[Change]:
        """See `History.changes`."""
        with translated():
            found = self._changes.find({"job_id": job_id}).sort("_id", -1).limit(limit)
            return readable(await found.to_list(None), _change)

    async def skipped(self, job_id: str, limit: int) -> Sequence[Skipped]:
        """See `History.skipped`."""
        with translated():
            found = self._skips.find({"job_id": job_id}).sort("first", -1).limit(limit)
            return readable(await found.to_list(None), _skipped)


def _change(document: Document) -> Change:
    kind = ChangeKind(document["kind"])
    return Change(kind, document["version"], document["at"], document.get("spec"))


def _skipped(document: Document) -> Skipped:
    names = ("first", "last", "count", "reason")
    return Skipped(SkipRange(**{name: document[name] for name in names}), document["at"])
