"""Reading the ledger for an audit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from karya.core.audit.records import Entry
from karya.core.queries import AuditQuery
from karya.core.views.audit import AuditPage


@dataclass(frozen=True, slots=True)
class Place:
    """Where an audit goes on: with this job, at its instants from `since` on (None: with all of it).
    `numbers` are those of the verdict on what came before of this job."""

    job_id: str
    since: datetime | None = None
    numbers: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sheet:
    """Some entries of the ledger, all as of one moment, and where the next ones are; None behind the last.
    `unreadable` are documents, by job and id, that do not say what they should."""

    entries: Sequence[Entry] = ()
    following: Place | None = None
    unreadable: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Vitals:
    """The database's present time, and from when to when a scheduler has led without a break: until now, or,
    when none leads, until the last one was last known to."""

    now: datetime
    alive_since: datetime | None = None
    alive_until: datetime | None = None


class Ledger(Protocol):
    """What is stored, as an audit reads it: by majority, in parts of bounded size."""

    async def vitals(self, lock: str) -> Vitals:
        """How the holder of this lock does."""

    async def sheet(self, query: AuditQuery, place: Place | None) -> Sheet:
        """The next part of what the query finds, the newest jobs first, each as a whole or, when that is too
        large, a stretch of it. All entries of a sheet are read as of one moment."""

    async def again(self, entry: Entry) -> Entry | None:
        """The same stretch of the same job as it is by now; None when there is no such job any more."""


class Auditor(Protocol):
    """Proving the ledger."""

    async def audit(self, query: AuditQuery, *, cursor: str | None) -> AuditPage:
        """See `JobService.audit`."""
