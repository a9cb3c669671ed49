"""Steering a job that is stored: pausing, resuming, triggering, skipping and changing it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from karya.core.job import Job
from karya.core.misfire import SkipRange
from karya.core.task import Task
from karya.core.trace import Trace

Revise = Callable[[Job], Job]
"""Makes the next version of a job; InvalidInput or Conflict when it cannot be one."""


class ChangeKind(StrEnum):
    """What can be done to a job."""

    UPDATED = "updated"
    PAUSED = "paused"
    RESUMED = "resumed"
    CANCELLED = "cancelled"
    TRIGGERED = "triggered"
    SKIPPED_NEXT = "skipped_next"


@dataclass(frozen=True, slots=True)
class Change:
    """One entry in the history of a job: what was done, and the version that it left. Of an update, `before`
    is what the client had written until then, as JSON text."""

    kind: ChangeKind
    version: int
    at: datetime
    before: str | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """A range of instants that was skipped, and when."""

    range: SkipRange
    at: datetime


class Lifecycle(Protocol):
    """Each call is one transaction: the job, its tasks and its history change together or not at all.

    All of them raise NotFound for an unknown job, Conflict when its state forbids the call, and
    StoreUnavailable when the write is unknown.
    """

    async def pause(self, job_id: str, now: datetime) -> Job:
        """ACTIVE to PAUSED, and all open steps held: none of them can be claimed. A paused job stays as it
        is, and is answered as before."""

    async def resume(self, job_id: str, now: datetime) -> Job:
        """PAUSED to ACTIVE; an active job stays as it is.

        Of a recurring job, the instants since the pause are skipped: the occurrences that have tasks with
        all their steps, if none was ever claimed, the others as one range. Its cursor moves on to the
        first instant after now. Everything else is let go and due at once, but for what waits for the slot.
        """

    async def trigger(
        self, job_id: str, request: str, now: datetime, trace: Trace | None = None
    ) -> Sequence[Task]:
        """Makes an occurrence of an ACTIVE job that is due now, besides its schedule. `request` is an id
        that was minted for it: asking again gives the same tasks, whatever became of the job. They belong to
        `trace`, without one to that of the job."""

    async def skip_next(self, job_id: str, now: datetime) -> Sequence[Task]:
        """Skips all steps of the earliest scheduled occurrence none of whose steps was ever claimed, and
        makes the one behind it if it was the last that has tasks."""

    async def update(self, job_id: str, revise: Revise, now: datetime) -> Job:
        """Stores the next version of a job. Scheduled occurrences none of whose steps was ever claimed are
        withdrawn, and made again where its schedule still has their instant (karya.core.remaking); triggered
        ones are made again and due now. What had come by another schedule before, and is not made again, is
        skipped, be it an occurrence or instants that have no tasks yet.

        Of triggered ones, and of scheduled ones where the schedule stays, only the earliest are made again,
        as many as `most_at_once` allows (karya.core.occurrence), and what waits for the slot. The others stay
        as they are, and run by the version that they were made by.

        `revise` is called once for each try, with the job as it then is. Raises Conflict for a name that
        another live job of the same owner has.
        """


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """A part of what was done to a job and of what was skipped of it, each the latest first. `written` is
    what the client had written when the latest of these changes had been made, as JSON text; None where that
    is what the job has now. `from_the_start` says that before these changes the job was submitted."""

    changes: Sequence[Change]
    skipped: Sequence[Skipped]
    written: str | None
    from_the_start: bool
    next_cursor: str | None


class History(Protocol):
    """What was done to jobs."""

    async def page(self, job_id: str, *, cursor: str | None, limit: int) -> HistoryPage:
        """At most `limit` changes, and at most as many ranges that were skipped; on the page from the start
        fewer changes, so that there is room to tell of that too. Raises InvalidInput for a cursor that no
        earlier page gave."""
