"""What every actor process needs around its plain class: a start that reports, a death that is noticed."""

import asyncio
import gc
import os
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import structlog

from karya.core.clock import SystemClock
from karya.core.errors import StoreUnavailable

log = structlog.get_logger("karya.actor")

_GARBAGE_THRESHOLD = 50_000
"""New objects between two looks for garbage. A drain makes thousands of short-lived ones at a time; with the
usual 700 the collector would walk over all of them again and again."""

_SWITCH_SECONDS = 0.0005
"""The interpreter's switch interval: an actor's event loop shares the work with threads (the driver's, or the
scheduler's), and with the usual 5 ms each would wait that long for the other."""

_LAST_WORDS_SECONDS = 2.0
_MEASURE_EVERY_SECONDS = 10.0
_MEASURE_AGAIN_SECONDS = 1.0


class Host:
    """Runs the life of one actor: `opening` once, then background tasks until the end of the process.

    An actor of Ray has nobody who would notice that one of its loops died, so the process ends with it
    and Ray starts it again, from the store.
    """

    def __init__(self, name: str, opening: Callable[[], Coroutine[Any, Any, None]]) -> None:
        gc.freeze()
        gc.set_threshold(_GARBAGE_THRESHOLD, 20, 50)
        sys.setswitchinterval(_SWITCH_SECONDS)
        self.loop = asyncio.get_running_loop()
        self._name = name
        self._background: set[asyncio.Task[None]] = set()
        self._opened = asyncio.create_task(self._open(opening), name=f"{name} opening")

    async def ready(self) -> None:
        """Waits until the actor is open; raises what kept it from opening."""
        await asyncio.shield(self._opened)

    def keep(self, coroutine: Coroutine[Any, Any, None], name: str) -> None:
        """Runs this for the rest of the actor's life."""
        task = asyncio.create_task(coroutine, name=name)
        self._background.add(task)
        task.add_done_callback(self._ended)

    async def close(self) -> None:
        """Stops the background tasks; the process may end now."""
        tasks, self._background = self._background, set()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _open(self, opening: Callable[[], Coroutine[Any, Any, None]]) -> None:
        try:
            await opening()
        except Exception as error:
            log.error("opening_failed", actor=self._name, error=str(error))
            asyncio.get_running_loop().call_later(_LAST_WORDS_SECONDS, os._exit, 1)
            raise

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task in self._background and not task.cancelled() and task.exception() is not None:
            log.critical("loop_died", actor=self._name, loop=task.get_name(), exc_info=task.exception())
            os._exit(1)


async def keep_time(measure: Callable[[SystemClock], Awaitable[None]], clock: SystemClock) -> None:
    """Measures the offset of the database's clock from time to time, for ever."""
    while True:
        pause = _MEASURE_EVERY_SECONDS
        try:
            await measure(clock)
        except StoreUnavailable as error:
            log.warning("clock_not_measured", error=str(error))
            pause = _MEASURE_AGAIN_SECONDS
        await asyncio.sleep(pause)
