"""Taking turns at what may take long."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext

from karya.core.errors import StoreUnavailable

_AT_ONCE = 3


class Turns:
    """Searches by text look at everything, if little fits. Each holds one of few threads meanwhile, so only
    some have their turn at once: the other threads are for those who are quick."""

    def __init__(self, patience_ms: int, at_once: int = _AT_ONCE) -> None:
        """`patience_ms` is how long one waits for a turn."""
        self._patience = patience_ms / 1000
        self._free = asyncio.Semaphore(at_once)

    def of(self, text: str | None) -> AbstractAsyncContextManager[None]:
        """A turn for whoever looks for a text; nobody else needs one."""
        return nullcontext() if text is None else self.turn()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Waits for a turn and has it. Raises StoreUnavailable when none comes in time."""
        try:
            async with asyncio.timeout(self._patience):
                await self._free.acquire()
        except TimeoutError:
            raise StoreUnavailable("too many searches by text are under way") from None
        try:
            yield
        finally:
            self._free.release()
