"""Dead letters, and how history ends."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from karya.core.ports.store import Page
from karya.core.queries import LetterQuery
from karya.core.task import Task
from karya.core.views.lines import LetterGroups, LetterLine


class LetterRepository(Protocol):
    """The tasks that are DEAD, and the two ways out of it."""

    async def find(self, query: LetterQuery, *, cursor: str | None, limit: int) -> Page[Task]:
        """The dead letters that the query finds, the latest first. A foreign cursor raises InvalidInput."""

    async def lines(self, query: LetterQuery, *, cursor: str | None, limit: int) -> Page[LetterLine]:
        """The same page, of which no more is read than its lines show."""

    async def count(self, query: LetterQuery, most: int) -> int:
        """How many dead letters the query finds; counting stops at `most`."""

    async def groups(self, query: LetterQuery, most: int, listed: int) -> LetterGroups:
        """Of the latest `most` dead letters, those that the query finds, by the start of their error
        (`errorkinds.HEAD` characters, to where its kind `ENDS`) and their connector; so many `listed` groups,
        those with the most. The text and the step of the query do not narrow down at which it looks."""

    async def redrive(self, task_id: str, now: datetime) -> bool:
        """DEAD to READY with a new set of attempts; the steps behind it that were skipped because of it are
        BLOCKED again, all in one transaction. False when it is no dead letter (any more).

        A hook runs whatever became of its job. Raises Conflict for a step of a cancelled job: nothing of that
        may start any more (I4).
        """

    async def discard(self, task_id: str, now: datetime) -> bool:
        """DEAD to CANCELLED. False when it is no dead letter (any more)."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """What one look at history did: at how many jobs it looked, what it removed, and for how long the first
    of them had been due."""

    looked: int
    tasks: int
    jobs: int
    behind: timedelta = timedelta(0)


class Retention(Protocol):
    """The end of history."""

    async def expire(self, now: datetime, limit: int) -> Sweep:
        """Looks at up to twice `limit` jobs whose history may be due, and removes what their retention has
        run out for: occurrences all of whose steps and hooks have ended, with their error logs, and then the
        jobs that have ended and of which nothing is left. Of jobs that go on, also the record of triggers
        that are older than anything that is kept. When it looked at none, nothing is due. Doing it again
        removes nothing more."""
