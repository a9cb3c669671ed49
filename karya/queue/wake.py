"""Wakes a task on an event loop from any thread; a burst of calls wakes it once."""

import asyncio
from threading import Lock


class Wake:
    """A flag that one task on the attached loop waits for. Setting it while detached is remembered."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._set = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._event = asyncio.Event()

    def attach(self) -> None:
        """Ties it to the running loop."""
        with self._lock:
            self._loop = asyncio.get_running_loop()
            if self._set:
                self._event.set()

    def detach(self) -> None:
        """Lets go of the loop: from now on nothing is called there."""
        with self._lock:
            self._loop = None

    def set(self) -> None:
        """Wakes the waiter. Thread-safe."""
        with self._lock:
            if self._set:
                return
            self._set = True
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._event.set)

    async def wait(self) -> None:
        """Waits until it is set, and clears it."""
        await self._event.wait()
        self._event.clear()
        with self._lock:
            self._set = False
