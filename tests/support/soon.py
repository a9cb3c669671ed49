"""Waiting in a coroutine for something that no event tells of, no longer than allowed."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar, cast

T = TypeVar("T")

_PAUSE = 0.005


async def soon(look: Callable[[], T | Awaitable[T]], timeout: float = 20, what: str = "") -> T:
    """Looks until the answer is true, and returns it; AssertionError with the last answer otherwise."""
    deadline = time.monotonic() + timeout
    while not (answer := await _answer(look)):
        assert time.monotonic() < deadline, f"{what or look} not within {timeout:g} s: {answer!r}"
        await asyncio.sleep(_PAUSE)
    return answer


async def _answer(look: Callable[[], T | Awaitable[T]]) -> T:
    answer = look()
    return await answer if inspect.isawaitable(answer) else cast(T, answer)
