"""Single tasks as the server shows them: their story, and what to do with dead letters."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from datetime import datetime

from karya.core.errorkinds import kind_of
from karya.core.errors import Conflict, existing
from karya.core.ports import Clock, ErrorLogRepository, Page, TaskRepository
from karya.core.ports.history import LetterRepository
from karya.core.queries import LetterQuery
from karya.core.task import Task
from karya.core.times import floor_millis
from karya.core.views import BulkView, TaskPage, TaskStory
from karya.core.views.lines import LetterGroup, LetterGroups, LetterLine
from karya.core.views.overview import AtLeast

_MOST_COUNTED = 1_000
_MOST_GROUPED = 10_000
_MOST_GROUPS = 100
_PAGE = 500
_AT_ONCE = 16

_Move = Callable[[str, datetime], Awaitable[bool]]


class Letters:
    """Implements `LetterService`."""

    def __init__(
        self,
        letters: LetterRepository,
        tasks: TaskRepository,
        error_logs: ErrorLogRepository,
        clock: Clock,
        poke: Callable[[datetime], None],
    ) -> None:
        self._letters = letters
        self._tasks = tasks
        self._error_logs = error_logs
        self._clock = clock
        self._poke = poke

    async def task(self, task_id: str, *, cursor: str | None = None, limit: int = 20) -> TaskStory:
        """See `JobService.task`."""
        task, errors = await asyncio.gather(
            self._existing(task_id), self._error_logs.of_task(task_id, cursor=cursor, limit=limit)
        )
        return TaskStory.of(task, errors.items, errors.next_cursor)

    async def dead_letters(self, query: LetterQuery, *, cursor: str | None, limit: int) -> TaskPage:
        """See `JobService.dead_letters`."""
        page = await self._letters.find(query, cursor=cursor, limit=limit)
        return TaskPage.of(page.items, page.next_cursor)

    async def letter_lines(self, query: LetterQuery, *, cursor: str | None, limit: int) -> Page[LetterLine]:
        """See `JobService.letter_lines`."""
        return await self._letters.lines(query, cursor=cursor, limit=limit)

    async def letter_count(self, query: LetterQuery) -> AtLeast:
        """See `JobService.letter_count`."""
        return AtLeast.of(await self._letters.count(query, _MOST_COUNTED), _MOST_COUNTED)

    async def letter_groups(self, query: LetterQuery) -> LetterGroups:
        """See `JobService.letter_groups`."""
        found = await self._letters.groups(query, _MOST_GROUPED, _MOST_GROUPS)
        return replace(found, groups=_by_kind(found.groups))

    async def redrive(self, task_id: str) -> TaskStory:
        """See `JobService.redrive`."""
        now = self._clock.now()
        await self._move(task_id, self._letters.redrive)
        self._poke(now)
        return await self.task(task_id)

    async def redrive_all(self, query: LetterQuery) -> BulkView:
        """See `JobService.redrive_all`."""
        now = self._clock.now()
        count = await self._move_all(query, self._letters.redrive)
        self._poke(now)
        return BulkView(count=count)

    async def discard(self, task_id: str) -> TaskStory:
        """See `JobService.discard`."""
        await self._move(task_id, self._letters.discard)
        return await self.task(task_id)

    async def discard_all(self, query: LetterQuery) -> BulkView:
        """See `JobService.discard_all`."""
        return BulkView(count=await self._move_all(query, self._letters.discard))

    async def _move(self, task_id: str, move: _Move) -> None:
        if not await move(task_id, self._now()):
            task = await self._existing(task_id)
            raise Conflict(f"task {task_id} is {task.status.value}: it is no dead letter")

    async def _move_all(self, query: LetterQuery, move: _Move) -> int:
        """Goes through all pages, of lines: their tasks may be megabytes each. What dies meanwhile is later
        than all of them, and left alone."""
        bounded = query.model_copy(update={"died_before": min(query.died_before or self._now(), self._now())})
        cursor: str | None = None
        count = 0
        while True:
            page = await self._letters.lines(bounded, cursor=cursor, limit=_PAGE)
            count += await self._move_page([line.id for line in page.items], move)
            cursor = page.next_cursor
            if cursor is None:
                return count

    async def _move_page(self, task_ids: Iterable[str], move: _Move) -> int:
        free = asyncio.Semaphore(_AT_ONCE)

        async def one(task_id: str) -> bool:
            async with free:
                try:
                    return await move(task_id, self._now())
                except Conflict:
                    return False  # of a cancelled job: it stays, and the count tells

        return sum(await asyncio.gather(*map(one, task_ids)))

    async def _existing(self, task_id: str) -> Task:
        return existing(await self._tasks.get(task_id), "task", task_id)

    def _now(self) -> datetime:
        return floor_millis(self._clock.now())


def _by_kind(groups: Iterable[LetterGroup]) -> tuple[LetterGroup, ...]:
    """Those together whose errors are of a kind, as the latest of them; the most frequent first."""
    kinds: dict[tuple[str, str], LetterGroup] = {}
    for group in sorted(groups, key=lambda group: group.latest, reverse=True):
        kind = kind_of(group.error)
        latest = kinds.setdefault((group.connector, kind), replace(group, error=kind, count=0))
        kinds[group.connector, kind] = replace(latest, count=latest.count + group.count)
    return tuple(sorted(kinds.values(), key=lambda group: group.count, reverse=True))
