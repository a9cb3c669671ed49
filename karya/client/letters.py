"""The operations of dead letters."""

from collections.abc import AsyncGenerator
from typing import Unpack

from karya.client.asking import PAGE, Asking
from karya.client.operation import Operation, Stream
from karya.client.request import Repeat, Request, get, post, segment
from karya.core.keywords import LetterFilter
from karya.core.views import BulkView, TaskPage, TaskStory, TaskView

_LETTERS = "/v1/dead-letters"


class LetterCalls(Asking):
    """List, redrive, discard."""

    @Operation
    async def dead_letters(
        self, *, cursor: str | None = None, limit: int = 20, **query: Unpack[LetterFilter]
    ) -> TaskPage:
        """A page of dead letters, the latest first. Raises InvalidInput, which names the keyword."""
        return await self._view(get(_LETTERS, cursor=cursor, limit=limit, **query), TaskPage)

    @Stream
    async def letters(self, **query: Unpack[LetterFilter]) -> AsyncGenerator[TaskView, None]:
        """All dead letters that match, the latest first. Raises as `dead_letters`."""
        async for page in self._pages(TaskPage, _LETTERS, limit=PAGE, **query):
            for task in page.tasks:
                yield task

    @Operation
    async def redrive(self, task_id: str) -> TaskStory:
        """Gives a dead letter a new set of attempts. Raises NotFound, Conflict."""
        return await self._view(_one(task_id, "redrive"), TaskStory)

    @Operation
    async def redrive_all(self, **query: Unpack[LetterFilter]) -> int:
        """Redrives all dead letters that match; how many. Raises as `dead_letters`."""
        return (await self._view(post(f"{_LETTERS}/redrive", Repeat.NEVER, query), BulkView)).count

    @Operation
    async def discard(self, task_id: str) -> TaskStory:
        """Gives a dead letter up. Raises NotFound, Conflict."""
        return await self._view(_one(task_id, "discard"), TaskStory)

    @Operation
    async def discard_all(self, **query: Unpack[LetterFilter]) -> int:
        """Discards all dead letters that match; how many. Raises as `dead_letters`."""
        return (await self._view(post(f"{_LETTERS}/discard", Repeat.NEVER, query), BulkView)).count


def _one(task_id: str, verb: str) -> Request:
    return post(f"{_LETTERS}/{segment('task', task_id)}/{verb}", Repeat.NEVER)
