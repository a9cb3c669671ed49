"""Long work on an event loop, without keeping others from it."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import TypeVar

T = TypeVar("T")

_EVERY = 100


async def in_breaths(items: Iterable[T]) -> AsyncIterator[tuple[int, T]]:
    """The items, numbered from 0. After the first, and each hundred later, whoever waits for the loop has a
    turn."""
    for number, item in enumerate(items):
        yield number, item
        if number % _EVERY == 0:
            await asyncio.sleep(0)
