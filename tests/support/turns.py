"""Who else has a turn on the event loop while something is done."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class Turns:
    """How many the other had so far."""

    count: int = 0

    async def take(self) -> None:
        """Takes one after the other, until it is cancelled."""
        while True:
            self.count += 1
            await asyncio.sleep(0)


@contextmanager
def others() -> Iterator[Turns]:
    """Somebody who always wants a turn, as long as the context lasts."""
    turns = Turns()
    busy = asyncio.create_task(turns.take())
    try:
        yield turns
    finally:
        busy.cancel()
