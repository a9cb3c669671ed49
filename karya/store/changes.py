"""The history of jobs: what was done to them, kept append-only for as long as the job itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from karya.core.ids import new_id
from karya.core.job import Cursor
from karya.core.misfire import SkipRange
from karya.core.outline import Outline
from karya.core.ports.lifecycle import Change, ChangeKind, Skipped
from karya.store.client import AsyncDatabase, Document, in_time
from karya.store.documents import cursor_document, readable
from karya.store.names import JOB_CHANGES, SKIPS


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


class MongoHistory:
    """Implements `History`."""

    def __init__(self, database: AsyncDatabase) -> None:
        self._changes = database[JOB_CHANGES]
        self._skips = database[SKIPS]

    async def changes(self, job_id: str, limit: int) -> Sequence[Change]:
        """See `History.changes`."""
        with in_time(self._changes):
            found = self._changes.find({"job_id": job_id}).sort("_id", -1).limit(limit)
            return readable(await found.to_list(None), _change)

    async def skipped(self, job_id: str, limit: int) -> Sequence[Skipped]:
        """See `History.skipped`."""
        with in_time(self._changes):
            found = self._skips.find({"job_id": job_id}).sort("first", -1).limit(limit)
            return readable(await found.to_list(None), _skipped)


def _change(document: Document) -> Change:
    kind = ChangeKind(document["kind"])
    return Change(kind, document["version"], document["at"], document.get("spec"))


def _skipped(document: Document) -> Skipped:
    names = ("first", "last", "count", "reason")
    return Skipped(SkipRange(**{name: document[name] for name in names}), document["at"])
