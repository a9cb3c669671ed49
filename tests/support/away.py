"""A store that goes away and comes back when a test says so."""

import asyncio
from collections.abc import Callable
from typing import Any

from karya.core.errors import StoreUnavailable


class Away:
    """Stands in for a repository: the named coroutine methods raise StoreUnavailable `left` times.

    While `open` is cleared they wait, before they do anything. `calls` counts all of them.
    """

    def __init__(self, real: Any, *methods: str, left: int = 0) -> None:
        self._real = real
        self._methods = methods
        self.left = left
        self.calls = 0
        self.open = asyncio.Event()
        self.open.set()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        if name not in self._methods:
            return found

        async def call(*args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            await self.open.wait()
            if self.left > 0:
                self.left -= 1
                raise StoreUnavailable("the store is away")
            return await found(*args, **kwargs)

        return call


class AwayBlocking:
    """The same for the scheduler's blocking side: every method raises while `left` is positive. What stands
    in `before` under the name of a method is called first, in the scheduler's thread."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self.left = 0
        self.before: dict[str, Callable[[], object]] = {}

    def __getattr__(self, name: str) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            self.before.get(name, lambda: None)()
            if self.left > 0:
                self.left -= 1
                raise StoreUnavailable("the store is away")
            return getattr(self._real, name)(*args, **kwargs)

        return call
