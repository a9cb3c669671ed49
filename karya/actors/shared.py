"""One answer for all who ask about the same time."""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import Context
from typing import Generic, TypeVar

Answer = TypeVar("Answer")

_FRESH_SECONDS = 1.0


class Shared(Generic[Answer]):
    """Asks once for all who want to know at the same time, and remembers what it was told.

    What the question raises is raised to all who wait for it, and not remembered. The question goes on when
    one who waits for it is cancelled.
    """

    def __init__(self, ask: Callable[[], Awaitable[Answer]]) -> None:
        self._ask = ask
        self._asking: asyncio.Task[Answer] | None = None
        self._kept: tuple[float, Answer] | None = None

    async def within(self, seconds: float) -> Answer:
        """An answer that came at most so many seconds ago. When it is older than a second, the next one is
        already asked for, so that whoever asks again and again never waits."""
        asked_at = asyncio.get_running_loop().time()
        if self._kept is None or asked_at - self._kept[0] > seconds:
            return await asyncio.shield(self._next())
        came_at, answer = self._kept
        if asked_at - came_at > _FRESH_SECONDS:
            self._next()
        return answer

    def _next(self) -> asyncio.Task[Answer]:
        """The question that is under way, or a new one: not the business of whoever happens to come first."""
        if self._asking is None:
            self._asking = asyncio.create_task(self._answered(), name="shared", context=Context())
            self._asking.add_done_callback(self._ended)
        return self._asking

    async def _answered(self) -> Answer:
        answer = await self._ask()
        self._kept = asyncio.get_running_loop().time(), answer
        return answer

    def _ended(self, asking: asyncio.Task[Answer]) -> None:
        self._asking = None
        if not asking.cancelled():
            asking.exception()  # seen, though perhaps nobody waits for it any more
