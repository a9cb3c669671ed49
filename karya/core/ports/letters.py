"""What the server asks about single tasks: dead letters, stories, and why something does not run."""

from typing import Protocol

from karya.core.ports.store import Page
from karya.core.queries import LetterQuery
from karya.core.views import BulkView, TaskPage, TaskStory
from karya.core.views.lines import LetterGroups, LetterLine
from karya.core.views.overview import AtLeast


class LetterService(Protocol):
    """The part of `JobService` with the same methods, whose contracts hold here."""

    async def task(self, task_id: str, *, cursor: str | None = None, limit: int = 20) -> TaskStory:
        """See `JobService.task`."""

    async def dead_letters(self, query: LetterQuery, *, cursor: str | None, limit: int) -> TaskPage:
        """See `JobService.dead_letters`."""

    async def letter_lines(self, query: LetterQuery, *, cursor: str | None, limit: int) -> Page[LetterLine]:
        """See `JobService.letter_lines`."""

    async def letter_count(self, query: LetterQuery) -> AtLeast:
        """See `JobService.letter_count`."""

    async def letter_groups(self, query: LetterQuery) -> LetterGroups:
        """See `JobService.letter_groups`."""

    async def redrive(self, task_id: str) -> TaskStory:
        """See `JobService.redrive`."""

    async def redrive_all(self, query: LetterQuery) -> BulkView:
        """See `JobService.redrive_all`."""

    async def discard(self, task_id: str) -> TaskStory:
        """See `JobService.discard`."""

    async def discard_all(self, query: LetterQuery) -> BulkView:
        """See `JobService.discard_all`."""
