"""A worker's end of a queue, in memory: it keeps to the credit that the worker announces."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from karya.core.hint import Hint


class Line:
    """Implements `Consumer`. `reports` holds what was announced, as (free, running)."""

    def __init__(self) -> None:
        self.backlog: list[Hint] = []
        self.reports: list[tuple[int, int]] = []
        self.pokes: list[datetime] = []
        self._free = 0
        self._changed = asyncio.Event()

    @property
    def free(self) -> int:
        """The credit that is left."""
        return self._free

    def send(self, *hints: Hint) -> None:
        """What the scheduler would send as soon as there is credit."""
        self.backlog += hints
        self._changed.set()

    async def receive(self) -> Sequence[Hint]:
        while not (batch := self.backlog[: self._free]):
            self._changed.clear()
            await self._changed.wait()
        del self.backlog[: len(batch)]
        self._free -= len(batch)
        return batch

    def put_back(self, hints: Sequence[Hint]) -> None:
        self.backlog[:0] = hints
        self._free += len(hints)

    def report(self, free: int, running: int) -> None:
        self.reports.append((free, running))
        self._free = free
        self._changed.set()

    def poke(self, due_at: datetime) -> None:
        self.pokes.append(due_at)
