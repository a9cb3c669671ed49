"""The queue between scheduler and workers."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from karya.core.hint import Hint


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """A worker as the dispatcher sees it."""

    owner: str
    free: int
    running: int


class Producer(Protocol):
    """The scheduler's end of the queue. Thread-safe."""

    def offer(self, hints: Iterable[Hint]) -> None:
        """Hands over due tasks; each goes to one worker with credit, in order. Offering one again that
        still waits changes nothing."""

    def room(self) -> int:
        """How many more hints it takes before it is full; it tells `on_room` when that rises again."""

    def workers(self) -> Sequence[WorkerInfo]:
        """The workers that are alive."""


Resolve = Callable[[], Awaitable[str | None]]
"""Finds the dispatcher's present endpoint; None while there is none."""


class Consumer(Protocol):
    """A worker's end of the queue."""

    async def receive(self) -> Sequence[Hint]:
        """Waits for the next batch of hints."""

    def report(self, free: int, running: int) -> None:
        """Announces how many more tasks this worker can take at once."""

    def poke(self, due_at: datetime) -> None:
        """Tells the scheduler that a task is due then; a hint that may be lost."""
