"""The queue between scheduler and workers."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from karya.core.hint import Hint
from karya.core.pools import DEFAULT_POOL


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """A worker as the dispatcher sees it."""

    owner: str
    free: int
    running: int
    pool: str = DEFAULT_POOL


@dataclass(frozen=True, slots=True)
class PoolLoad:
    """What a pool has, and what waits for it."""

    workers: int = 0
    """How many are connected."""
    free: int = 0
    """How many more tasks they take together."""
    running: int = 0
    """How many they run."""
    waiting: int = 0
    """How many due tasks are known that no worker has been told of."""


class Producer(Protocol):
    """The scheduler's end of the queue. Thread-safe. No pool waits for another one."""

    def offer(self, hints: Iterable[Hint]) -> None:
        """Hands over due tasks; each goes to one worker of its pool with credit, in order. Offering one
        again that still waits changes nothing."""

    def room(self, pool: str = DEFAULT_POOL) -> int:
        """How many more hints of the pool it takes: what waits there has had its turn, so it is no more than
        workers take soon. Where it was 0 it tells `on_room` when it rises again."""

    def surplus(self, pool: str = DEFAULT_POOL) -> Sequence[Hint]:
        """Takes back those last offered of the pool that workers do not take soon, contrary to what was
        expected."""

    def workers(self) -> Sequence[WorkerInfo]:
        """The workers that are alive."""


Resolve = Callable[[], Awaitable[str | None]]
"""Finds the dispatcher's present endpoint; None while there is none."""


class Poke(Protocol):
    """Tells the scheduler that something was stored, or made READY. A hint that may be lost."""

    def __call__(self, due_at: datetime | None, told: Sequence[Hint] = ()) -> None:
        """`told` are new tasks that may be claimed at once and that nothing follows: it need not look for
        them. Of all others none is due before `due_at`; None says that there are no others."""


class Consumer(Protocol):
    """A worker's end of the queue."""

    async def receive(self) -> Sequence[Hint]:
        """Waits for the next batch of hints."""

    def put_back(self, hints: Sequence[Hint]) -> None:
        """These were received last, and are not taken: at the end of this worker others get them."""

    def report(self, free: int, running: int) -> None:
        """Announces how many more tasks this worker can take at once."""

    def poke(self, due_at: datetime | None, told: Sequence[Hint] = ()) -> None:
        """See `Poke`."""
