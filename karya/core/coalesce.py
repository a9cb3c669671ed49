"""Group commit: while one batch is being written, whatever arrives waits and goes together as the next."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Generic, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")

_FEW = 50
"""A batch of so many costs hardly less for each of them than a larger one."""


class Coalescer(Generic[Item, Answer]):
    """Turns single requests into batches, without a timer unless it is told to rest.

    An item that finds nothing under way is written at once (no added latency when idle); under load
    the batches grow by themselves up to `most`. `write` answers with one value for each item, in
    order; what it raises is raised to every waiter of that batch.
    """

    def __init__(
        self,
        write: Callable[[Sequence[Item]], Awaitable[Sequence[Answer]]],
        most: int,
        *,
        weigh: Callable[[Item], int] = lambda _: 0,
        heaviest: int = 0,
        hopeless: tuple[type[Exception], ...] = (),
        halved: tuple[type[Exception], ...] = (),
        rest: float = 0.0,
    ) -> None:
        """With `weigh`, a batch ends when it weighs `heaviest`; a heavier item travels alone. A batch that
        fails in a `hopeless` way fails those that wait behind it, too: none of them is written. One that
        fails in another way, to be `halved`, is written again in halves, until only the items to blame are
        told of it: `write` must not mind what it has written before. Behind a batch of a few it rests for
        `rest` seconds, so that the next ones are fewer and larger."""
        self._write = write
        self._most = most
        self._weigh = weigh
        self._heaviest = heaviest
        self._hopeless = hopeless
        self._halved = halved
        self._rest = rest
        self._waiting: deque[tuple[Item, asyncio.Future[Answer]]] = deque()
        self._writer: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        """How many items wait for their batch to begin."""
        return len(self._waiting)

    async def add(self, item: Item) -> Answer:
        """Waits until the batch with this item is written and returns the item's answer.

        The item is written even if the caller is cancelled meanwhile.
        """
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._writer is None:
            # In a context of its own: the batch is not the business of whoever happened to come first.
            self._writer = asyncio.create_task(self._write_all(), name="coalescer", context=Context())
        return await future

    async def _write_all(self) -> None:
        try:
            await asyncio.sleep(0)  # lets everything that became ready in this turn join the first batch
            while self._waiting:
                batch = self._next_batch()
                await self._write_batch(batch)
                if self._rest and len(batch) < _FEW:
                    await asyncio.sleep(self._rest)
        finally:
            self._writer = None
            while self._waiting:  # only when this task was cancelled: nobody else would ever answer them
                self._waiting.popleft()[1].cancel()

    def _next_batch(self) -> list[tuple[Item, asyncio.Future[Answer]]]:
        batch = [self._waiting.popleft()]
        weight = self._weigh(batch[0][0])
        while self._waiting and len(batch) < self._most:
            weight += self._weigh(self._waiting[0][0])
            if weight > self._heaviest:
                break
            batch.append(self._waiting.popleft())
        return batch

    async def _write_batch(self, batch: list[tuple[Item, asyncio.Future[Answer]]]) -> None:
        try:
            answers = await self._write([item for item, _ in batch])
            answered = list(zip(batch, answers, strict=True))
        except BaseException as error:
            if isinstance(error, self._hopeless):
                batch = [*batch, *self._waiting]
                self._waiting.clear()
            elif isinstance(error, self._halved) and len(batch) > 1:
                half = len(batch) // 2
                await self._write_batch(batch[:half])
                await self._write_batch(batch[half:])
                return
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            if isinstance(error, Exception):
                return
            raise
        for (_, future), answer in answered:
            if not future.done():
                future.set_result(answer)
