"""Waiting to a fraction of a millisecond: the timers of the event loops know whole ones only."""

import asyncio
import ctypes
import os
import time
from heapq import heappop, heappush
from itertools import count
from math import ceil

_LIBC = ctypes.CDLL(None)
_RELATIVE = 0
"""Of the flags of timerfd_settime(2): from now on. TFD_TIMER_ABSTIME is taken for a moment of the wall clock
by what gives a process a clock of its own (libfaketime), and then never comes."""


class _Setting(ctypes.Structure):
    """struct itimerspec: how often it rings again, and when it rings first."""

    _fields_ = (
        ("again_seconds", ctypes.c_long),
        ("again_nanoseconds", ctypes.c_long),
        ("seconds", ctypes.c_long),
        ("nanoseconds", ctypes.c_long),
    )


class Alarm:
    """One timer of the kernel (timerfd_create(2)) for all who wait on a loop, there while anybody does.

    Where there are no such timers (they are Linux's), those of the loop ring up to a millisecond later.
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = count()
        self._timer = -1

    async def sleep(self, seconds: float) -> None:
        """Returns after so many seconds, never before."""
        if self._timer < 0 and not self._get_timer():
            await asyncio.sleep(ceil(seconds * 1000) / 1000)
            return
        rung = asyncio.get_running_loop().create_future()
        heappush(self._waiting, (time.monotonic() + seconds, next(self._order), rung))
        if self._waiting[0][2] is rung:
            self._set()
        await rung

    def _get_timer(self) -> bool:
        if not hasattr(_LIBC, "timerfd_create"):
            return False
        self._timer = _LIBC.timerfd_create(time.CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if self._timer >= 0:
            asyncio.get_running_loop().add_reader(self._timer, self._ring)
        return self._timer >= 0

    def _set(self) -> None:
        """To the first of those who wait; that it has rung before is forgotten."""
        nanoseconds = max(1, ceil((self._waiting[0][0] - time.monotonic()) * 1e9))  # none would stop it
        setting = _Setting(seconds=nanoseconds // 10**9, nanoseconds=nanoseconds % 10**9)
        _LIBC.timerfd_settime(self._timer, _RELATIVE, ctypes.byref(setting), None)

    def _ring(self) -> None:
        now = time.monotonic()
        while self._waiting and (self._waiting[0][0] <= now or self._waiting[0][2].done()):
            rung = heappop(self._waiting)[2]
            if not rung.done():
                rung.set_result(None)
        if self._waiting:
            self._set()
            return
        asyncio.get_running_loop().remove_reader(self._timer)
        os.close(self._timer)
        self._timer = -1
